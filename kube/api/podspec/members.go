package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Role is what a container is in its pod.
type Role string

// The roles.
const (
	Init      Role = "init"      // it ends before the next one starts
	Sidecar   Role = "sidecar"   // it starts in its place among the init containers and runs as long as the pod
	Main      Role = "main"      // what the pod is for
	Ephemeral Role = "ephemeral" // it was added to a pod that runs
)

// Member is one container of a pod. It points into the spec that it was taken from.
type Member struct {
	*corev1.Container
	Role    Role
	Field   string               // of the spec, in which it stands: containers
	Index   int                  // its place there
	Target  string               // of an ephemeral one: the container whose processes it shares, if it does
	Restart corev1.RestartPolicy // whether it is started again when it has ended: see Restarts
}

// Restarts is whether a container that has ended with this code is started again. Its own rules come first, the first of them that fits.
func (m Member) Restarts(code int32) bool {
	for _, rule := range m.RestartPolicyRules {
		on := rule.ExitCodes
		if on != nil && slices.Contains(on.Values, code) == (on.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn) {
			return rule.Action == corev1.ContainerRestartRuleActionRestart
		}
	}
	return m.Restart == corev1.RestartPolicyAlways || m.Restart == corev1.RestartPolicyOnFailure && code != 0
}

// Members are a pod's containers in the order in which they start.
func Members(spec *corev1.PodSpec) []Member {
	var members []Member
	for i := range spec.InitContainers {
		m := Member{Container: &spec.InitContainers[i], Role: Init, Field: "initContainers", Index: i, Restart: spec.RestartPolicy}
		switch own := m.RestartPolicy; {
		case own != nil && *own == corev1.ContainerRestartPolicyAlways:
			m.Role, m.Restart = Sidecar, corev1.RestartPolicyAlways
		case own != nil:
			m.Restart = corev1.RestartPolicy(*own)
		case m.Restart == corev1.RestartPolicyAlways:
			m.Restart = corev1.RestartPolicyOnFailure // it is to come to its end
		}
		members = append(members, m)
	}
	for i := range spec.Containers {
		m := Member{Container: &spec.Containers[i], Role: Main, Field: "containers", Index: i, Restart: spec.RestartPolicy}
		if own := m.RestartPolicy; own != nil {
			m.Restart = corev1.RestartPolicy(*own)
		}
		members = append(members, m)
	}
	for i := range spec.EphemeralContainers {
		common := (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon)
		members = append(members, Member{Container: common, Role: Ephemeral, Field: "ephemeralContainers", Index: i,
			Target: spec.EphemeralContainers[i].TargetContainerName, Restart: corev1.RestartPolicyNever})
	}
	return members
}

// Find is the member of that name, nil if there is none.
func Find(spec *corev1.PodSpec, name string) *Member {
	members := Members(spec)
	if i := slices.IndexFunc(members, func(m Member) bool { return m.Name == name }); i >= 0 {
		return &members[i]
	}
	return nil
}

// Statuses is the list in a pod's status that tells of containers of this role.
func (r Role) Statuses(of *corev1.PodStatus) *[]corev1.ContainerStatus {
	switch r {
	case Init, Sidecar:
		return &of.InitContainerStatuses
	case Ephemeral:
		return &of.EphemeralContainerStatuses
	}
	return &of.ContainerStatuses
}

// Statuses are what a pod's status says of its containers, in the order of [Members].
func Statuses(status *corev1.PodStatus) []corev1.ContainerStatus {
	return slices.Concat(status.InitContainerStatuses, status.ContainerStatuses, status.EphemeralContainerStatuses)
}

// StatusOf is what a pod's status says of a container, or an empty one.
func StatusOf(status *corev1.PodStatus, name string) corev1.ContainerStatus {
	all := Statuses(status)
	if i := slices.IndexFunc(all, func(s corev1.ContainerStatus) bool { return s.Name == name }); i >= 0 {
		return all[i]
	}
	return corev1.ContainerStatus{}
}
