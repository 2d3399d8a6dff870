package deployments

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestARolloutThatWasDoneDoesNotTimeOutLater(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.settle()
	w.change(version(2))
	w.settle()
	w.now = w.now.Add(time.Hour)
	w.sets[0].Spec.Replicas = new(int32(1)) // somebody scales an old version by hand
	w.followAll()
	w.turn()
	w.progress(reasonDone)
	w.settle()
	w.is("web:2 2")
}

func TestStatusSaysWhatRolloutStatusWaitsFor(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.turn()
	w.followAll()
	w.pods[w.sets[0].UID].ready = 1
	w.followAll()
	w.turn()
	got := w.d.Status
	got.Conditions = nil
	want := appsv1.DeploymentStatus{
		ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 1, AvailableReplicas: 1,
		UnavailableReplicas: 1, TerminatingReplicas: new(int32(0)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if c := condition(w.d.Status, appsv1.DeploymentAvailable); c.Reason != reasonUnavailable {
		t.Errorf("available: %+v", c)
	}
	w.settle()
	if c := condition(w.d.Status, appsv1.DeploymentAvailable); c.Reason != reasonAvailable {
		t.Errorf("available: %+v", c)
	}
}

func TestAQuotaThatAReplicaSetMeetsShowsInTheDeployment(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.settle()
	w.sets[0].Status.Conditions = []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota",
	}}
	w.turn()
	if c := condition(w.d.Status, appsv1.DeploymentReplicaFailure); c == nil || c.Message != "exceeded quota" {
		t.Errorf("failure: %+v", c)
	}
	w.settle()
	if c := condition(w.d.Status, appsv1.DeploymentReplicaFailure); c != nil {
		t.Errorf("it is over, and still there is %+v", c)
	}
}
