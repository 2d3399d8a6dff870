package pods

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/pods/refusal"
)

func TestOfAPodThatTheNodeDoesNotTakeNothingIsMade(t *testing.T) {
	pod, have := podOf(corev1.RestartPolicyAlways, "web"), nothing()
	have.Refused = &refusal.Refusal{Reason: "OutOfcpu", Message: "too much"}
	decision := Plan(pod, have, now)
	check(t, "the plan", fmt.Sprint(decision.Actions, decision.Hold), "[] false")
	want := corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu", Message: "Pod was rejected: too much", StartTime: new(second(ago(time.Minute)))}
	if diff := cmp.Diff(want, decision.Status); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]News{{corev1.EventTypeWarning, "OutOfcpu", "", "too much"}}, news(pod, decision.Status)); diff != "" {
		t.Error(diff)
	}
	pod.Status = decision.Status
	for _, refused := range []*refusal.Refusal{have.Refused, nil} { // a kubelet after this one has not refused it
		have.Refused = refused
		again := Plan(pod, have, now)
		check(t, "then", fmt.Sprint(again.Actions), "[]")
		if diff := cmp.Diff(want, again.Status); diff != "" {
			t.Error(diff)
		}
	}
}
