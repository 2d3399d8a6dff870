//go:build linux

package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestAPodThatIsBoundToTheNodeRuns(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "echo hello from $(hostname); exec sleep 1000"))
	p := l.becomes("web-1", "ready", ready)
	if p.Status.PodIP == "" || p.Status.Phase != corev1.PodRunning {
		t.Errorf("a ready pod has the status %+v", p.Status)
	}
	if got := l.log("web-1", ""); got != "hello from web-1\n" {
		t.Errorf("the log is %q", got)
	}
}
