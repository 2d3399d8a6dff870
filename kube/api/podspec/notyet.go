package podspec

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// missing is a field that Kubernetes has and kubelab does not, and how to see that it is used.
type missing[T any] struct {
	field string
	used  func(*T) bool
}

// What a pod cannot ask for yet. It is refused rather than ignored: a pod that runs without the volume that
// it asked for would be worse than one that does not run. Whoever builds one of these strikes its line.
var (
	missingFromPods = []missing[corev1.PodSpec]{
		{"volumes", func(s *corev1.PodSpec) bool { return len(s.Volumes) > 0 }},
		{"imagePullSecrets", func(s *corev1.PodSpec) bool { return len(s.ImagePullSecrets) > 0 }},
		{"automountServiceAccountToken", func(s *corev1.PodSpec) bool {
			return s.AutomountServiceAccountToken != nil && *s.AutomountServiceAccountToken
		}},
		{"hostUsers", func(s *corev1.PodSpec) bool { return s.HostUsers != nil && !*s.HostUsers }},
		{"shareProcessNamespace", func(s *corev1.PodSpec) bool { return s.ShareProcessNamespace != nil && *s.ShareProcessNamespace }},
		{"runtimeClassName", func(s *corev1.PodSpec) bool { return s.RuntimeClassName != nil }},
		{"overhead", func(s *corev1.PodSpec) bool { return len(s.Overhead) > 0 }},
		{"schedulingGroup", func(s *corev1.PodSpec) bool { return s.SchedulingGroup != nil }},
		{"resourceClaims", func(s *corev1.PodSpec) bool { return len(s.ResourceClaims) > 0 }},
		{"resources", func(s *corev1.PodSpec) bool { return s.Resources != nil }},
		{"evictionResponders", func(s *corev1.PodSpec) bool { return len(s.EvictionResponders) > 0 }},
		{"os", func(s *corev1.PodSpec) bool { return s.OS != nil && s.OS.Name != corev1.Linux }},
	}
	missingFromPodSecurity = []missing[corev1.PodSecurityContext]{
		{"seLinuxOptions", func(s *corev1.PodSecurityContext) bool { return s.SELinuxOptions != nil }},
		{"seLinuxChangePolicy", func(s *corev1.PodSecurityContext) bool { return s.SELinuxChangePolicy != nil }},
		{"windowsOptions", func(s *corev1.PodSecurityContext) bool { return s.WindowsOptions != nil }},
		{"appArmorProfile", func(s *corev1.PodSecurityContext) bool { return s.AppArmorProfile != nil }},
		{"supplementalGroupsPolicy", func(s *corev1.PodSecurityContext) bool { return s.SupplementalGroupsPolicy != nil }},
		{"fsGroup", func(s *corev1.PodSecurityContext) bool { return s.FSGroup != nil }},
		{"fsGroupChangePolicy", func(s *corev1.PodSecurityContext) bool { return s.FSGroupChangePolicy != nil }},
		{"sysctls", func(s *corev1.PodSecurityContext) bool { return len(s.Sysctls) > 0 }},
	}
	missingFromContainers = []missing[corev1.Container]{
		{"volumeMounts", func(c *corev1.Container) bool { return len(c.VolumeMounts) > 0 }},
		{"volumeDevices", func(c *corev1.Container) bool { return len(c.VolumeDevices) > 0 }},
		{"resizePolicy", func(c *corev1.Container) bool { return len(c.ResizePolicy) > 0 }},
	}
	missingFromLifecycle = []missing[corev1.Lifecycle]{
		{"stopSignal", func(l *corev1.Lifecycle) bool { return l.StopSignal != nil }},
	}
	missingFromHTTPGet = []missing[corev1.HTTPGetAction]{
		{"protocol", func(a *corev1.HTTPGetAction) bool {
			return a.Protocol != nil && *a.Protocol != corev1.HTTPProtocolHTTP1
		}},
	}
	missingFromGRPC = []missing[corev1.GRPCAction]{
		{"mode", func(a *corev1.GRPCAction) bool { return a.Mode != nil && *a.Mode != corev1.GRPCProbeModePlaintext }},
	}
	missingFromContainerSecurity = []missing[corev1.SecurityContext]{
		{"seLinuxOptions", func(s *corev1.SecurityContext) bool { return s.SELinuxOptions != nil }},
		{"windowsOptions", func(s *corev1.SecurityContext) bool { return s.WindowsOptions != nil }},
		{"appArmorProfile", func(s *corev1.SecurityContext) bool { return s.AppArmorProfile != nil }},
		{"procMount", func(s *corev1.SecurityContext) bool {
			return s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount
		}},
	}
)

// NotYet is what is said of a field that Kubernetes has and kubelab does not.
const NotYet = "kubelab does not have this yet"

// refuse names every missing field that object uses.
func refuse[T any](object *T, list []missing[T], path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, m := range list {
		if m.used(object) {
			errs = append(errs, field.Forbidden(path.Child(m.field), NotYet))
		}
	}
	return errs
}
