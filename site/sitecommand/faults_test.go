//go:build linux

package sitecommand

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/cluster"
	"kubelab/site"
)

func TestOnlyWhatIsThereCanBeBrokenAndOnlyInAWayThatFits(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	seen := scene{
		components: []cluster.Running{{Host: "machine", Name: "supervise"}, {Host: "machine", Name: "site"}, {Host: "node-1", Name: "kubelet"}},
		hosts:      []cluster.Status{{Host: cluster.Host{Name: "node-1"}}, {Host: cluster.Host{Name: "node-2"}, Stopped: true}},
		pods: []corev1.Pod{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
			Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web", State: running}, {Name: "ended"}}},
		}},
	}
	for _, c := range []struct {
		kind, target string
		fits         bool
	}{
		{"kill-component", "kubelet@node-1", true},
		{"kill-component", "kubelet@node-2", false},
		{"kill-component", "kubelet", false},
		{"kill-component", "supervise@machine", false},
		{"kill-component", "site@machine", false},
		{"kill-node", "node-1", true},
		{"kill-node", "node-2", false},
		{"kill-node", "../node-1", false},
		{"kill-node", "", false},
		{"start-node", "node-2", true},
		{"mend-node", "node-1", false},
		{"kill-container", "default/web/web", true},
		{"kill-container", "default/web/ended", false},
		{"delete-pod", "default/web", true},
		{"delete-pod", "kube-system/web", false},
		{"reboot", "node-1", false},
	} {
		fault, err := seen.choose(c.kind, c.target)
		if c.fits && (err != nil || fault.kind != c.kind) || !c.fits && !errors.Is(err, site.ErrUnknown) {
			t.Errorf("%s of %q: %q, %v", c.kind, c.target, fault.kind, err)
		}
	}
}
