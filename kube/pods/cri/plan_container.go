package cri

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/volumes"
)

// Attempt is one start of a container: which, how often in a row it was restarted, and from which image.
type Attempt struct {
	Number, Streak int
	Image          string
	Target         string // the runtime's ID of the container whose processes it shares, if it does; where all share theirs it needs none
}

// ContainerConfig tells the runtime how to make one attempt of a container.
func ContainerConfig(pod *corev1.Pod, c *corev1.Container, attempt Attempt, process Process, node Node) *runtimeapi.ContainerConfig {
	config := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: c.Name, Attempt: uint32(attempt.Number)},
		Image:    &runtimeapi.ImageSpec{Image: attempt.Image, UserSpecifiedImage: c.Image},
		// The runtime sets these two against the image's own: a command replaces entrypoint and arguments
		// of the image, arguments alone replace its arguments.
		Command:    process.Command,
		Args:       process.Args,
		WorkingDir: c.WorkingDir,
		Mounts:     ownFiles(pod, c, attempt.Number, node),
		Labels:     LabelsOf(pod, c.Name),
		Annotations: map[string]string{
			AnnotationStreak: strconv.Itoa(attempt.Streak),
			AnnotationImage:  c.Image,
			AnnotationWords:  string(c.TerminationMessagePolicy),
		},
		LogPath: logPath(c.Name, attempt.Number), StopSignal: stopSignal(c),
		Stdin: c.Stdin, StdinOnce: c.StdinOnce, Tty: c.TTY,
		Linux: &runtimeapi.LinuxContainerConfig{
			Resources:       linuxResources(c.Resources.Requests, c.Resources.Limits),
			SecurityContext: securityContext(pod, c, node),
		},
	}
	if options := config.Linux.SecurityContext.NamespaceOptions; attempt.Target != "" && options.Pid == runtimeapi.NamespaceMode_CONTAINER {
		options.Pid, options.TargetId = runtimeapi.NamespaceMode_TARGET, attempt.Target
	}
	config.Linux.Resources.OomScoreAdj = oomScore(pod, c, node.Memory)
	config.Linux.Resources.Unified = unified(node)
	for _, v := range process.Env {
		config.Envs = append(config.Envs, &runtimeapi.KeyValue{Key: v.Name, Value: []byte(v.Value)})
	}
	return config
}

// ownFiles are the files that the kubelet puts into every container: the pod's /etc/hosts, and one that the
// program may leave its last words in.
func ownFiles(pod *corev1.Pod, c *corev1.Container, attempt int, node Node) []*runtimeapi.Mount {
	mounts := []*runtimeapi.Mount{{ContainerPath: "/etc/hosts", HostPath: node.HostsPath(string(pod.UID))}}
	if c.TerminationMessagePath != "" {
		mounts = append(mounts, &runtimeapi.Mount{
			ContainerPath: c.TerminationMessagePath, HostPath: node.LastWordsPath(string(pod.UID), c.Name, attempt),
		})
	}
	return mounts
}

// Mount is what the runtime is told of a part of a volume, which lies at source.
func Mount(m volumes.Mount, source string) *runtimeapi.Mount {
	return &runtimeapi.Mount{
		ContainerPath: m.Target, HostPath: source, Readonly: m.ReadOnly, RecursiveReadOnly: m.RecursiveReadOnly, Propagation: propagations[m.Propagation],
	}
}

var propagations = map[corev1.MountPropagationMode]runtimeapi.MountPropagation{
	corev1.MountPropagationNone:            runtimeapi.MountPropagation_PROPAGATION_PRIVATE,
	corev1.MountPropagationHostToContainer: runtimeapi.MountPropagation_PROPAGATION_HOST_TO_CONTAINER,
	corev1.MountPropagationBidirectional:   runtimeapi.MountPropagation_PROPAGATION_BIDIRECTIONAL,
}
