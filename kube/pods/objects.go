//go:build linux

package pods

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// objects watches the single objects that the node's pods refer to, each from the first to the last pod that
// does. A node need not know, and is not allowed to know, all Secrets of the cluster.
type objects struct {
	client kubernetes.Interface
	wake   func(operator.Key, ...trace.ID)
	ctx    context.Context // in which the watches run
	mu     sync.Mutex
	known  map[reference]*watched
}

// reference names an object, or without a name all of a namespace.
type reference struct{ resource, namespace, name string }

type watched struct {
	factory informers.SharedInformerFactory
	found   informers.GenericInformer
	stop    context.CancelFunc
	wakes   bool // a change is news to the pods
	pods    map[operator.Key]bool
	first   sync.WaitGroup // who waits for the first sight of it
}

// get is an object that a pod refers to, or nil if it does not exist. As long as the API server has not said, it is not seen. From now on the pod is
// woken when that changes.
func (o *objects) get(pod operator.Key, ref reference) (object runtime.Object, seen bool, err error) {
	w, err := o.watch(pod, ref)
	if err != nil || !w.found.Informer().HasSynced() {
		return nil, false, err
	}
	object, err = w.found.Lister().ByNamespace(ref.namespace).Get(ref.name)
	if apierrors.IsNotFound(err) {
		return nil, true, nil
	}
	return object, true, err
}

// services are those of which a pod's containers are told: the API server's, and if linked those of the pod's namespace. A container is told of
// those that there are when it starts, so the pod is not woken when one comes or goes.
func (o *objects) services(pod operator.Key, linked bool) (all []*corev1.Service, seen bool, err error) {
	service, seen, err := o.get(pod, reference{serviceResource, "default", "kubernetes"})
	if is, ok := service.(*corev1.Service); ok {
		all = append(all, is)
	}
	if err != nil || !linked {
		return all, seen, err
	}
	w, err := o.watch(pod, reference{resource: serviceResource, namespace: pod.Namespace})
	if err != nil || !w.found.Informer().HasSynced() {
		return all, false, err
	}
	own, err := w.factory.Core().V1().Services().Lister().List(labels.Everything())
	return append(all, own...), seen, err
}

func (o *objects) watch(pod operator.Key, ref reference) (*watched, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := o.known[ref]; w != nil {
		w.pods[pod] = true
		return w, nil
	}
	factory := informers.NewSharedInformerFactoryWithOptions(o.client, 0, informers.WithNamespace(ref.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			if ref.name != "" {
				options.FieldSelector = fields.OneTermEqualSelector("metadata.name", ref.name).String()
			}
		}))
	found, err := factory.ForResource(schema.GroupVersionResource{Version: "v1", Resource: ref.resource})
	if err != nil {
		return nil, err
	}
	w := &watched{factory: factory, found: found, wakes: ref.name != "", pods: map[operator.Key]bool{pod: true}}
	if _, err := found.Informer().AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, wasThere bool) {
			if !wasThere {
				o.changed(w, object)
			}
		},
		UpdateFunc: func(_, object any) { o.changed(w, object) },
	}); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(o.ctx)
	w.stop = stop
	factory.StartWithContext(ctx)
	o.known[ref] = w
	w.first.Go(func() {
		if cache.WaitFor(ctx, "", found.Informer().HasSyncedChecker()) {
			o.seen(w)
		}
	})
	return w, nil
}

func (o *objects) changed(w *watched, object any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !w.wakes {
		return
	}
	for pod := range w.pods {
		if is, ok := object.(metav1.Object); ok {
			o.wake(pod, trace.Wrote(is.GetResourceVersion()))
		}
	}
}

// seen has the pods looked at that have waited for the first sight of an object.
func (o *objects) seen(w *watched) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for pod := range w.pods {
		o.wake(pod)
	}
}

// release ends the watches that only this pod needed. wait waits for them.
func (o *objects) release(pod operator.Key) (wait func()) {
	return o.end(func(w *watched) bool {
		delete(w.pods, pod)
		return len(w.pods) == 0
	})
}

// end ends the watches that idle is true of. wait waits for them.
func (o *objects) end(idle func(*watched) bool) (wait func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ended []*watched
	for ref, w := range o.known {
		if idle(w) {
			delete(o.known, ref)
			w.stop()
			ended = append(ended, w)
		}
	}
	return func() { // without the lock: a watch that ends may be waiting for it
		for _, w := range ended {
			w.factory.Shutdown()
			w.first.Wait()
		}
	}
}
