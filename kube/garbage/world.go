package garbage

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
)

// world watches the objects of every kind that the server has, also of kinds that users add later, by their
// metadata alone.
type world struct {
	client   *operator.Client
	metadata metadata.Interface
	graph    *graph
	// changed is told of every change: what has to be looked at, where it was, and the revision that made it.
	changed func(concerned []types.UID, namespace, revision string)

	running   sync.WaitGroup // the watches
	mu        sync.Mutex
	resources map[schema.GroupKind]resource
	watches   map[schema.GroupVersionResource]*watch
}

// resource is one that the server has.
type resource struct {
	schema.GroupVersionResource
	namespaced bool
}

type watch struct {
	informer cache.SharedIndexInformer
	stop     context.CancelFunc // nil: the watch is shared with other loops
}

// shared are the watches that other loops of this program have anyway. The leases are worth it: each node's
// changes every second.
func shared(client *operator.Client) map[schema.GroupVersionResource]cache.SharedIndexInformer {
	core := client.Watches.Core().V1()
	return map[schema.GroupVersionResource]cache.SharedIndexInformer{
		podResource: core.Pods().Informer(),
		corev1.SchemeGroupVersion.WithResource("nodes"):          core.Nodes().Informer(),
		corev1.SchemeGroupVersion.WithResource("namespaces"):     core.Namespaces().Informer(),
		coordinationv1.SchemeGroupVersion.WithResource("leases"): client.Watches.Coordination().V1().Leases().Informer(),
	}
}

// watchShared follows the shared watches. It is called before they start.
func (w *world) watchShared() error {
	for gvr, informer := range shared(w.client) {
		if err := w.follow(gvr, informer); err != nil {
			return err
		}
		w.watches[gvr] = &watch{informer: informer}
	}
	return nil
}

// lookEvery is how often the server is asked for new kinds.
const lookEvery = 10 * time.Second

// run looks for new kinds until ctx is done, and the watches have ended.
func (w *world) run(ctx context.Context) error {
	defer w.running.Wait()
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if err := w.discover(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("the server's kinds are not known", "error", err)
		}
	}
}

// discover asks the server which resources it has, starts to watch those that are new, and ends the watches of
// those that it has no more. The watches last as long as ctx.
func (w *world) discover(ctx context.Context) error {
	all, err := w.known()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resources = all
	return w.adjustWatches(ctx)
}

// badGroupVersion says that the server offers something under a name that makes no sense.
type badGroupVersion struct{ error }

// known asks the server which resources it has.
func (w *world) known() (map[schema.GroupKind]resource, error) {
	lists, err := discovery.ServerPreferredResources(w.client.Discovery())
	if err != nil {
		return nil, fmt.Errorf("discover the server's resources: %w", err)
	}
	usable := discovery.SupportsAllVerbs{Verbs: []string{"get", "list", "watch", "patch", "delete"}}
	all := map[schema.GroupKind]resource{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, &badGroupVersion{err}
		}
		for _, r := range list.APIResources {
			if usable.Match(list.GroupVersion, &r) {
				all[schema.GroupKind{Group: gv.Group, Kind: r.Kind}] = resource{gv.WithResource(r.Name), r.Namespaced}
			}
		}
	}
	return all, nil
}

// events are many, own nothing and are owned by nobody: they are not watched.
var eventResource = corev1.SchemeGroupVersion.WithResource("events")

func (w *world) adjustWatches(ctx context.Context) error {
	found := map[schema.GroupVersionResource]bool{}
	for _, r := range w.resources {
		gvr := r.GroupVersionResource
		found[gvr] = true
		if w.watches[gvr] != nil || gvr == eventResource {
			continue
		}
		informer := metadatainformer.NewFilteredMetadataInformer(w.metadata, gvr, metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()
		if err := informer.SetTransform(strip); err != nil {
			return err
		}
		if err := w.follow(gvr, informer); err != nil {
			return err
		}
		watching, stop := context.WithCancel(ctx)
		w.running.Go(func() { informer.RunWithContext(watching) })
		w.watches[gvr] = &watch{informer, stop}
	}
	for gvr, watch := range w.watches {
		if !found[gvr] && watch.stop != nil {
			watch.stop()
			delete(w.watches, gvr)
			w.graph.forget(gvr)
		}
	}
	return nil
}

// strip drops what the graph does not hold.
func strip(obj any) (any, error) {
	if o, ok := obj.(metav1.Object); ok {
		o.SetManagedFields(nil)
		o.SetLabels(nil)
		o.SetAnnotations(nil)
	}
	return obj, nil
}

// follow keeps the graph like the watch.
func (w *world) follow(gvr schema.GroupVersionResource, informer cache.SharedIndexInformer) error {
	put := func(obj any) {
		if o, ok := obj.(metav1.Object); ok {
			w.changed(w.graph.put(objectOf(gvr, o)), o.GetNamespace(), o.GetResourceVersion())
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: put,
		UpdateFunc: func(before, after any) {
			if b, ok := before.(metav1.Object); ok && b.GetUID() != after.(metav1.Object).GetUID() {
				// Deleted and made anew while the watch was away.
				w.changed(w.graph.drop(b.GetUID()), b.GetNamespace(), after.(metav1.Object).GetResourceVersion())
			}
			put(after)
		},
		DeleteFunc: func(obj any) {
			if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = tombstone.Obj
			}
			if o, ok := obj.(metav1.Object); ok {
				w.changed(w.graph.drop(o.GetUID()), o.GetNamespace(), o.GetResourceVersion())
			}
		},
	})
	return err
}

func objectOf(gvr schema.GroupVersionResource, o metav1.Object) Object {
	return Object{
		Resource: gvr, Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Revision: o.GetResourceVersion(),
		Owners: o.GetOwnerReferences(), Finalizers: o.GetFinalizers(), Deleting: o.GetDeletionTimestamp() != nil,
	}
}

// settle waits until every watch has seen what is there, but not for long: one kind that cannot be listed
// shall not hold up the others, and nothing is deleted without a look at the server.
func (w *world) settle(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	w.mu.Lock()
	var synced []cache.InformerSynced
	for _, watch := range w.watches {
		synced = append(synced, watch.informer.HasSynced)
	}
	w.mu.Unlock()
	cache.WaitForCacheSync(ctx.Done(), synced...)
}

// resourceOf finds the resource of an owner's kind.
func (w *world) resourceOf(ref metav1.OwnerReference) (resource, error) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return resource{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found, ok := w.resources[schema.GroupKind{Group: gv.Group, Kind: ref.Kind}]
	if !ok {
		return resource{}, fmt.Errorf("the server has no kind %s %s", ref.APIVersion, ref.Kind)
	}
	return found, nil
}
