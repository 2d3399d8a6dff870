//go:build linux

package kubelet

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func asking(cpu string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: quantityOf(cpu)}
	}
}

func onPort(port int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.HostNetwork = true
		p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: port}}
	}
}

func inZone(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"zone": "a"} }

func setting(name, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: name, Value: value}}}
	}
}

func refused(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed && strings.HasPrefix(p.Status.Message, "Pod was rejected: ")
}

// label sets the node's zone; null takes it away.
func (l *lab) label(zone string) {
	l.t.Helper()
	_, err := l.admin.CoreV1().Nodes().Patch(l.t.Context(), nodeName, types.MergePatchType, []byte(`{"metadata":{"labels":{"zone":`+zone+`}}}`), metav1.PatchOptions{})
	l.must(err)
}

func TestAPodThatAskedNoSchedulerIsRefusedByANodeThatCannotTakeIt(t *testing.T) {
	l := newLab(t)
	l.create(pod("large", obedient, asking("1500m")))
	l.create(pod("elsewhere", obedient, inZone))
	l.create(pod("safe", obedient, setting("net/ipv4/tcp_syncookies", "2")))
	l.create(pod("not-safe", obedient, setting("kernel.msgmax", "65536")))
	l.becomes("large", "ready", ready)
	l.becomes("safe", "ready", ready)
	l.create(pod("too-large", obedient, asking("600m")))
	for name, reason := range map[string]string{"elsewhere": "NodeAffinity", "too-large": "OutOfcpu", "not-safe": "SysctlForbidden"} {
		p := l.becomes(name, "refused", refused)
		if p.Status.Reason != reason || len(p.Status.ContainerStatuses) > 0 || p.Status.PodIP != "" {
			t.Errorf("%s: %+v", name, p.Status)
		}
		l.waitFor("the event", func() bool {
			events, err := l.admin.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
			l.must(err)
			return len(events.Items) == 1 && events.Items[0].Reason == reason && events.Items[0].Type == corev1.EventTypeWarning &&
				events.Items[0].Source == (corev1.EventSource{Component: "kubelet", Host: nodeName}) && events.Items[0].ReportingInstance == nodeName
		})
	}

	l.create(pod("first", obedient, onPort(18080)))
	l.create(pod("second", obedient, onPort(18080))) // both are looked at at once
	l.waitFor("one to run and one to be refused", func() bool {
		first, second := l.get("first"), l.get("second")
		return ready(first) && refused(second) || refused(first) && ready(second)
	})
	for _, name := range []string{"first", "second"} {
		if p := l.get(name); refused(p) && p.Status.Reason != "NodePorts" {
			t.Errorf("%s: %+v", name, p.Status)
		}
	}
}

func TestANewKubeletRefusesNoPodThatRunsAndForgetsNoneThatItsPredecessorTook(t *testing.T) {
	l := newLab(t)
	l.label(`"a"`)
	l.create(pod("large", obedient, asking("1500m"), inZone))
	before := web(l.becomes("large", "ready", ready))
	l.kill(l.kubelet)
	l.label("null") // it would not be taken now
	l.create(pod("too-large", obedient, asking("600m")))
	l.startKubelet()
	if p := l.becomes("too-large", "refused", refused); p.Status.Reason != "OutOfcpu" {
		t.Errorf("a pod for which there is no room: %+v", p.Status)
	}
	if after := web(l.get("large")); !after.Ready || after.ContainerID != before.ContainerID {
		t.Errorf("a pod that ran: before %+v, after %+v", before, after)
	}
}
