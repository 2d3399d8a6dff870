// Package containers makes containers. There is no such thing in the kernel: a container is a process that was given
// namespaces (what it sees), cgroups (what it may use) and a root file system (what it has), and from which some powers
// of root were taken. [Spec] is where all of that is decided, from a description of what is wanted; libcontainer, the
// library that runc is made of, carries it out. (Chapter 01.)
//
// # The shim
//
// A process has one parent, and only the parent learns its exit code. Its output goes into a pipe, and somebody must
// read it. If that were the container runtime, an upgrade of the runtime would end every container on the node. So
// each pod has a process of its own, the shim (program kube-shim, package shim below this one), which
//
//   - lives in the pod's UTS and IPC namespaces, so that the containers, its children, share hostname and IPC (this is
//     the work of the "pause" container elsewhere); the network namespace is made by somebody else and joined by path;
//   - makes the containers, waits for them, and writes each exit to a file before it tells anybody;
//   - copies stdout and stderr into log files, holds terminals, starts further commands (exec), lets clients attach (package streams);
//   - answers on a unix socket that only root may open: a line of JSON each way, and file descriptors beside it.
//
// This package is the client's side, for the runtime: [StartShim], or after a restart [ConnectShim], and then the
// methods of [Shim]. It has no state in memory, so there is nothing to lose:
//
//	runtime ──socket──> shim ──parent of──> container's first process ──> its children
//	   │                  │
//	   └── reads ──> <sandbox>/containers/<id>/status.json (written, flushed, renamed at each step of a life)
//
// Create and Start are two steps, as in CRI. After Create everything is set up and the first process waits to be told
// to become the command. It is the shim's own program, run anew inside the namespaces. That is why the program is small
// and separate: a big one takes longer to start than all the rest.
//
// # Who may die
//
//   - The runtime, at any time: the shim has its own session, inherits no pipe, and goes on. Nothing is lost.
//   - A container: the shim notes the exit and tells whoever follows [Shim.Exits]. What it has left running is killed: by the kernel where its
//     command was process 1 of a PID namespace, and else by the shim, which finds it in the container's cgroup.
//   - Process 1 of a pod whose containers share their processes ([Sandbox.SharePID]): the kernel kills all of them, and the shim ends.
//   - The shim: nobody can learn its containers' exit codes now, so they must not live on. The client that notices kills
//     what is in their cgroups, and writes exits with code 137 and [ReasonShimDied]. While no client is there either,
//     such containers run on, to their first write into a pipe that nobody reads. Exits that were noted before are kept.
//
// # Where things live
//
// The shim's mounts (one overlay for each container, one /dev/shm for the pod) are in the mount namespace that it was
// started in, so that others on the node see the files. It stays in the cgroup of whoever started it. A container's
// cgroup is CgroupParent/<ID>. On cgroup v2 a cgroup that has children with limits may hold no process itself, so the
// ancestors of CgroupParent must be kept free of processes. The parent is its owner's to remove, see [RemoveCgroup].
// The shim adopts no orphans: they go to process 1 of their PID namespace. That is the container's command, or where the pod's containers share
// one the program kube-pause, a container without files or powers that only the shim knows of ([Pause]).
//
// # What is simplified
//
// System calls are filtered (seccomp) by Docker's profile, for programs of the machine's own kind only: on x86-64
// those of 32 bits do not run. The filter is computed by libseccomp, a C library, with which kube-shim is built
// (build tag seccomp). There is no AppArmor or SELinux, no user namespaces, no devices but those of every container
// or (privileged) of the machine, no checkpoints and no pausing. Limits do not change while a container runs,
// and what it uses is not measured. Cgroups are made by hand (the "cgroupfs driver"), not by asking systemd.
// One shim speaks one protocol, ours; containerd's speak ttrpc, and can be replaced by virtual machines.
package containers
