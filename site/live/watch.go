//go:build linux

package live

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// watch follows all objects of one resource.
type watch struct {
	resource string
	client   dynamic.ResourceInterface
	order    *record.Order
	door     *door
	look     func(*unstructured.Unstructured) // sees each object before it is masked; a pod's host has to know it
	gone     func(trace.Ref)

	since   string              // the revision that everything up to is known of
	known   map[trace.Ref]int64 // the objects and their revisions
	holders map[trace.Ref]string
	oldest  []trace.Ref // of events, those that are known, oldest first
}

func newWatch(g *gatherer, resource schema.GroupVersionResource) *watch {
	return &watch{
		resource: resource.Resource, client: g.plain.Resource(resource), order: g.order, door: g.door,
		look: g.hosts.look, gone: g.hosts.gone, known: map[trace.Ref]int64{}, holders: map[trace.Ref]string{},
	}
}

// maxEvents is how many events are shown: the newest.
const maxEvents = 500

// first lists the objects that are there, for the state that everything starts from.
func (w *watch) first(ctx context.Context) ([]record.Object, error) {
	list, err := w.list(ctx)
	if err != nil {
		return nil, err
	}
	var objects []record.Object
	for i := range list.Items {
		object, news, err := w.take(&list.Items[i])
		if err != nil {
			return nil, err
		}
		if news {
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func (w *watch) list(ctx context.Context) (*unstructured.UnstructuredList, error) {
	list, err := w.client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", w.resource, err)
	}
	w.since = list.GetResourceVersion()
	return list, nil
}

// run follows the objects until ctx is done.
func (w *watch) run(ctx context.Context) {
	for w.door.pass(ctx) {
		err := w.follow(ctx)
		if status := apierrors.APIStatus(nil); errors.As(err, &status) { // it does not know our revision any more, or not yet
			_ = w.relist(ctx) // or the next turn does
		}
		if err != nil {
			w.door.failed(ctx)
		}
	}
}

// relist makes up for what was missed: objects may have changed or gone, and nobody said when.
func (w *watch) relist(ctx context.Context) error {
	list, err := w.list(ctx)
	if err != nil {
		return err
	}
	there := map[trace.Ref]bool{}
	for i := range list.Items {
		there[refOf(w.resource, &list.Items[i])] = true
		if err := w.changed(&list.Items[i]); err != nil {
			return err
		}
	}
	for _, ref := range missing(w.known, there) {
		w.ended(ref, 0)
	}
	return nil
}

// follow takes in what happens after since, until the connection ends. A nil error: the server ended it, as it does
// from time to time.
func (w *watch) follow(ctx context.Context) error {
	changes, err := w.client.Watch(ctx, metav1.ListOptions{ResourceVersion: w.since, AllowWatchBookmarks: true})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		if change.Type == apiwatch.Error {
			return apierrors.FromObject(change.Object)
		}
		object, ok := change.Object.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("watch %s: got a %T", w.resource, change.Object)
		}
		since := object.GetResourceVersion()
		switch change.Type {
		case apiwatch.Added, apiwatch.Modified:
			err = w.changed(object)
		case apiwatch.Deleted:
			w.ended(refOf(w.resource, object), revision(object))
		}
		if err != nil {
			return err
		}
		w.since = since
	}
	return nil
}

// take says what is to be seen of an object, and whether that is new.
func (w *watch) take(object *unstructured.Unstructured) (record.Object, bool, error) {
	ref := refOf(w.resource, object)
	before, had := w.known[ref]
	if had && before == revision(object) {
		return record.Object{}, false, nil
	}
	w.known[ref] = revision(object)
	if w.resource == leases {
		now := holder(object)
		was, held := w.holders[ref]
		if w.holders[ref] = now; held && was == now {
			return record.Object{}, false, nil
		}
	}
	if w.resource == events && !had {
		w.oldest = append(w.oldest, ref)
	}
	w.look(object)
	shown, err := show(w.resource, object)
	return shown, err == nil, err
}

func (w *watch) changed(object *unstructured.Unstructured) error {
	shown, news, err := w.take(object)
	if err != nil || !news {
		return err
	}
	w.tell(shown.Ref, shown.Revision, record.Frame{Object: &shown})
	for len(w.oldest) > maxEvents {
		w.ended(w.oldest[0], 0)
	}
	return nil
}

// ended tells that an object is no more. revision is that of its end, 0 when nobody knows.
func (w *watch) ended(ref trace.Ref, revision int64) {
	if _, known := w.known[ref]; !known {
		return
	}
	delete(w.known, ref)
	delete(w.holders, ref)
	for i, event := range w.oldest {
		if event == ref {
			w.oldest = append(w.oldest[:i:i], w.oldest[i+1:]...)
			break
		}
	}
	w.gone(ref)
	w.tell(ref, revision, record.Frame{Gone: &ref})
}

// tell hands on a frame: at once where no step will come.
func (w *watch) tell(ref trace.Ref, revision int64, frame record.Frame) {
	if w.resource == leases || w.resource == events {
		w.order.Now(frame)
		return
	}
	w.order.Write(ref, revision, frame)
}
