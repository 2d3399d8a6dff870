package garbage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// own gives an object further owners.
func (l *lab) own(name string, owners ...*corev1.ConfigMap) {
	l.Helper()
	owned := l.get(name)
	for _, owner := range owners {
		owned.OwnerReferences = append(owned.OwnerReferences, metav1.OwnerReference{
			APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, BlockOwnerDeletion: new(true)})
	}
	_, err := l.CoreV1().ConfigMaps("default").Update(l.Context(), owned, metav1.UpdateOptions{})
	l.must(err)
}

func TestACircleOfOwnersGoes(t *testing.T) {
	l := newLab(t)
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationForeground, metav1.DeletePropagationBackground} {
		a := l.make("a")
		b := l.make("b", a)
		c := l.make("c", b)
		l.own("a", c)
		l.delete("b", policy)
		l.waitGone("a", "b", "c")

		a = l.make("a")
		b = l.make("b", a)
		l.own("a", b)
		l.delete("a", policy)
		if l.get("b") != nil {
			_ = l.CoreV1().ConfigMaps("default").Delete(l.Context(), "b", metav1.DeleteOptions{PropagationPolicy: &policy}) // both at once; it may be gone
		}
		l.waitGone("a", "b")

		l.own("own", l.make("own"))
		l.delete("own", policy)
		l.waitGone("own")
	}
}
