package apiserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/api"
)

// thing is a kind with a spec and a status, of which the server owns a label.
var thing = api.Type[*corev1.ReplicationController]{
	Names: api.Names{Plural: "things", Namespaced: true, HasStatus: true},
	Prepare: func(new, old *corev1.ReplicationController) {
		new.Labels = map[string]string{"prepared": "on create"}
		if old != nil {
			new.Labels["prepared"] = "on update"
		}
	},
	GracePeriod: func(_ *corev1.ReplicationController, asked *int64) int64 {
		if asked == nil {
			return 30
		}
		return *asked
	},
	Protect: func(o *corev1.ReplicationController) string {
		if o.Name == "kept" {
			return "it is kept"
		}
		return ""
	},
}.Kind()

var (
	noon    = time.Date(2026, 3, 2, 12, 0, 0, 500_000_000, time.UTC)
	earlier = metav1.Time{Time: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
)

// have is a thing as it is stored, changed by edits.
func have(edits ...func(*corev1.ReplicationController)) *corev1.ReplicationController {
	o := &corev1.ReplicationController{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ReplicationController"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "a", Namespace: "default", UID: "1", ResourceVersion: "7", Generation: 3, CreationTimestamp: earlier,
			Labels: map[string]string{"prepared": "on create"},
		},
		Spec:   corev1.ReplicationControllerSpec{MinReadySeconds: 1},
		Status: corev1.ReplicationControllerStatus{Replicas: 2},
	}
	for _, edit := range edits {
		edit(o)
	}
	return o
}

func labelled(value string) func(*corev1.ReplicationController) {
	return func(o *corev1.ReplicationController) { o.Labels = map[string]string{"prepared": value} }
}

func TestWhatBecomesOfAnObject(t *testing.T) {
	type thingEdit = func(*corev1.ReplicationController)
	soon, orphan, foreground := int64(5), metav1.DeletePropagationOrphan, metav1.DeletePropagationForeground
	forged := func(o *corev1.ReplicationController) {
		o.Generation, o.CreationTimestamp, o.DeletionTimestamp = 99, metav1.Time{Time: noon}, &earlier
		o.Status.Replicas = 99
	}
	deleted := func(at time.Time, grace int64, generation int64) thingEdit {
		return func(o *corev1.ReplicationController) {
			o.DeletionTimestamp, o.DeletionGracePeriodSeconds, o.Generation = &metav1.Time{Time: at}, &grace, generation
		}
	}
	full := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		write  Write
		want   *corev1.ReplicationController
		effect Effect
	}{
		"a new one gets its identity, and of what the client has no say in nothing stays": {
			Write{Act: Create, Wanted: have(forged), UID: "2"},
			have(func(o *corev1.ReplicationController) {
				o.UID, o.Generation, o.CreationTimestamp, o.Status = "2", 1, metav1.Time{Time: full}, corev1.ReplicationControllerStatus{}
			}), Put,
		},
		"an update keeps what is the server's, and the status": {
			Write{Act: Update, Have: have(), Wanted: have(forged)}, have(labelled("on update")), Put,
		},
		"an update of the spec is a new generation": {
			Write{Act: Update, Have: have(), Wanted: have(func(o *corev1.ReplicationController) { o.Spec.MinReadySeconds = 9 })},
			have(labelled("on update"), func(o *corev1.ReplicationController) { o.Spec.MinReadySeconds, o.Generation = 9, 4 }), Put,
		},
		"an update that names no revision writes over whatever there is": {
			Write{Act: Update, Have: have(), Wanted: have(func(o *corev1.ReplicationController) { o.ResourceVersion, o.UID = "", "" })},
			have(labelled("on update")), Put,
		},
		"an update that changes nothing comes to nothing": {
			Write{Act: Update, Have: have(labelled("on update")), Wanted: have()}, have(labelled("on update")), Nothing,
		},
		"the last finalizer of a deleted one is taken off: it goes": {
			Write{Act: Update, Wanted: have(),
				Have: have(deleted(full, 0, 4), func(o *corev1.ReplicationController) { o.Finalizers = []string{"x/y"} })},
			have(labelled("on update"), deleted(full, 0, 4)), Remove,
		},
		"an update of the status changes that and the annotations": {
			Write{Act: UpdateStatus, Have: have(), Wanted: have(labelled("forged"), func(o *corev1.ReplicationController) {
				o.Spec.MinReadySeconds, o.Status.Replicas, o.Annotations = 9, 3, map[string]string{"a": "b"}
			})},
			have(func(o *corev1.ReplicationController) {
				o.Status.Replicas, o.Annotations = 3, map[string]string{"a": "b"}
			}), Put,
		},
		"a subresource's change is past these rules": {
			Write{Act: Change, Have: have(), Wanted: have(func(o *corev1.ReplicationController) { o.Spec.MinReadySeconds = 9 })},
			have(func(o *corev1.ReplicationController) { o.Spec.MinReadySeconds = 9 }), Put,
		},
		"a deleted one gets its grace period, in whole seconds and not less": {
			Write{Act: Delete, Have: have()}, have(labelled("on update"), deleted(full.Add(31*time.Second), 30, 4)), Put,
		},
		"one with no grace period goes at once": {
			Write{Act: Delete, Have: have(), Deletion: metav1.DeleteOptions{GracePeriodSeconds: new(int64)}},
			have(labelled("on update"), deleted(full, 0, 4)), Remove,
		},
		"a second delete can shorten the grace period": {
			Write{Act: Delete, Have: have(deleted(full.Add(30*time.Second), 30, 4)), Deletion: metav1.DeleteOptions{GracePeriodSeconds: &soon}},
			have(deleted(full.Add(6*time.Second), 5, 4)), Put,
		},
		"a second delete cannot lengthen it": {
			Write{Act: Delete, Have: have(deleted(full, 5, 4))}, have(deleted(full, 5, 4)), Nothing,
		},
		"who wants the dependents orphaned has the garbage collector finish first": {
			Write{Act: Delete, Have: have(), Deletion: metav1.DeleteOptions{GracePeriodSeconds: new(int64), PropagationPolicy: &orphan}},
			have(labelled("on update"), deleted(full, 0, 4), func(o *corev1.ReplicationController) { o.Finalizers = []string{"orphan"} }), Put,
		},
		"so does who wants them gone before": {
			Write{Act: Delete, Have: have(), Deletion: metav1.DeleteOptions{GracePeriodSeconds: new(int64), PropagationPolicy: &foreground}},
			have(labelled("on update"), deleted(full, 0, 4), func(o *corev1.ReplicationController) { o.Finalizers = []string{"foregroundDeletion"} }), Put,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := test.write
			w.Kind, w.Now = &thing, noon
			var before api.Object
			if w.Have != nil {
				before = w.Have.DeepCopyObject().(api.Object)
			}
			got, err := Plan(w)
			if err != nil {
				t.Fatal(err)
			}
			if w.Act == Create {
				got.SetResourceVersion("7") // the store's to say
			}
			if difference := cmp.Diff(test.want, got); difference != "" {
				t.Errorf("-want +got\n%s", difference)
			}
			if effect := EffectOf(w.Kind, w.Have, got); effect != test.effect {
				t.Errorf("it comes to %s, want %s", effect, test.effect)
			}
			if difference := cmp.Diff(before, w.Have); w.Have != nil && difference != "" {
				t.Errorf("what there is was changed: -before +after\n%s", difference)
			}
		})
	}
}

func TestAWriteThatWasMeantForAnotherObjectIsRefused(t *testing.T) {
	another, old := types.UID("2"), "6"
	for name, test := range map[string]struct {
		write Write
		is    func(error) bool
	}{
		"an update of another state":  {Write{Act: Update, Wanted: have(func(o *corev1.ReplicationController) { o.ResourceVersion = old })}, apierrors.IsConflict},
		"an update of one that went":  {Write{Act: Update, Wanted: have(func(o *corev1.ReplicationController) { o.UID = another })}, apierrors.IsConflict},
		"a delete of another state":   {Write{Act: Delete, Deletion: metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &old}}}, apierrors.IsConflict},
		"a delete of one that went":   {Write{Act: Delete, Deletion: metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &another}}}, apierrors.IsConflict},
		"a delete of what is to stay": {Write{Act: Delete, Have: have(func(o *corev1.ReplicationController) { o.Name = "kept" })}, apierrors.IsForbidden},
	} {
		w := test.write
		w.Kind, w.Now = &thing, noon
		if w.Have == nil {
			w.Have = have()
		}
		if got, err := Plan(w); !test.is(err) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}
