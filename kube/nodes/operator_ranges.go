package nodes

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// allocator gives each node a range of pod addresses. It works on one node at a time, and remembers what it gave
// until the watch shows it. A range that another allocator gave away meanwhile is refused by the API server
// (see the Node's Claim), and the loop tries again.
type allocator struct {
	network netip.Prefix
	client  *operator.Client
	nodes   corelisters.NodeLister
	given   map[string]netip.Prefix // by node
}

func (a *allocator) reconcile(ctx context.Context, key operator.Key) error {
	n, err := a.nodes.Get(key.Name)
	if err != nil || n.Spec.PodCIDR != "" {
		delete(a.given, key.Name)
		return nil // it is gone, or has one
	}
	all, err := a.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	free, err := FreeRange(a.network, slices.AppendSeq(rangesOf(all), maps.Values(a.given)))
	if err != nil {
		a.client.Event(ctx, n, corev1.EventTypeWarning, "CIDRNotAvailable", "Node %s: %v", n.Name, err)
		return err
	}
	ctx = trace.Because(ctx, "node %s has no pod range", n.Name)
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"podCIDR":%q,"podCIDRs":[%q]}}`, n.UID, free, free)
	_, err = a.client.CoreV1().Nodes().Patch(ctx, n.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err == nil {
		a.given[n.Name] = free
	}
	return err
}

func rangesOf(nodes []*corev1.Node) []netip.Prefix {
	var used []netip.Prefix
	for _, n := range nodes {
		if prefix, err := netip.ParsePrefix(n.Spec.PodCIDR); err == nil {
			used = append(used, prefix)
		}
	}
	return used
}
