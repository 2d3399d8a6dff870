package deployments

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestAnUndoIsARolloutToAReplicaSetThatIsThereAlready(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.change(version(2))
	w.settle()
	w.change(version(1))
	w.settle()
	w.is("web:1 3")
	if len(w.sets) != 2 {
		t.Errorf("%d ReplicaSets, want the two from before", len(w.sets))
	}
	first := w.sets[0].Annotations
	if got := first[revisionAnnotation] + " was " + first[historyAnnotation]; got != "3 was 1" {
		t.Errorf("the revision of the first version is %s, want 3 was 1", got)
	}
	if got := w.d.Annotations[revisionAnnotation]; got != "3" {
		t.Errorf("the Deployment is at revision %s", got)
	}
}

func TestOldVersionsBeyondTheHistoryLimitGo(t *testing.T) {
	w := newWorld(t, deploy(1, func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = new(int32(2)) }))
	for n := range 6 {
		w.change(version(n))
		w.settle()
	}
	var images []string
	for _, rs := range w.sets {
		images = append(images, rs.Spec.Template.Spec.Containers[0].Image)
	}
	if diff := cmp.Diff([]string{"web:3", "web:4", "web:5"}, images); diff != "" {
		t.Errorf("versions left (-want +got):\n%s", diff)
	}
}

func TestAVersionInheritsTheReasonOfItsChange(t *testing.T) {
	cause, applied := "kubernetes.io/change-cause", corev1.LastAppliedConfigAnnotation
	w := newWorld(t, deploy(1))
	w.d.Annotations = map[string]string{cause: "image updated to web:1", applied: "{}"}
	w.settle()
	if got := w.sets[0].Annotations; got[cause] != "image updated to web:1" || got[applied] != "" {
		t.Errorf("annotations %v", got)
	}
}

func TestAnOrphanWithTheSameTemplateIsAdoptedAndUsed(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.sets[0].OwnerReferences = nil
	plan := Decide(w.d, w.sets, w.now)
	if diff := cmp.Diff([]string{w.sets[0].Name}, plan.Adopt); diff != "" || plan.Create {
		t.Errorf("plan %+v", plan)
	}
}

func TestAReplicaSetOfAnotherDeploymentIsLeftAlone(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.sets[0].OwnerReferences[0].UID = "another"
	if plan := Decide(w.d, w.sets, w.now); !plan.Create || len(plan.Adopt) > 0 || len(plan.Changes) != 1 {
		t.Errorf("plan %+v", plan)
	}
}

func TestTwoTemplatesWithTheSameHashAreToldApartByACount(t *testing.T) {
	d := deploy(1)
	before := newSet(d).Name
	d.Status.CollisionCount = new(int32(1))
	if after := newSet(d).Name; after == before {
		t.Errorf("both are called %s", after)
	}
}

func TestTheHashOfATemplateIsTheSameInEveryRelease(t *testing.T) {
	// This name is in people's clusters: if it changes, every Deployment there makes a new ReplicaSet.
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}}}
	if hash := templateHash(&template, nil); hash != "69fcbb9df6" {
		t.Errorf("the hash is %s", hash)
	}
}
