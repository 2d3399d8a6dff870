package garbage

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Collector clears away what nobody needs any more: two loops over one picture of all objects.
type Collector struct {
	client     *operator.Client
	metadata   metadata.Interface
	namespaces corelisters.NamespaceLister
	graph      *graph
	world      *world

	owned, emptying *operator.Loop
}

// New makes the loops. It is called before the client's watches start.
func New(client *operator.Client) (*Collector, error) {
	config := rest.CopyConfig(client.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return onlyMetadata{next} })
	byMetadata, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for metadata: %w", err)
	}
	c := &Collector{
		client: client, metadata: byMetadata, graph: newGraph(),
		namespaces: client.Watches.Core().V1().Namespaces().Lister(),
	}
	c.owned = operator.NewLoop(ownersLoop, 4, client, c.reconcileOwned)
	c.emptying = operator.NewLoop(namespacesLoop, 4, client, c.reconcileNamespace)
	c.world = &world{
		client: client, metadata: byMetadata, graph: c.graph, changed: c.changed,
		resources: map[schema.GroupKind]resource{}, watches: map[schema.GroupVersionResource]*watch{},
	}
	if err := c.world.watchShared(); err != nil {
		return nil, err
	}
	namespaces := client.Watches.Core().V1().Namespaces().Informer()
	return c, operator.Follow(c.emptying, namespaces, operator.Self[*corev1.Namespace])
}

// onlyMetadata asks for no more than metadata where a deletion is answered with the object. For all else the client for metadata
// does so by itself.
type onlyMetadata struct{ next http.RoundTripper }

// RoundTrip sends a request.
func (m onlyMetadata) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodDelete {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
	}
	return m.next.RoundTrip(r)
}

// changed puts into the queues what a change concerns.
func (c *Collector) changed(concerned []types.UID, namespace, revision string) {
	cause := trace.Wrote(revision)
	for _, uid := range concerned {
		c.owned.Add(operator.Key{Name: string(uid)}, cause)
	}
	if ns, err := c.namespaces.Get(namespace); err == nil && ns.DeletionTimestamp != nil {
		c.emptying.Add(operator.Key{Name: namespace}, cause)
	}
}

// Run works until ctx is done. The client's watches must be synced.
func (c *Collector) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := c.begin(ctx); err != nil {
			return err
		}
		group.Go(func() error { return c.world.run(ctx) })
		group.Go(func() error { return c.owned.Run(ctx) })
		group.Go(func() error { return c.emptying.Run(ctx) })
		return nil
	})
	return group.Wait()
}

// begin waits until the server has said what it has, and the graph shows it.
func (c *Collector) begin(ctx context.Context) error {
	for {
		err := c.world.discover(ctx)
		if err == nil {
			c.world.settle(ctx)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}
