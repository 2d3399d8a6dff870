//go:build linux

package live

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// Config says what to gather, and where it goes.
type Config struct {
	Cluster    string          // its name on this machine
	Kubeconfig string          // of an administrator: the causal record is for no one else
	History    *record.History // whose cluster this is from now on
	// Notice is called when the cluster does not answer ("error" and what a person should know), and when it does again
	// ("clear" and ""). It must return at once.
	Notice func(level, text string)
	// Begun is called once, when the history has begun with the state of all objects. It may be nil.
	Begun func()
}

// patient is how long an object waits for the step that wrote it, and a step for its causes: nodes report a little late.
const patient = 500 * time.Millisecond

// late is how much later than at once the pictures are told of everything: nodes report their steps within some 0.1 s.
const late = 200 * time.Millisecond

// Run gathers frames until ctx is done. An API server that does not answer, now or later, is waited for. An error: the
// kubeconfig cannot be used.
func Run(ctx context.Context, config Config) error {
	how, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", config.Kubeconfig, err)
	}
	how.UserAgent, how.QPS = "kubelab/site", -1
	g := &gatherer{config: config, order: record.NewOrder(config.History, patient, late), door: newDoor(config.Notice)}
	if err := g.connect(how); err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { g.door.watch(ctx, g.answers); return nil })
	work.Go(func() error { g.hosts.run(ctx); return nil })
	work.Go(func() error {
		watches := g.begin(ctx)
		for _, watch := range watches {
			work.Go(func() error { watch.run(ctx); return nil })
		}
		if watches != nil {
			work.Go(func() error { g.steps.run(ctx); return nil })
		}
		return nil
	})
	return work.Wait()
}

type gatherer struct {
	config Config
	client kubernetes.Interface
	plain  dynamic.Interface
	order  *record.Order
	door   *door
	steps  *steps
	hosts  *hosts
}

func (g *gatherer) connect(how *rest.Config) (err error) {
	if g.client, err = kubernetes.NewForConfig(how); err != nil {
		return err
	}
	if g.plain, err = dynamic.NewForConfig(how); err != nil {
		return err
	}
	g.hosts = newHosts(g.config.Cluster, g.order.Now)
	g.steps = &steps{client: g.client, order: g.order, door: g.door, told: g.hosts.step}
	return nil
}

// answers asks for something that only a server with a store can tell.
func (g *gatherer) answers(ctx context.Context) error {
	return g.client.CoreV1().RESTClient().Get().AbsPath("/api/v1/namespaces", corev1.NamespaceDefault).Do(ctx).Error()
}

// begin reads all there is, as the state that the history starts from. It tries until that works, and returns nothing
// when ctx is done.
func (g *gatherer) begin(ctx context.Context) []*watch {
	for g.door.pass(ctx) {
		watches, snapshot, err := g.list(ctx)
		if err == nil {
			g.config.History.Begin(snapshot)
			if g.config.Begun != nil {
				g.config.Begun()
			}
			return watches
		}
		g.door.failed(ctx)
	}
	return nil
}

func (g *gatherer) list(ctx context.Context) ([]*watch, record.Snapshot, error) {
	snapshot := record.Snapshot{Cluster: g.config.Cluster, Time: time.Now()}
	body, err := g.client.CoreV1().RESTClient().Get().AbsPath(trace.Path).Do(ctx).Raw()
	if err == nil {
		err = json.Unmarshal(body, &snapshot.Steps)
	}
	if err != nil {
		return nil, snapshot, fmt.Errorf("read the causal record: %w", err)
	}
	slices.SortStableFunc(snapshot.Steps, func(a, b trace.Step) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	g.order.Know(snapshot.Steps)
	lists, err := g.client.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, snapshot, fmt.Errorf("ask which resources there are: %w", err)
	}
	var watches []*watch
	for _, resource := range watchable(lists) {
		one := newWatch(g, resource)
		objects, err := one.first(ctx)
		if err != nil {
			return nil, snapshot, err
		}
		watches, snapshot.Objects = append(watches, one), append(snapshot.Objects, objects...)
	}
	return watches, snapshot, nil
}
