package cri

import (
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
	"kubelab/kube/containers"
)

// securityContext is what a container may do and as whom. The container's word goes before the pod's.
func securityContext(pod *corev1.Pod, c *corev1.Container, node Node) *runtimeapi.LinuxContainerSecurityContext {
	own, shared := c.SecurityContext, pod.Spec.SecurityContext
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	if shared == nil {
		shared = &corev1.PodSecurityContext{}
	}
	context := &runtimeapi.LinuxContainerSecurityContext{
		NamespaceOptions:   namespaces(pod),
		Privileged:         ptr.Deref(own.Privileged, false),
		ReadonlyRootfs:     ptr.Deref(own.ReadOnlyRootFilesystem, false),
		NoNewPrivs:         own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation,
		RunAsUser:          number(first(own.RunAsUser, shared.RunAsUser)),
		RunAsGroup:         number(first(own.RunAsGroup, shared.RunAsGroup)),
		SupplementalGroups: groups(shared),
		Seccomp:            seccomp(own, pod, node),
	}
	if own.Capabilities != nil {
		context.Capabilities = &runtimeapi.Capability{
			AddCapabilities: texts(own.Capabilities.Add), DropCapabilities: texts(own.Capabilities.Drop),
		}
	}
	if !context.Privileged {
		context.MaskedPaths, context.ReadonlyPaths = containers.DefaultMaskedPaths, containers.DefaultReadonlyPaths
	}
	return context
}

// groups are those that the programs of a pod have besides their own: also the one that owns its volumes.
func groups(shared *corev1.PodSecurityContext) []int64 {
	if shared.FSGroup == nil {
		return shared.SupplementalGroups
	}
	return append(slices.Clone(shared.SupplementalGroups), *shared.FSGroup)
}

// ImageUser is who a container of an image runs as, where nobody says otherwise.
type ImageUser struct {
	UID  *int64 // when it is a number
	User string // … or a name
}

// NameUser says which user goes with a group that stands alone, as CRI wants it: the image's.
func NameUser(context *runtimeapi.LinuxContainerSecurityContext, image ImageUser) {
	switch {
	case context.RunAsGroup == nil || context.RunAsUser != nil:
	case image.UID == nil && image.User != "":
		context.RunAsUsername = image.User
	default:
		context.RunAsUser = number(ptr.To(ptr.Deref(image.UID, 0)))
	}
}

// CheckUser holds the image's user against the wish not to run as root.
func CheckUser(pod *corev1.Pod, c *corev1.Container, image ImageUser) error {
	var user *int64
	var nonRoot *bool
	if shared := pod.Spec.SecurityContext; shared != nil {
		user, nonRoot = shared.RunAsUser, shared.RunAsNonRoot
	}
	if own := c.SecurityContext; own != nil {
		user, nonRoot = first(own.RunAsUser, user), first(own.RunAsNonRoot, nonRoot)
	}
	whole := fmt.Sprintf("(pod: %q, container: %s)", pod.Name+"_"+pod.Namespace+"("+string(pod.UID)+")", c.Name)
	switch {
	case !ptr.Deref(nonRoot, false), user != nil && *user != 0:
		return nil
	case user != nil:
		return fmt.Errorf("container's runAsUser breaks non-root policy %s", whole)
	case image.UID != nil && *image.UID == 0, image.UID == nil && image.User == "":
		return fmt.Errorf("container has runAsNonRoot and image will run as root %s", whole)
	case image.UID == nil:
		return fmt.Errorf("container has runAsNonRoot and image has non-numeric user (%s), cannot verify user is non-root %s", image.User, whole)
	}
	return nil
}

// namespaces says which of the node's namespaces the pod shares, and whether its containers share their processes.
func namespaces(pod *corev1.Pod) *runtimeapi.NamespaceOption {
	options := &runtimeapi.NamespaceOption{Pid: runtimeapi.NamespaceMode_CONTAINER}
	if pod.Spec.HostNetwork {
		options.Network = runtimeapi.NamespaceMode_NODE
	}
	switch {
	case pod.Spec.HostPID:
		options.Pid = runtimeapi.NamespaceMode_NODE
	case ptr.Deref(pod.Spec.ShareProcessNamespace, false):
		options.Pid = runtimeapi.NamespaceMode_POD
	}
	if pod.Spec.HostIPC {
		options.Ipc = runtimeapi.NamespaceMode_NODE
	}
	return options
}

// seccomp is the filter of system calls: the container's, else the pod's, else the runtime's default one. A privileged
// container has none. Profiles of the node's own lie in a directory of the kubelet's.
func seccomp(own *corev1.SecurityContext, pod *corev1.Pod, node Node) *runtimeapi.SecurityProfile {
	profile := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	if shared := pod.Spec.SecurityContext; shared != nil {
		profile = first(shared.SeccompProfile, profile)
	}
	if own != nil {
		profile = first(own.SeccompProfile, profile)
	}
	switch {
	case profile.Type == corev1.SeccompProfileTypeUnconfined, own != nil && ptr.Deref(own.Privileged, false):
		return &runtimeapi.SecurityProfile{ProfileType: runtimeapi.SecurityProfile_Unconfined}
	case profile.Type == corev1.SeccompProfileTypeLocalhost:
		local := path.Join(node.Root, "seccomp", *profile.LocalhostProfile)
		return &runtimeapi.SecurityProfile{ProfileType: runtimeapi.SecurityProfile_Localhost, LocalhostRef: local}
	}
	return &runtimeapi.SecurityProfile{ProfileType: runtimeapi.SecurityProfile_RuntimeDefault}
}

func anyPrivileged(pod *corev1.Pod) bool {
	return slices.ContainsFunc(podspec.Members(&pod.Spec), func(c podspec.Member) bool {
		return c.SecurityContext != nil && ptr.Deref(c.SecurityContext.Privileged, false)
	})
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func number(n *int64) *runtimeapi.Int64Value {
	if n == nil {
		return nil
	}
	return &runtimeapi.Int64Value{Value: *n}
}

func texts[T ~string](words []T) []string {
	var all []string
	for _, word := range words {
		all = append(all, string(word))
	}
	return all
}
