package operator

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"
)

// children are web's pods, on a server that lets so many of them in.
func children(t *testing.T, room int64) (*Children[*appsv1.ReplicaSet, *corev1.Pod], *atomic.Int64) {
	t.Helper()
	server, asked := fake.NewClientset(web.DeepCopy()), new(atomic.Int64)
	server.PrependReactor("create", "pods", func(kubetesting.Action) (bool, runtime.Object, error) {
		if asked.Add(1) > room {
			return true, nil, errors.New("exceeded quota")
		}
		return false, nil, nil
	})
	client := NewClient(server, nil, "test")
	c, err := NewChildren(client, client.Watches.Core().V1().Pods().Informer(), Ownership[*appsv1.ReplicaSet, *corev1.Pod]{
		Kind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), Child: "pod",
		Owners:   func(namespace string) Getter[*appsv1.ReplicaSet] { return server.AppsV1().ReplicaSets(namespace) },
		Children: func(namespace string) Writer[*corev1.Pod] { return server.CoreV1().Pods(namespace) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, asked
}

func TestWhatRefusesAllChildrenIsNotAskedForEachOfThem(t *testing.T) {
	for _, c := range []struct{ wanted, room, most int64 }{
		{wanted: 500, room: 0, most: 1},
		{wanted: 500, room: 1, most: 3},
		{wanted: 500, room: 7, most: 15},
		{wanted: 500, room: 500, most: 500},
	} {
		children, asked := children(t, c.room)
		made := new(atomic.Int64)
		err := children.Create(t.Context(), web, int(c.wanted), func() *corev1.Pod {
			return pod(fmt.Sprintf("web-%d", made.Add(1)), "")
		})
		if (err != nil) != (c.room < c.wanted) || asked.Load() > c.most {
			t.Errorf("%d wanted, room for %d: the server was asked %d times and not %d at most, error %v", c.wanted, c.room, asked.Load(), c.most, err)
		}
		seen, err := children.By(web)
		if err != nil || int64(len(seen)) != min(c.room, c.wanted) {
			t.Errorf("%d wanted, room for %d: the loop sees %d of its pods, error %v", c.wanted, c.room, len(seen), err)
		}
	}
}

func TestAnOwnerThatIsDeletedMeanwhileAdoptsNothing(t *testing.T) {
	children, _ := children(t, 1)
	gone := web.DeepCopy()
	gone.UID = "another web, of the same name"
	orphan := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orphan"}}
	if err := children.Adopt(t.Context(), gone, map[string]*corev1.Pod{"orphan": orphan}, []string{"orphan"}); err == nil {
		t.Error("it was adopted by an owner that is not there any more")
	}
}
