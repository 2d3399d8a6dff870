//go:build linux

package services

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Proxy keeps one node's rules like the cluster's services. Despite its name, which is Kubernetes' own, no packet
// passes through it: the kernel does the work, and goes on when the proxy is dead.
type Proxy struct {
	client   *operator.Client
	services corelisters.ServiceLister
	slices   cache.Indexer
	nodes    corelisters.NodeLister
	nft      knftables.Interface
	self     string
	pods     netip.Prefix

	loop    *operator.Loop
	waiting chan request

	// What the kernel has. A nil table is one that must be replaced as a whole.
	table  *Table
	node   Node
	stale  stale                 // UDP frontends that are not flushed yet
	untold map[operator.Key]bool // services whose change is loaded but not in the record yet
}

// request is a key that a worker of the loop wants loaded, and outcome the answer that it waits for: what is
// loaded now, if that is news.
type (
	request struct {
		key    operator.Key
		answer chan<- outcome
	}
	outcome struct {
		what string
		err  error
	}
)

// most is how many services can share a transaction. (The first one loads all services, however many.)
const most = 128

// NewProxy makes the proxy of the node named self, for the network namespace of the process. pods is the range of all
// nodes' pods. The caller runs client.Sync, then Run.
func NewProxy(client *operator.Client, nft knftables.Interface, self string, pods netip.Prefix) (*Proxy, error) {
	watches := client.Watches.Core().V1()
	p := &Proxy{
		client: client, services: watches.Services().Lister(), nodes: watches.Nodes().Lister(), nft: nft,
		self: self, pods: pods,
		waiting: make(chan request), stale: stale{}, untold: map[operator.Key]bool{},
	}
	slices, err := indexByService(client)
	if err != nil {
		return nil, err
	}
	p.slices = slices.GetIndexer()
	p.loop = operator.NewLoop("rules", most, client.Recorder, p.reconcile)
	if err := operator.Follow(p.loop, watches.Services().Informer(), operator.Self[*corev1.Service]); err != nil {
		return nil, err
	}
	if err := operator.Follow(p.loop, slices, serviceOf); err != nil {
		return nil, err
	}
	// The node's own address is no service's, but whoever sees the key looks at the node again.
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
		p.loadInBatches(ctx)
		return nil
	})
	return work.Wait()
}

// reconcile hands the key to the loader and waits until it is done.
func (p *Proxy) reconcile(ctx context.Context, key operator.Key) error {
	answer := make(chan outcome, 1)
	select {
	case p.waiting <- request{key, answer}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case loaded := <-answer:
		if loaded.err == nil && loaded.what != "" {
			p.client.Recorder.Record(ctx, trace.Step{
				Verb: "load rules", Detail: loaded.what,
				Object: trace.Ref{Resource: "services", Namespace: key.Namespace, Name: key.Name},
			})
		}
		return loaded.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loadInBatches takes all requests that wait, loads them in one transaction, and looks again: the more
// changes come, the more of them share a transaction, and a single one never waits for others.
func (p *Proxy) loadInBatches(ctx context.Context) {
	for {
		var batch []request
		select {
		case first := <-p.waiting:
			batch = append(batch, first)
		case <-ctx.Done():
			return
		}
		for more := true; more; {
			select {
			case next := <-p.waiting:
				batch = append(batch, next)
			default:
				more = false
			}
		}
		err := p.load(ctx, batch)
		for _, r := range batch {
			answer := outcome{err: err}
			if err == nil && p.untold[r.key] {
				answer.what = describe(p.table.services[r.key])
				delete(p.untold, r.key)
			}
			r.answer <- answer
		}
	}
}

// load makes the kernel's table right for the services of a batch. If the table was lost, or the node itself
// changed, that is all services.
func (p *Proxy) load(ctx context.Context, batch []request) error {
	tx := p.nft.NewTransaction()
	var keys []operator.Key
	if node := p.observeNode(); p.table == nil || p.node != node {
		p.table, p.node = NewTable(), node
		replaceTable(tx, node, p.pods)
		all, err := p.services.List(labels.Everything())
		if err != nil {
			return err
		}
		for _, service := range all {
			keys = append(keys, operator.Self(service)...)
		}
	} else {
		for _, r := range batch {
			keys = append(keys, r.key)
		}
	}
	changes := NoChanges()
	for _, key := range keys {
		frontends, err := p.frontends(key)
		if err != nil {
			return err
		}
		if before, changed := p.table.Put(key, frontends, changes); changed {
			p.untold[key] = true
			p.stale.note(before, frontends)
		}
	}
	writeRows(tx, changes)
	if tx.NumOperations() > 0 {
		if err := p.nft.Run(ctx, tx); err != nil {
			p.table = nil // nobody knows what the kernel has now
			return fmt.Errorf("load rules of %d services: %w", len(keys), err)
		}
	}
	if err := p.stale.flush(); err != nil {
		return err
	}
	clear(p.stale)
	return nil
}

// frontends observes a service and plans what the node needs for it.
func (p *Proxy) frontends(key operator.Key) ([]Frontend, error) {
	service, err := p.services.Services(key.Namespace).Get(key.Name)
	if err != nil { // the only error of a cache is that there is none
		return nil, nil
	}
	endpoints, err := slicesOf(p.slices, key)
	return PlanFrontends(service, endpoints, p.node), err
}

func (p *Proxy) observeNode() Node {
	node := Node{Name: p.self}
	object, err := p.nodes.Get(p.self)
	if err != nil {
		return node // not registered yet
	}
	for _, address := range object.Status.Addresses {
		if address.Type == corev1.NodeInternalIP && !node.IP.IsValid() {
			node.IP, _ = netip.ParseAddr(address.Address)
		}
	}
	node.PodCIDR, _ = netip.ParsePrefix(object.Spec.PodCIDR)
	return node
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
