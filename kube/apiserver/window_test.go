package apiserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/garbage"
	"kubelab/kube/store"
	"kubelab/kube/store/storetest"
)

// Between the reading of an object and its writing there is a window in which another write may come. These tests open
// it: the edit itself is where the other write happens.

// serverWithoutWire is a server that is called as its own handlers call it, with the namespace "default".
func serverWithoutWire(t *testing.T) *Server {
	t.Helper()
	s, _ := serverOn(t, storetest.Start(t))
	return s
}

// serverOn also returns what makes the server's cache stand still.
func serverOn(t *testing.T, opened *store.Store) (s *Server, stop func()) {
	t.Helper()
	nobody, err := access.NewPolicy(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err = New(Config{Kinds: slices.Concat(garbage.Kinds, api.Kinds), Store: opened, Policy: nobody})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.cache.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	if err := s.ensure(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}); err != nil {
		t.Fatal(err)
	}
	return s, stop
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

// delete deletes the config map as a call of its own would.
func (s *Server) delete(c *call) error {
	done, err := s.write(c, intent{act: Delete})
	if err == nil && done.effect != Remove {
		err = fmt.Errorf("a delete came to %s", done.effect)
	}
	return err
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

// behind is a server whose cache has stood still since the config map had "mine" only, and the revision at which it got "theirs"
// instead.
func behind(t *testing.T) (s *Server, now string) {
	t.Helper()
	opened := storetest.Start(t)
	other, _ := serverOn(t, opened)
	if _, err := other.create(other.about(t, "create"), noted("mine")); err != nil {
		t.Fatal(err)
	}
	s, stop := serverOn(t, opened)
	if err := s.cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	updated, err := other.update(other.about(t, "update"), func(api.Object) (api.Object, error) { return noted("theirs"), nil })
	if err != nil {
		t.Fatal(err)
	}
	return s, updated.GetResourceVersion()
}

func TestAWriteCountsForWhatTheStoreHasThoughTheCacheIsBehind(t *testing.T) {
	for name, c := range map[string]struct{ key, want string }{
		"WithSomethingToChange":        {"more", "[more theirs]"},
		"WithNothingToChangeAsItSeems": {"mine", "[mine theirs]"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := behind(t)
			updated, err := s.update(s.about(t, "patch"), adding(c.key, func(api.Object) {}))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(slices.Sorted(maps.Keys(updated.(*corev1.ConfigMap).Data))); got != c.want {
				t.Errorf("it has %s, want %s", got, c.want)
			}
		})
	}
	t.Run("WithAConditionThatSeemsBroken", func(t *testing.T) {
		s, now := behind(t)
		c := s.about(t, "delete")
		c.options.Deletion.Preconditions = &metav1.Preconditions{ResourceVersion: &now}
		if err := s.delete(c); err != nil {
			t.Error(err)
		}
	})
}

// readsFromEtcd counts what all etcds of this process were asked to read.
func readsFromEtcd(t *testing.T) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				if family.GetName() == "grpc_server_started_total" && label.GetValue() == "Range" {
					return metric.Counter.GetValue()
				}
			}
		}
	}
	t.Fatal("etcd does not count its calls")
	return 0
}

func TestAWriteReadsNothingThatTheCacheKnows(t *testing.T) {
	s := serverWithoutWire(t)
	if _, err := s.create(s.about(t, "create"), noted()); err != nil {
		t.Fatal(err)
	}
	if err := s.cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := readsFromEtcd(t)
	updated, err := s.update(s.about(t, "patch"), adding("mine", func(api.Object) {}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cache.Reach(t.Context(), revisionOf(updated)); err != nil {
		t.Fatal(err)
	}
	if err := s.delete(s.about(t, "delete")); err != nil {
		t.Fatal(err)
	}
	if reads := readsFromEtcd(t) - before; reads != 0 {
		t.Errorf("an update and a delete have read from etcd %.0f times", reads)
	}
}
