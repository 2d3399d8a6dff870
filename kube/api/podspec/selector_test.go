package podspec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func messages(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

func template(labels map[string]string) *corev1.PodTemplateSpec {
	t := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
	t.Spec.Containers = []corev1.Container{{Name: "main", Image: "nginx"}}
	DefaultTemplate(t)
	return t
}

func TestPodsThatAreMadeMustBeFoundAgain(t *testing.T) {
	path, selector := field.NewPath("spec", "template"), &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	if got := messages(ValidateReplicaTemplate(template(map[string]string{"app": "web"}), selector, "ReplicaSet", path)); got != nil {
		t.Errorf("problems: %v", got)
	}
	want := []string{"spec.template.metadata.labels: Invalid value: {\"app\":\"db\"}: `selector` does not match template `labels`"}
	if diff := cmp.Diff(want, messages(ValidateReplicaTemplate(template(map[string]string{"app": "db"}), selector, "ReplicaSet", path))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPodsThatAreKeptRunningMustNotEnd(t *testing.T) {
	once := template(map[string]string{"app": "web"})
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	once.Spec.ActiveDeadlineSeconds = new(int64(5))
	want := []string{
		`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`,
		"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	if diff := cmp.Diff(want, messages(ValidateReplicaTemplate(once, selector, "ReplicaSet", field.NewPath("spec", "template")))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASelectorMustNotSelectEverything(t *testing.T) {
	path := field.NewPath("spec", "selector")
	for want, selector := range map[string]*metav1.LabelSelector{
		"spec.selector: Required value":                                              nil,
		"spec.selector: Invalid value: {}: empty selector is invalid for deployment": {},
	} {
		if diff := cmp.Diff([]string{want}, messages(ValidateSelector(selector, "deployment", path))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
