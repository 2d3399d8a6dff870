package operator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
)

var web = &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid"}}

// pod makes a pod of web. Its name serves as its UID, too.
func pod(name, revision string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID(name), ResourceVersion: revision,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(web, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
	}}
}

// lagging is what a loop sees of web's pods, and the store behind its watch, which the test moves on by hand.
func lagging(t *testing.T) (*Owned[*corev1.Pod], cache.Indexer, func() []string) {
	watch := NewClient(fake.NewClientset(), nil, "test").Watches.Core().V1().Pods().Informer()
	owned, err := NewOwned[*corev1.Pod](watch)
	if err != nil {
		t.Fatal(err)
	}
	return owned, watch.GetIndexer(), func() []string {
		t.Helper()
		pods, err := owned.By(web)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, p := range pods {
			name := p.Name
			if p.DeletionTimestamp != nil {
				name += " leaves"
			}
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
}

func check(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestALoopSeesWhatItCreatedBeforeItsWatchDoes(t *testing.T) {
	owned, store, names := lagging(t)
	store.Bookmark("10")
	owned.Created(pod("a", "11"))
	check(t, "the watch is at 10", names(), "a")
	if err := store.Add(pod("a", "12")); err != nil {
		t.Fatal(err)
	}
	check(t, "the watch shows the pod", names(), "a")
	if err := store.Delete(pod("a", "13")); err != nil {
		t.Fatal(err)
	}
	check(t, "the pod is deleted", names())
}

func TestWhatCameAndWentUnseenIsForgotten(t *testing.T) {
	owned, store, names := lagging(t)
	store.Bookmark("9")
	owned.Created(pod("a", "10"))
	check(t, "the watch is at 9", names(), "a")
	store.Bookmark("12")
	check(t, "the watch is past the creation and shows no pod", names())
}

func TestALoopSeesThatWhatItDeletedIsOnItsWayOutThoughItsWatchDoesNotYet(t *testing.T) {
	owned, store, names := lagging(t)
	for _, p := range []*corev1.Pod{pod("a", "10"), pod("b", "11")} {
		if err := store.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	owned.Created(pod("c", "12"))
	owned.Deleted(pod("a", "10"))
	owned.Deleted(pod("c", "12"))
	check(t, "a and c are deleted", names(), "a leaves", "b", "c leaves")
	leaving := pod("a", "13")
	leaving.DeletionTimestamp = &metav1.Time{}
	if err := store.Update(leaving); err != nil {
		t.Fatal(err)
	}
	check(t, "the watch shows that a leaves, and that c came and went", names(), "a leaves", "b")
	if err := store.Delete(leaving); err != nil {
		t.Fatal(err)
	}
	check(t, "the watch shows that a is gone", names(), "b")
	if len(owned.created)+len(owned.deleted) > 0 {
		t.Errorf("still remembered: %v %v", owned.created, owned.deleted)
	}
}

func TestWhatNobodyControlsIsOfferedForAdoption(t *testing.T) {
	_, store, names := lagging(t)
	orphan, foreign, elsewhere := pod("orphan", "1"), pod("foreign", "2"), pod("elsewhere", "3")
	orphan.OwnerReferences, elsewhere.OwnerReferences = nil, nil
	foreign.OwnerReferences[0].UID = "another"
	elsewhere.Namespace = "office"
	for _, p := range []*corev1.Pod{orphan, foreign, elsewhere} {
		if err := store.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "web and the orphans of its namespace", names(), "orphan")
}
