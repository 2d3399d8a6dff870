package nodes

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Lifecycle looks after the nodes: three loops, each with one concern.
type Lifecycle struct {
	client  *operator.Client
	nodes   corelisters.NodeLister
	pods    cache.Indexer
	leases  cache.SharedIndexInformer
	hearing *hearing

	health, evictions, ranges *operator.Loop
}

// byNode is the index of pods by the node that they are bound to.
const byNode = "spec.nodeName"

// New makes the loops; podNetwork is what the nodes' pod ranges are cut from. It is called before the
// client's watches start.
func New(client *operator.Client, podNetwork netip.Prefix) (*Lifecycle, error) {
	if _, err := FreeRange(podNetwork, nil); err != nil {
		return nil, err
	}
	pods := client.Watches.Core().V1().Pods().Informer()
	if _, indexed := pods.GetIndexer().GetIndexers()[byNode]; !indexed {
		if err := pods.AddIndexers(cache.Indexers{byNode: nodeOf}); err != nil {
			return nil, fmt.Errorf("index pods by node: %w", err)
		}
	}
	l := &Lifecycle{
		client:  client,
		nodes:   client.Watches.Core().V1().Nodes().Lister(),
		pods:    pods.GetIndexer(),
		leases:  client.Watches.Coordination().V1().Leases().Informer(),
		hearing: newHearing(),
	}
	ranges := &allocator{network: podNetwork, client: client, nodes: l.nodes, given: map[string]netip.Prefix{}}
	evictions := &evictor{client: client, nodes: l.nodes, pods: client.Watches.Core().V1().Pods().Lister()}
	l.health = operator.NewLoop(healthLoop, 2, client, l.reconcileHealth)
	l.ranges = operator.NewLoop(rangesLoop, 1, client, ranges.reconcile)
	l.evictions = operator.NewLoop(evictionsLoop, 2, client, evictions.reconcile)
	evictions.loop = l.evictions
	return l, l.follow(pods)
}

func (l *Lifecycle) follow(pods cache.SharedIndexInformer) error {
	nodes := l.client.Watches.Core().V1().Nodes().Informer()
	if err := operator.Follow(l.health, nodes, l.concernsHealth); err != nil {
		return err
	}
	if err := operator.Follow(l.ranges, nodes, operator.Self[*corev1.Node]); err != nil {
		return err
	}
	if err := operator.Follow(l.evictions, nodes, l.podsToMove); err != nil {
		return err
	}
	if err := operator.Follow(l.evictions, pods, boundPod); err != nil {
		return err
	}
	return l.followLeases()
}

// Run works until ctx is done. The client's watches must be synced.
func (l *Lifecycle) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		l.hearing.listen(ctx, l.client)
		return nil
	})
	for _, loop := range []*operator.Loop{l.health, l.ranges, l.evictions} {
		group.Go(func() error { return loop.Run(ctx) })
	}
	return group.Wait()
}

func nodeOf(obj any) ([]string, error) {
	if pod, ok := obj.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
		return []string{pod.Spec.NodeName}, nil
	}
	return nil, nil
}

// podsOn lists the pods that are bound to a node.
func (l *Lifecycle) podsOn(node string) []*corev1.Pod {
	objects, err := l.pods.ByIndex(byNode, node)
	if err != nil {
		panic(err) // the index is there: New made it
	}
	pods := make([]*corev1.Pod, len(objects))
	for i, obj := range objects {
		pods[i] = obj.(*corev1.Pod)
	}
	return pods
}

// podsToMove are the pods that a change of their node may concern: those of a node that drives pods off, or is
// gone.
func (l *Lifecycle) podsToMove(n *corev1.Node) []operator.Key {
	_, err := l.nodes.Get(n.Name)
	concerned := err != nil
	for _, taint := range n.Spec.Taints {
		concerned = concerned || taint.Effect == corev1.TaintEffectNoExecute
	}
	if !concerned {
		return nil
	}
	var keys []operator.Key
	for _, pod := range l.podsOn(n.Name) {
		keys = append(keys, operator.Key{Namespace: pod.Namespace, Name: pod.Name})
	}
	return keys
}

func boundPod(pod *corev1.Pod) []operator.Key {
	if pod.Spec.NodeName == "" {
		return nil
	}
	return operator.Self(pod)
}

// because adds the last change of an object to the causes of what is done next.
func because(ctx context.Context, revision string) context.Context {
	return trace.WithCauses(ctx, append(trace.Causes(ctx), trace.Wrote(revision))...)
}
