//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubelab/kube/operator"
	"kubelab/kube/podnet"
	"kubelab/kube/services"
	"kubelab/kube/trace"
)

// newRoutes makes the loop that keeps a node's routes to the pods of the others. The routes of a node belong together, so it has
// one key: the node itself.
func newRoutes(client *operator.Client, self string) (*operator.Loop, error) {
	nodes := client.Watches.Core().V1().Nodes()
	loop := operator.NewLoop(services.RoutesLoop, 1, client, func(ctx context.Context, _ operator.Key) error {
		all, err := nodes.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		known := make([]podnet.Node, len(all))
		for i, node := range all {
			known[i] = podnet.Node{Name: node.Name, IP: internalIP(node)}
			known[i].PodCIDR, _ = netip.ParsePrefix(node.Spec.PodCIDR) // invalid until it is allocated
		}
		done, err := podnet.SyncRoutes(self, known)
		for _, step := range done {
			client.Recorder.Record(ctx, trace.Step{
				Verb: "route", Detail: fmt.Sprint(step), Object: trace.Ref{Resource: "nodes", Name: self},
			})
		}
		return err
	})
	return loop, operator.Follow(loop, nodes.Informer(), func(*corev1.Node) []operator.Key {
		return []operator.Key{{Name: self}}
	})
}

// internalIP is the address at which other nodes reach a node; invalid until the node has told it.
func internalIP(node *corev1.Node) netip.Addr {
	for _, address := range node.Status.Addresses {
		if ip, err := netip.ParseAddr(address.Address); err == nil && address.Type == corev1.NodeInternalIP {
			return ip
		}
	}
	return netip.Addr{}
}
