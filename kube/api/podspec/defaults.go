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
	for _, m := range Members(spec) {
		defaultContainer(m.Container)
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
	roundUp(c.Resources.Limits)
	roundUp(c.Resources.Requests)
}

// roundUp rounds quantities up to thousandths, the finest that is stored.
func roundUp(list corev1.ResourceList) {
	for name, quantity := range list {
		quantity.RoundUp(resource.Milli)
		list[name] = quantity
	}
}

// fill sets a field that was left empty.
func fill[T comparable](at *T, value T) {
	var empty T
	if *at == empty {
		*at = value
	}
}
