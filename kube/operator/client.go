package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"kubelab/kube/trace"
)

// Client is what a component has of the cluster.
type Client struct {
	kubernetes.Interface                                 // reads and writes; writes carry their causes
	Watches              informers.SharedInformerFactory // one watch per resource, shared by all loops
	Recorder             *trace.Recorder                 // what the component does beside the API
	Config               *rest.Config
	Component            string // what it is called in events
	Node                 string // the node that it speaks for in events; empty: it speaks for the cluster

	events     chan news
	lostEvents atomic.Int64 // since somebody was told
	stepMode   informers.SharedInformerFactory
}

// Identity is who a component is.
type Identity struct {
	Component  string // "scheduler", "kubelet", …
	Host       string // the host it runs on
	Kubeconfig string // how it reaches the API server
	Journal    string // the file of its undelivered steps; empty: none
}

// Connect makes a component's client. Nothing is sent yet: an API server that is down is no error here.
func Connect(who Identity) (*Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", who.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", who.Kubeconfig, err)
	}
	config.UserAgent = "kubelab/" + who.Component
	config.QPS = -1 // a queue paces a loop better than a limit on requests
	config.Wrap(trace.Transport)
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of %s: %w", who.Component, err)
	}
	recorder, err := trace.NewRecorder(who.Component, who.Host, who.Journal)
	if err != nil {
		return nil, err
	}
	client := NewClient(clients, recorder, who.Component)
	client.Config = config
	return client, nil
}

// NewClient makes a component's client of a clientset that is there already. It has no Config.
func NewClient(clients kubernetes.Interface, recorder *trace.Recorder, component string) *Client {
	return &Client{
		Interface: clients, Recorder: recorder, Component: component, events: make(chan news, maxEvents), stepMode: watchStepMode(clients),
		Watches: informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithTransform(trim)),
	}
}

// trim drops what no loop reads before an object is kept in memory: who owns which field.
func trim(obj any) (any, error) {
	if object, ok := obj.(interface{ SetManagedFields([]managedFields) }); ok {
		object.SetManagedFields(nil)
	}
	return obj, nil
}

// Deliver sends steps and events to the API server until ctx is done. Each component runs it beside its loops.
func (c *Client) Deliver(ctx context.Context) {
	var events sync.WaitGroup
	events.Go(func() { c.writeEvents(ctx) })
	defer events.Wait()
	c.Recorder.Run(ctx, c.Send)
}

// Send delivers steps that are complete, once. It returns [trace.ErrRefused] when the API server says that they are wrong.
func (c *Client) Send(ctx context.Context, steps []trace.Step) error {
	body, err := json.Marshal(steps)
	if err != nil {
		return fmt.Errorf("%w: %w", trace.ErrRefused, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = c.CoreV1().RESTClient().Post().AbsPath(trace.Path).
		SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body).Do(ctx).Error()
	if Refused(err) {
		return fmt.Errorf("%w: %w", trace.ErrRefused, err)
	}
	return err
}

// Refused says whether an error of a request is the API server's word that the request is wrong: nothing happened, and to ask
// again is no use. After other errors it may have happened, or may succeed later.
func Refused(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests
}

// Sync starts the watches that were asked for and waits until each has seen the state as it is now.
func (c *Client) Sync(ctx context.Context) error {
	c.Watches.StartWithContext(ctx)
	for kind, synced := range c.Watches.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("watch %s: %w", kind, context.Cause(ctx))
		}
	}
	return nil
}

// Follow puts the keys that an object concerns into the loop whenever the object changes. The cause is
// the step that wrote the change.
func Follow[T object](loop *Loop, watch cache.SharedIndexInformer, keys func(T) []Key) error {
	put := func(obj any) {
		if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = tombstone.Obj
		}
		if o, ok := obj.(T); ok {
			for _, key := range keys(o) {
				loop.Add(key, trace.Wrote(o.GetResourceVersion()))
			}
		}
	}
	_, err := watch.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		DeleteFunc: put,
		UpdateFunc: func(before, after any) {
			// An object may stop concerning a key by this very change: ask the old one too.
			if old, ok := before.(T); ok {
				if o, ok := after.(T); ok && old.GetResourceVersion() != o.GetResourceVersion() {
					for _, key := range keys(old) {
						loop.Add(key, trace.Wrote(o.GetResourceVersion()))
					}
				}
			}
			put(after)
		},
	})
	return err
}
