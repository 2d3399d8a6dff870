//go:build linux

package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

const (
	// look is how often the runtime is asked how it is, and lookAgain how often while it is not well.
	look, lookAgain = 10 * time.Second, time.Second
	// restart is how long a runtime may be away before that is worth telling: it may just be starting anew.
	restart = 3 * time.Second
)

// node keeps the Node object that this kubelet speaks for.
type node struct {
	machine Machine
	client  *operator.Client
	runtime *cri.Runtime
	nodes   corelisters.NodeLister
	loop    *operator.Loop
	cidr    string // what the runtime was told last
}

func newNode(machine Machine, client *operator.Client, watches informers.SharedInformerFactory, runtime *cri.Runtime) (*node, error) {
	nodes := watches.Core().V1().Nodes()
	n := &node{machine: machine, client: client, runtime: runtime, nodes: nodes.Lister()}
	n.loop = operator.NewLoop(nodeLoop, 1, client, n.turn)
	return n, operator.Follow(n.loop, nodes.Informer(), operator.Self[*corev1.Node])
}

func (n *node) run(ctx context.Context) error {
	n.loop.Add(operator.Key{Name: n.machine.Name})
	return n.loop.Run(ctx)
}

// turn registers the node, passes its range of addresses on to the runtime, and says how it is.
func (n *node) turn(ctx context.Context, key operator.Key) error {
	next := look
	defer func() { n.loop.After(key, next, "time to look at the runtime") }()
	is, err := n.nodes.Get(key.Name)
	if apierrors.IsNotFound(err) {
		return n.register(ctx)
	}
	if err != nil {
		return err
	}
	if lacks := PlanLabels(is, n.machine); len(lacks) > 0 {
		patch, err := json.Marshal(corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: lacks}})
		if err != nil {
			return err
		}
		_, err = n.client.CoreV1().Nodes().Patch(ctx, key.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	}
	if err := n.handOver(ctx, is.Spec.PodCIDR); err != nil {
		slog.Warn("the runtime does not know the pods' addresses", "error", err)
	}
	n.machine.RuntimeDown, n.machine.NetworkDown = n.ask(trace.WithCauses(ctx))
	if n.machine.RuntimeDown+n.machine.NetworkDown != "" {
		next = lookAgain
	}
	status, due := PlanStatus(is, n.machine, time.Now())
	if !due {
		return nil
	}
	return n.write(ctx, is, status)
}

// register makes the Node object. An object that another kubelet of this name left is taken over as it is.
func (n *node) register(ctx context.Context) error {
	n.machine.RuntimeDown, n.machine.NetworkDown = n.ask(trace.WithCauses(ctx))
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.machine.Name}}
	node.Labels = PlanLabels(node, n.machine)
	node.Status, _ = PlanStatus(node, n.machine, time.Now())
	_, err := n.client.CoreV1().Nodes().Create(trace.Because(ctx, "the node starts"), node, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// handOver tells the runtime from which range the node's pods get their addresses.
func (n *node) handOver(ctx context.Context, cidr string) error {
	if cidr == "" || cidr == n.cidr {
		return nil
	}
	_, err := n.runtime.UpdateRuntimeConfig(ctx, &runtimeapi.UpdateRuntimeConfigRequest{
		RuntimeConfig: &runtimeapi.RuntimeConfig{NetworkConfig: &runtimeapi.NetworkConfig{PodCidr: cidr}}})
	if err == nil {
		n.cidr = cidr
	}
	return err
}

// ask is how the runtime and the pods' network are.
func (n *node) ask(ctx context.Context) (runtimeDown, networkDown string) {
	ctx, cancel := context.WithTimeout(ctx, restart)
	defer cancel()
	answer, err := n.runtime.Status(ctx, &runtimeapi.StatusRequest{}, grpc.WaitForReady(true))
	if status.Code(err) == codes.Unavailable { // it went while it was asked
		answer, err = n.runtime.Status(ctx, &runtimeapi.StatusRequest{}, grpc.WaitForReady(true))
	}
	if err != nil {
		return err.Error(), ""
	}
	down := map[string]string{}
	for _, c := range answer.GetStatus().GetConditions() {
		if !c.Status {
			down[c.Type] = fmt.Sprintf("%s=false reason:%s message:%s", c.Type, c.Reason, c.Message)
		}
	}
	return down[runtimeapi.RuntimeReady], down[runtimeapi.NetworkReady]
}

func (n *node) write(ctx context.Context, is *corev1.Node, status corev1.NodeStatus) error {
	before, err := json.Marshal(corev1.Node{Status: is.Status})
	if err != nil {
		return err
	}
	after, err := json.Marshal(corev1.Node{Status: status})
	if err != nil {
		return err
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Node{})
	if err != nil {
		return err
	}
	_, err = n.client.CoreV1().Nodes().Patch(ctx, is.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
