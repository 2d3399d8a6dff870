package apiserver

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/garbage"
	"kubelab/kube/store/storetest"
)

// Between the reading of an object and its writing there is a window in which another write may come. These tests open
// it: the edit itself is where the other write happens.

// serverWithoutWire is a server that is called as its own handlers call it, with the namespace "default".
func serverWithoutWire(t *testing.T) *Server {
	t.Helper()
	nobody, err := access.NewPolicy(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Kinds: slices.Concat(garbage.Kinds, api.Kinds), Store: storetest.Start(t), Policy: nobody})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { s.cache.Run(t.Context()) })
	t.Cleanup(running.Wait) // the test's context has ended by then
	if err := s.ensure(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// about is a call about the config map "a".
func (s *Server) about(t *testing.T, verb string) *call {
	t.Helper()
	c, err := s.ownCall(t.Context(), noted())
	if err != nil {
		t.Fatal(err)
	}
	c.verb, c.name, c.user.groups = verb, "a", []string{access.MastersGroup}
	return c
}

// noted is the config map "a" with some data.
func noted(data ...string) *corev1.ConfigMap {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "default"}, Data: map[string]string{}}
	for _, key := range data {
		object.Data[key] = "set"
	}
	return object
}

// create makes the config map as a call of its own would.
func (s *Server) create(c *call, object api.Object) (api.Object, error) {
	wanted, err := c.wantsNew(object)
	if err != nil {
		return nil, err
	}
	done, err := s.write(c, wanted)
	return done.object, err
}

// update edits the config map as a call of its own would.
func (s *Server) update(c *call, change edit) (api.Object, error) {
	done, err := s.write(c, intent{act: Update, edit: change})
	return done.object, err
}

// adding is an edit that sets a key of the data, after doing what comes in between.
func adding(key string, between func(current api.Object)) edit {
	return func(current api.Object) (api.Object, error) {
		object := current.DeepCopyObject().(*corev1.ConfigMap)
		between(current)
		if object.Data == nil {
			object.Data = map[string]string{}
		}
		object.Data[key] = "set"
		return object, nil
	}
}

func TestOfTwoThatApplyFirstTheSecondFindsWhatTheFirstHasMade(t *testing.T) {
	s := serverWithoutWire(t)
	c := s.about(t, "patch")
	applied, err := s.write(c, c.merging(adding("mine", func(current api.Object) {
		if current.GetUID() != "" {
			return
		}
		if _, err := s.create(s.about(t, "create"), noted("theirs")); err != nil {
			t.Error(err)
		}
	})))
	if err != nil || applied.created {
		t.Fatalf("got %+v, %v, want that it was updated", applied, err)
	}
	if data := applied.object.(*corev1.ConfigMap).Data; len(data) != 2 {
		t.Errorf("got %v, want what both applied", data)
	}
}

func TestAChangeThatNamesNoRevisionIsTriedUntilNoOtherComesInBetween(t *testing.T) {
	const others = 50
	s := serverWithoutWire(t)
	if _, err := s.create(s.about(t, "create"), noted()); err != nil {
		t.Fatal(err)
	}
	n := 0
	updated, err := s.update(s.about(t, "patch"), adding("mine", func(api.Object) {
		if n++; n > others {
			return
		}
		if _, err := s.update(s.about(t, "patch"), adding(fmt.Sprint("theirs-", n), func(api.Object) {})); err != nil {
			t.Error(err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if data := updated.(*corev1.ConfigMap).Data; len(data) != others+1 {
		t.Errorf("%d keys are there, want all %d of the others and ours", len(data), others)
	}
}

func TestAChangeThatNamesARevisionIsNotTriedAgain(t *testing.T) {
	s := serverWithoutWire(t)
	made, err := s.create(s.about(t, "create"), noted())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.update(s.about(t, "update"), func(current api.Object) (api.Object, error) {
		if current.GetResourceVersion() == made.GetResourceVersion() {
			if _, err := s.update(s.about(t, "patch"), adding("theirs", func(api.Object) {})); err != nil {
				t.Error(err)
			}
		}
		object := noted("mine")
		object.ResourceVersion = made.GetResourceVersion()
		return object, nil
	})
	if !apierrors.IsConflict(err) {
		t.Errorf("got %v, want a conflict", err)
	}
}
