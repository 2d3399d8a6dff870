package podspec

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// DefaultTemplate fills in what a template leaves out.
func DefaultTemplate(template *corev1.PodTemplateSpec) { Default(&template.Spec) }

// Default fills in what a pod's spec leaves out, wherever the spec stands: in a pod or in a
// template. What only a pod gets (requests from limits, service links) is added by the pod's own kind, so
// that a template stays as short as it was written.
func Default(spec *corev1.PodSpec) {
	fill(&spec.DNSPolicy, corev1.DNSClusterFirst)
	fill(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	fill(&spec.SchedulerName, corev1.DefaultSchedulerName)
	// One account, two names: a client may know only the old one.
	fill(&spec.ServiceAccountName, spec.DeprecatedServiceAccount)
	spec.DeprecatedServiceAccount = spec.ServiceAccountName
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	if spec.TerminationGracePeriodSeconds == nil {
		spec.TerminationGracePeriodSeconds = new(int64(corev1.DefaultTerminationGracePeriodSeconds))
	}
	for i := range spec.Volumes {
		defaultVolume(&spec.Volumes[i].VolumeSource)
	}
	for _, m := range Members(spec) {
		defaultContainer(m.Container)
	}
}

// What a volume says that says nothing else.
const (
	defaultFileMode     = 0o644
	defaultTokenSeconds = 60 * 60
)

func defaultVolume(v *corev1.VolumeSource) {
	if *v == (corev1.VolumeSource{}) {
		v.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if v.HostPath != nil {
		fillPointer(&v.HostPath.Type, corev1.HostPathUnset)
	}
	if v.Secret != nil {
		fillPointer(&v.Secret.DefaultMode, defaultFileMode)
	}
	if v.ConfigMap != nil {
		fillPointer(&v.ConfigMap.DefaultMode, defaultFileMode)
	}
	if v.DownwardAPI != nil {
		fillPointer(&v.DownwardAPI.DefaultMode, defaultFileMode)
		defaultDownward(v.DownwardAPI.Items)
	}
	if v.Projected == nil {
		return
	}
	fillPointer(&v.Projected.DefaultMode, defaultFileMode)
	for _, source := range v.Projected.Sources {
		if source.DownwardAPI != nil {
			defaultDownward(source.DownwardAPI.Items)
		}
		if source.ServiceAccountToken != nil {
			fillPointer(&source.ServiceAccountToken.ExpirationSeconds, defaultTokenSeconds)
		}
	}
}

func defaultDownward(files []corev1.DownwardAPIVolumeFile) {
	for _, file := range files {
		if file.FieldRef != nil {
			fill(&file.FieldRef.APIVersion, "v1")
		}
	}
}

func defaultContainer(c *corev1.Container) {
	// Upstream defaults to Always for the tag latest. Here an image that is on the node is always good enough, so
	// that "image: busybox" works where there is no network. Who wants the other says so.
	fill(&c.ImagePullPolicy, corev1.PullIfNotPresent)
	fill(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	fill(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	for i := range c.Ports {
		fill(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for _, env := range c.Env {
		if env.ValueFrom != nil && env.ValueFrom.FieldRef != nil {
			fill(&env.ValueFrom.FieldRef.APIVersion, "v1")
		}
	}
	defaultHealth(c)
	roundUp(c.Resources.Limits)
	roundUp(c.Resources.Requests)
}

// defaultHealth fills in what a container's probes and hooks leave out.
func defaultHealth(c *corev1.Container) {
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if probe == nil {
			continue
		}
		fill(&probe.TimeoutSeconds, 1)
		fill(&probe.PeriodSeconds, 10)
		fill(&probe.SuccessThreshold, 1)
		fill(&probe.FailureThreshold, 3)
		defaultRequest(probe.HTTPGet)
		if probe.GRPC != nil && probe.GRPC.Service == nil {
			probe.GRPC.Service = new("")
		}
	}
	if c.Lifecycle == nil {
		return
	}
	for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if hook != nil {
			defaultRequest(hook.HTTPGet)
		}
	}
}

func defaultRequest(get *corev1.HTTPGetAction) {
	if get != nil {
		fill(&get.Path, "/")
		fill(&get.Scheme, corev1.URISchemeHTTP)
	}
}

// roundUp rounds quantities up to thousandths, the finest that is stored.
func roundUp(list corev1.ResourceList) {
	for name, quantity := range list {
		quantity.RoundUp(resource.Milli)
		list[name] = quantity
	}
}

// fillPointer sets a field that may be left out.
func fillPointer[T any](at **T, value T) {
	if *at == nil {
		*at = &value
	}
}

// fill sets a field that was left empty.
func fill[T comparable](at *T, value T) {
	var empty T
	if *at == empty {
		*at = value
	}
}
