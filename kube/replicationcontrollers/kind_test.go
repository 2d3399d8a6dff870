package replicationcontrollers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// old is a ReplicationController as manifests of the first years have it.
func old(change func(*corev1.ReplicationController)) *corev1.ReplicationController {
	rc := &corev1.ReplicationController{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid"},
		Spec: corev1.ReplicationControllerSpec{Template: &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}},
		}},
	}
	change(rc)
	Kinds[0].Default(rc)
	return rc
}

func TestWithoutASelectorTheLabelsOfTheTemplateChoose(t *testing.T) {
	rc := old(func(*corev1.ReplicationController) {})
	want := map[string]string{"app": "web"}
	if diff := cmp.Diff(want, rc.Spec.Selector) + cmp.Diff(want, rc.Labels); diff != "" || *rc.Spec.Replicas != 1 {
		t.Errorf("%d replicas, selector and labels (-want +got):\n%s", *rc.Spec.Replicas, diff)
	}
	if errs := Kinds[0].Validate(rc); len(errs) > 0 {
		t.Errorf("a plain one is refused: %v", errs)
	}
	rc = old(func(rc *corev1.ReplicationController) {
		rc.Labels, rc.Spec.Selector = map[string]string{"team": "a"}, map[string]string{"app": "db"}
	})
	if rc.Labels["team"] != "a" || rc.Spec.Selector["app"] != "db" {
		t.Errorf("what was said is overwritten: labels %v, selector %v", rc.Labels, rc.Spec.Selector)
	}
}

func TestAReplicationControllerIsRefusedWhen(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*corev1.ReplicationController)
		errs   string
	}{
		"it wants fewer than none": {
			func(rc *corev1.ReplicationController) { rc.Spec.Replicas = new(int32(-1)) },
			"spec.replicas: Invalid value: -1: must be greater than or equal to 0",
		},
		"it has no template":         {func(rc *corev1.ReplicationController) { rc.Spec.Template = nil }, "spec.template: Required value"},
		"nothing says what it keeps": {func(rc *corev1.ReplicationController) { rc.Spec.Template.Labels = nil }, "spec.selector: Required value"},
		"it would not find its own pods": {
			func(rc *corev1.ReplicationController) { rc.Spec.Selector = map[string]string{"app": "db"} },
			"`selector` does not match template `labels`",
		},
		"its selector is none": {
			func(rc *corev1.ReplicationController) { rc.Spec.Selector = map[string]string{"app": "a b"} },
			"spec.selector: Invalid value",
		},
		"its pods would end": {
			func(rc *corev1.ReplicationController) { rc.Spec.Template.Spec.RestartPolicy = "Never" },
			`spec.template.spec.restartPolicy: Unsupported value: "Never"`,
		},
	} {
		if errs := Kinds[0].Validate(old(c.change)).ToAggregate(); errs == nil || !strings.Contains(errs.Error(), c.errs) {
			t.Errorf("%s: %v", what, errs)
		}
	}
}

func TestItsStatusReadAsAReplicaSetsAndToldAgainIsTheSame(t *testing.T) {
	rc := old(func(rc *corev1.ReplicationController) {
		rc.Status = corev1.ReplicationControllerStatus{
			Replicas: 5, FullyLabeledReplicas: 4, ReadyReplicas: 3, AvailableReplicas: 2, ObservedGeneration: 7,
			Conditions: []corev1.ReplicationControllerCondition{{
				Type: corev1.ReplicationControllerReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota",
				LastTransitionTime: metav1.Unix(1, 0),
			}},
		}
	})
	rs := asReplicaSet(rc)
	if diff := cmp.Diff(rc.Status, statusOf(rs.Status)); diff != "" {
		t.Errorf("(-was +told):\n%s", diff)
	}
	if rs.UID != rc.UID || *rs.Spec.Replicas != *rc.Spec.Replicas || rs.Spec.Selector.MatchLabels["app"] != "web" || rs.Spec.Template.Labels["app"] != "web" {
		t.Errorf("it wants something else: %+v", rs.Spec)
	}
}
