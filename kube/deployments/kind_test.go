package deployments

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestADeploymentRollsAQuarterAtATimeUnlessItSaysOtherwise(t *testing.T) {
	d := deploy(0)
	d.Spec = appsv1.DeploymentSpec{Template: d.Spec.Template, Selector: d.Spec.Selector}
	Kinds[0].Default(d)
	quarter := intstr.FromString("25%")
	want := appsv1.DeploymentSpec{
		Replicas: new(int32(1)), RevisionHistoryLimit: new(int32(10)), ProgressDeadlineSeconds: new(int32(600)),
		Strategy: appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &quarter, MaxSurge: &quarter},
		},
		Template: d.Spec.Template, Selector: d.Spec.Selector,
	}
	if diff := cmp.Diff(want, d.Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if errs := Kinds[0].Validate(d); len(errs) != 0 {
		t.Errorf("a plain Deployment is refused: %v", errs)
	}
}

func TestADeploymentIsRefusedWhen(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*appsv1.Deployment)
		errs   string
	}{
		"its bounds allow no step": {
			bounded("0", "0%"), "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0",
		},
		"more than all may be missing": {
			bounded("0", "101%"), `spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%`,
		},
		"a bound is no number": {
			bounded("some", "0"), `spec.strategy.rollingUpdate.maxSurge: Invalid value: "some": a valid percent string must be`,
		},
		"a bound is negative": {
			bounded("-1", "1"), "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0",
		},
		"it recreates and rolls": {
			func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType },
			"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
		},
		"its strategy is none": {
			func(d *appsv1.Deployment) { d.Spec.Strategy.Type = "BlueGreen" },
			`spec.strategy: Unsupported value: "BlueGreen"`,
		},
		"no pod could be available before the deadline": {
			func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 600 },
			"spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
		},
		"it would not find its own pods": {
			func(d *appsv1.Deployment) { d.Spec.Template.Labels = map[string]string{"app": "db"} },
			"`selector` does not match template `labels`",
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := deploy(1)
			c.change(d)
			if errs := Kinds[0].Validate(d).ToAggregate(); errs == nil || !strings.Contains(errs.Error(), c.errs) {
				t.Errorf("want %q, got %v", c.errs, errs)
			}
		})
	}
}

func TestKubectlGetShowsHowFarARolloutIs(t *testing.T) {
	d := deploy(3)
	d.Status = appsv1.DeploymentStatus{ReadyReplicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2}
	cells := map[string]any{}
	for _, column := range Kinds[0].Columns {
		if column.Name != "Age" {
			cells[column.Name] = column.Value(d)
		}
	}
	want := map[string]any{
		"Ready": "2/3", "Up-to-date": int32(1), "Available": int32(2),
		"Containers": "server", "Images": "web:1", "Selector": "app=web",
	}
	if diff := cmp.Diff(want, cells); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}
