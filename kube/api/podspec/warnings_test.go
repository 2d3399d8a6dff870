package podspec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWhatIsAllowedAndHardlyMeantIsWarnedOfWithItsPath(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*corev1.Pod)
		want []string
	}{
		{"nothing odd", func(*corev1.Pod) {}, nil},
		{"a variable twice", func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2"}}
		}, []string{`spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply`}},
		{"a variable made from itself", func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "$(A)2"}}
		}, nil},
		{"memory in thousandths of a byte", func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100m"), corev1.ResourceCPU: resource.MustParse("100m")}
		}, []string{`spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer`}},
		{"a port twice", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}, {ContainerPort: 80, Protocol: "UDP"}}
		}, []string{"spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]"}},
		{"a port, of the host too", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 8080, Protocol: "TCP"}}
		}, []string{"spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]"}},
		{"a port of the host with one address and with all", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 81, HostPort: 81, HostIP: "10.0.0.1", Protocol: "TCP"},
				{ContainerPort: 81, HostPort: 81, HostIP: "10.0.0.2", Protocol: "TCP"}, {ContainerPort: 81, HostPort: 81, Protocol: "TCP"}}
		}, []string{"spec.containers[1].ports[2]: dangerously ambiguous port definition with spec.containers[1].ports[0]"}},
		{"a port of the host with all addresses and with one", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 81, HostPort: 81, Protocol: "TCP"}, {ContainerPort: 81, HostPort: 81, HostIP: "10.0.0.1", Protocol: "TCP"}}
		}, []string{"spec.containers[1].ports[1]: dangerously ambiguous port definition with spec.containers[1].ports[0]"}},
		{"a port that two ports of the host lead to", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 81, HostPort: 81, Protocol: "TCP"}, {ContainerPort: 81, HostPort: 82, Protocol: "TCP"}}
		}, nil},
		{"a port three times", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}, {ContainerPort: 80, Protocol: "TCP"}}
		}, []string{"spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
			"spec.containers[1].ports[1]: duplicate port definition with spec.containers[0].ports[0]"}},
		{"a port's name twice", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 81, Protocol: "TCP"}}
		}, []string{`spec.containers[1].ports[0].name: duplicate port name "http" with spec.containers[0].ports[0].name, ` +
			`services and probes that select ports by name will use spec.containers[0].ports[0].name`}},
		{"an address without a port", func(p *corev1.Pod) {
			p.Spec.Containers[1].Ports = []corev1.ContainerPort{{HostIP: "127.0.0.1", ContainerPort: 81, Protocol: "TCP"}}
		}, []string{"spec.containers[1].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:127.0.0.1}"}},
		{"a label of old", func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"beta.kubernetes.io/os": "linux"} },
			[]string{`spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`}},
		{"a label of old in an affinity", func(p *corev1.Pod) {
			p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "beta.kubernetes.io/arch"}}}}}}}
		}, []string{`spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: ` +
			`beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead`}},
		{"an affinity to no pod", func(p *corev1.Pod) {
			p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{}}}}
		}, []string{"spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod"}},
		{"an annotation of old", func(p *corev1.Pod) {
			p.Annotations = map[string]string{"seccomp.security.alpha.kubernetes.io/pod": "x"}
		},
			[]string{`metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead`}},
		{"an annotation of a container", func(p *corev1.Pod) {
			p.Annotations = map[string]string{"container.apparmor.security.beta.kubernetes.io/a": "x"}
		}, []string{`metadata.annotations[container.apparmor.security.beta.kubernetes.io/a]: deprecated since v1.30; use the "appArmorProfile" field instead`}},
		{"a name that is no label", func(p *corev1.Pod) { p.Name = "a.b" }, []string{"metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; " +
			"a DNS label is recommended: [must not contain dots]"}},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "a", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80, Protocol: "TCP"}}}, {Name: "b"},
		}}}
		c.edit(pod)
		if diff := cmp.Diff(c.want, Warnings(pod)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

func TestATemplateIsWarnedOfWhereItStands(t *testing.T) {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeSelector: map[string]string{"beta.kubernetes.io/os": "linux"}}}
	want := []string{`spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`}
	if diff := cmp.Diff(want, OwnerWarnings("web", template)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
