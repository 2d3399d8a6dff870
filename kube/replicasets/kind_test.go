package replicasets

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

func TestAReplicaSetWantsOnePodUnlessItSaysOtherwise(t *testing.T) {
	rs := set(0)
	rs.Spec.Replicas = nil
	Kinds[0].Default(rs)
	if *rs.Spec.Replicas != 1 {
		t.Errorf("replicas %d", *rs.Spec.Replicas)
	}
	if errs := Kinds[0].Validate(rs); len(errs) != 0 {
		t.Errorf("a plain ReplicaSet is refused: %v", errs)
	}
}

func TestAReplicaSetIsRefusedWhen(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*appsv1.ReplicaSet)
		errs   string
	}{
		"it wants fewer than none": {
			func(rs *appsv1.ReplicaSet) { rs.Spec.Replicas = new(int32(-1)) },
			"spec.replicas: Invalid value: -1: must be greater than or equal to 0",
		},
		"it has no selector": {func(rs *appsv1.ReplicaSet) { rs.Spec.Selector = nil }, "spec.selector: Required value"},
		"it would not find its own pods": {
			func(rs *appsv1.ReplicaSet) { rs.Spec.Template.Labels = map[string]string{"app": "db"} },
			"`selector` does not match template `labels`",
		},
		"its pods would end": {
			func(rs *appsv1.ReplicaSet) { rs.Spec.Template.Spec.RestartPolicy = "Never" },
			`spec.template.spec.restartPolicy: Unsupported value: "Never"`,
		},
	} {
		t.Run(what, func(t *testing.T) {
			rs := set(1)
			Kinds[0].Default(rs)
			c.change(rs)
			if errs := Kinds[0].Validate(rs).ToAggregate(); errs == nil || !strings.Contains(errs.Error(), c.errs) {
				t.Errorf("want %q, got %v", c.errs, errs)
			}
		})
	}
}

func TestTheSelectorOfAReplicaSetNeverChanges(t *testing.T) {
	before, after := set(1), set(1)
	after.Spec.Selector.MatchLabels = map[string]string{"app": "db"}
	if errs := Kinds[0].ValidateUpdate(after, before); len(errs) != 1 || errs[0].Field != "spec.selector" {
		t.Errorf("errors %v", errs)
	}
}
