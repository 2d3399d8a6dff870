//go:build linux

package live

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// server is an API server that answers with what it was given.
type server struct {
	dynamic.ResourceInterface
	lists   []*unstructured.UnstructuredList
	watches []*apiwatch.FakeWatcher
	asked   []string // the revisions that watches were to begin at
}

func (s *server) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	list := s.lists[0]
	s.lists = s.lists[1:]
	return list, nil
}

func (s *server) Watch(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	s.asked = append(s.asked, options.ResourceVersion)
	if len(s.watches) == 0 {
		return nil, fmt.Errorf("no more")
	}
	watch := s.watches[0]
	s.watches = s.watches[1:]
	context.AfterFunc(ctx, watch.Stop)
	return watch, nil
}

func thing(name string, revision int, more ...any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"kind": "Thing", "metadata": map[string]any{"name": name, "resourceVersion": fmt.Sprint(revision)}}}
	for i := 0; i < len(more); i += 2 {
		_ = unstructured.SetNestedField(object.Object, more[i+1], "spec", more[i].(string))
	}
	return object
}

func things(revision int, objects ...*unstructured.Unstructured) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetResourceVersion(fmt.Sprint(revision))
	for _, object := range objects {
		list.Items = append(list.Items, *object)
	}
	return list
}

// told runs a watch of a resource against the server while happens happens, and says which frames come of it.
func told(t *testing.T, resource string, s *server, happens func()) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	history := record.NewHistory(record.LiveLimits)
	order := record.NewOrder(history, time.Second, 0)
	for revision := range int64(20) {
		step := trace.Step{Time: time.Now()}
		step.SetRevision(revision)
		order.Know([]trace.Step{step})
	}
	d := newDoor(func(string, string) {})
	d.set(true)
	w := &watch{
		resource: resource, client: s, order: order, door: d,
		look: func(*unstructured.Unstructured) {}, gone: func(trace.Ref) {}, known: map[trace.Ref]int64{}, holders: map[trace.Ref]string{},
	}
	if _, err := w.first(ctx); err != nil {
		t.Fatal(err)
	}
	go w.run(ctx)
	happens()
	synctest.Wait()
	if history.Snapshot().Seq == 0 {
		return nil
	}
	frames, err := history.Next(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, frame := range frames {
		if frame.Gone != nil {
			words = append(words, frame.Gone.Name+" gone")
		} else {
			words = append(words, fmt.Sprintf("%s r%d", frame.Object.Ref.Name, frame.Object.Revision))
		}
	}
	return words
}

func TestAWatchThatBreaksOffGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := apiwatch.NewFake(), apiwatch.NewFake()
		s := &server{lists: []*unstructured.UnstructuredList{things(3, thing("a", 2))}, watches: []*apiwatch.FakeWatcher{first, second}}
		got := told(t, "things", s, func() {
			first.Modify(thing("a", 4))
			first.Action(apiwatch.Bookmark, thing("", 6))
			first.Stop()
			second.Modify(thing("a", 4)) // it has that one
			second.Delete(thing("a", 7))
			second.Delete(thing("a", 7))
			synctest.Wait()
		})
		if diff := cmp.Diff([]string{"a r4", "a gone"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"3", "6"}, s.asked); diff != "" {
			t.Errorf("watched from (-want +got):\n%s", diff)
		}
	})
}

func TestAfterARevisionThatIsForgottenWhatHasChangedIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := apiwatch.NewFake(), apiwatch.NewFake()
		s := &server{
			lists: []*unstructured.UnstructuredList{
				things(3, thing("a", 1), thing("b", 2), thing("c", 3)),
				things(9, thing("a", 1), thing("b", 8), thing("d", 9)),
			},
			watches: []*apiwatch.FakeWatcher{first, second},
		}
		got := told(t, "things", s, func() {
			first.Error(&metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonExpired, Code: http.StatusGone})
			second.Add(thing("e", 10))
			synctest.Wait()
		})
		if diff := cmp.Diff([]string{"b r8", "d r9", "c gone", "e r10"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"3", "9"}, s.asked); diff != "" {
			t.Errorf("watched from (-want +got):\n%s", diff)
		}
	})
}

func TestOfALeaseOnlyANewHolderIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := apiwatch.NewFake()
		s := &server{lists: []*unstructured.UnstructuredList{things(3, thing("leader", 2, "holderIdentity", "a"))}, watches: []*apiwatch.FakeWatcher{changes}}
		got := told(t, leases, s, func() {
			changes.Modify(thing("leader", 4, "holderIdentity", "a", "renewTime", "now"))
			changes.Modify(thing("leader", 5, "holderIdentity", "b"))
			changes.Modify(thing("leader", 6, "holderIdentity", "b"))
			synctest.Wait()
		})
		if diff := cmp.Diff([]string{"leader r5"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestOfEventsTheNewestStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := apiwatch.NewFake()
		s := &server{lists: []*unstructured.UnstructuredList{things(0)}, watches: []*apiwatch.FakeWatcher{changes}}
		got := told(t, events, s, func() {
			for i := range maxEvents + 2 {
				changes.Add(thing(fmt.Sprint(i), i+1))
			}
			changes.Delete(thing("0", 1000))
			synctest.Wait()
		})
		want := []string{"500 r501", "0 gone", "501 r502", "1 gone"}
		if diff := cmp.Diff(want, got[maxEvents:]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
