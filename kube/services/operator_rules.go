//go:build linux

package services

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/rules"
	"kubelab/kube/trace"
)

// Proxy keeps one node's rules like the cluster's services. Despite its name, which is Kubernetes' own, no packet
// passes through it: the kernel does the work, and goes on when the proxy is dead.
type Proxy struct {
	client *operator.Client
	loop   *operator.Loop
	loader *loader
}

// most is how many services can share a transaction. (The first one loads all services, however many.)
const most = 128

// NewProxy makes the proxy of the node named self, for the network namespace of the process. The caller runs client.Sync, then Run.
func NewProxy(client *operator.Client, nft knftables.Interface, self string, ranges Ranges) (*Proxy, error) {
	watches := client.Watches.Core().V1()
	endpoints, err := indexByService(client)
	if err != nil {
		return nil, err
	}
	p := &Proxy{client: client, loader: &loader{
		services: watches.Services().Lister(), slices: endpoints.GetIndexer(), nodes: watches.Nodes().Lister(),
		rules: rules.NewLoader[operator.Key](nft, hairpinSet), self: self, ranges: ranges,
		waiting: make(chan request), stale: stale{}, loaded: map[operator.Key]version{}, told: map[operator.Key]version{},
		refused: map[operator.Key]string{},
	}}
	p.loop = operator.NewLoop(rulesLoop, most, client, p.reconcile)
	p.loader.again = p.loop.Add
	if err := operator.Follow(p.loop, watches.Services().Informer(), operator.Self[*corev1.Service]); err != nil {
		return nil, err
	}
	if err := operator.Follow(p.loop, endpoints, serviceOf); err != nil {
		return nil, err
	}
	// A node is no service, but the loader looks at its own with every key.
	return p, operator.Follow(p.loop, watches.Nodes().Informer(), func(node *corev1.Node) []operator.Key {
		if node.Name != self {
			return nil
		}
		return []operator.Key{{Name: self}}
	})
}

// Run keeps the rules until ctx is done. The rules stay.
func (p *Proxy) Run(ctx context.Context) error {
	var work errgroup.Group
	work.Go(func() error { return p.loop.Run(ctx) })
	work.Go(func() error {
		p.loader.run(ctx)
		return nil
	})
	return work.Wait()
}

// reconcile hands the key to the loader, waits until it is loaded, and tells the record.
func (p *Proxy) reconcile(ctx context.Context, key operator.Key) error {
	answer := make(chan outcome, 1)
	select {
	case p.loader.waiting <- request{key, answer}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case loaded := <-answer:
		if loaded.err == nil && loaded.changed {
			p.tell(ctx, key, loaded)
		} else if loaded.refused {
			p.record(ctx, key, "refuse rules", fmt.Sprintf("%v: the node keeps those that it has, and will try again", loaded.err))
		}
		return loaded.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell records what is loaded now. This turn may have loaded a write already that is only announced to the next one,
// which will then find nothing to do: so the writes that were seen count as causes, too.
func (p *Proxy) tell(ctx context.Context, key operator.Key, loaded outcome) {
	ctx = trace.WithCauses(ctx, append(trace.Causes(ctx), loaded.causes...)...)
	p.record(ctx, key, "load rules", describe(loaded.frontends))
}

func (p *Proxy) record(ctx context.Context, key operator.Key, verb, detail string) {
	p.client.Recorder.Record(ctx, trace.Step{
		Verb: verb, Detail: detail, Object: trace.Ref{Resource: "services", Namespace: key.Namespace, Name: key.Name},
	})
}

func describe(frontends []Frontend) string {
	if len(frontends) == 0 {
		return "no rules"
	}
	texts := make([]string, len(frontends))
	for i, f := range frontends {
		texts[i] = f.String()
	}
	return strings.Join(texts, ", ")
}
