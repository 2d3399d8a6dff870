// Package runtime is a container runtime: it makes pods out of images, networks and containers, for whoever asks in the
// language that kubelets speak, the Container Runtime Interface (CRI).
//
// # The problem
//
// The kubelet knows what a pod is, but not how one is made. That changes with the platform and is replaced at another
// pace than Kubernetes: containers by Linux namespaces, small virtual machines, WebAssembly. And the kubelet, like every
// program, is restarted or upgraded now and then, which must not end a single container.
//
// # The idea
//
// A process of its own, behind an interface with two nouns:
//
//   - A sandbox is what the containers of a pod share: network, IPC, hostname, a parent cgroup, and their processes if the pod says so.
//   - A container is a command in its own root file system, in a sandbox. It is created (all is there, the command
//     waits), started, and some time later it has exited and has an exit code.
//
// The kubelet asks over gRPC on a unix socket, and hears of every change in a stream of events. This package adds
// nothing to namespaces, cables or layers: it puts three rooms together.
//
//	RunPodSandbox    →  podnet: a network namespace, a cable, an address
//	                    containers: a shim, which holds the other namespaces
//	CreateContainer  →  images: which directories are the image's layers, and what it says about command and user
//	                    containers: root file system, cgroup, a first process that waits
//	StartContainer   →  containers: the first process becomes the command
//
// What surrounds that is in annexes: spec (what a caller's words come to), sessions (exec, attach, port-forward), imageservice, serve (the
// gRPC server), steps (how the causal record learns what was done).
//
// # Nothing is lost
//
// `kill -9` of the runtime at any instant must not lose an exit code or leave a network cable behind. Three habits do it:
//
//   - Every container is a child of its pod's shim, not of the runtime. The shim notes exits on disk and writes the logs.
//   - What the runtime itself must know is one small record per sandbox and one per container. A record never changes; a sandbox's is
//     written when the sandbox is whole, and a container's is kept by its shim, so there is one exactly if there is the container.
//   - At its start the runtime reads the records and asks the shims. [PlanRecovery] has four cases: a sandbox without a record was half-made
//     or half-removed and goes, a shim that lives is followed again, a sandbox whose shim is dead is taken down, and one of which
//     nothing can be learned counts as not ready until it can be stopped. After a node's power cut all shims are dead, and it is the third case.
//
// # Simplified
//
// Real runtimes (containerd, CRI-O) offer several handlers (RuntimeClass), user namespaces, devices, image volumes, host ports, checkpoints, limits
// that change while a container runs, and statistics. Who asks for one of them gets an error that says so. They keep a pause container alive in
// each sandbox, or pin namespaces to files; here the shim holds them, and a pause is only where processes are shared. Container IDs must be given in full. What is refused, by field: spec/plan_refused.go.
//
// Chapter 01 uses this room through kube cri; chapter 11 shows the kubelet driving it.
package runtime
