//go:build linux

package simulated

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/kubelet"
	"kubelab/kube/operator"
	"kubelab/kube/pods"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// node is one simulated node: a client of the API, and what it remembers of its pods.
type node struct {
	machine kubelet.Machine
	labels  map[string]string
	client  *operator.Client
	nodes   corelisters.NodeLister
	pods    corelisters.PodLister
	loop    *operator.Loop // its one worker owns what follows
	cidr    netip.Prefix
	lives   map[operator.Key]*life
}

// life is what a runtime would have of a pod.
type life struct {
	uid     types.UID
	address netip.Addr
	have    pods.Current
	gone    bool // the object was deleted: only the watch does not know it yet
}

// run lets a node join with the identity in a kubeconfig, and speaks for it until ctx is done.
func run(ctx context.Context, kubeconfig, name string, ip netip.Addr, labels map[string]string) error {
	client, err := operator.Connect(operator.Identity{Component: "kubelet", Host: name, Kubeconfig: kubeconfig})
	if err != nil {
		return err
	}
	n := &node{client: client, labels: labels, lives: map[operator.Key]*life{}, machine: kubelet.Machine{
		Name: name, IP: ip.String(), Port: 10250, NetworkDown: "the node has no range of addresses yet",
		CPU: resource.MustParse("64"), Memory: resource.MustParse("256Gi"), Storage: resource.MustParse("1Ti"),
		Info: corev1.NodeSystemInfo{
			KubeletVersion: kubelet.Version, ContainerRuntimeVersion: "simulated://1", OSImage: "simulated",
			OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH,
		},
	}}
	n.loop = operator.NewLoop(pods.Loop, 1, client, n.turn)
	ourself, ours := selected(client, "metadata.name="+name), selected(client, "spec.nodeName="+name)
	n.nodes, n.pods = ourself.Core().V1().Nodes().Lister(), ours.Core().V1().Pods().Lister()
	if err := operator.Follow(n.loop, ourself.Core().V1().Nodes().Informer(), operator.Self[*corev1.Node]); err != nil {
		return err
	}
	if err := operator.Follow(n.loop, ours.Core().V1().Pods().Informer(), operator.Self[*corev1.Pod]); err != nil {
		return err
	}
	for _, watches := range []informers.SharedInformerFactory{ourself, ours} {
		watches.StartWithContext(ctx)
		defer watches.Shutdown()
		watches.WaitForCacheSync(ctx.Done())
	}
	n.loop.Add(operator.Key{Name: name})
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { client.Deliver(ctx); return nil })
	work.Go(func() error { n.beat(ctx); return nil })
	work.Go(func() error { return n.loop.Run(ctx) })
	return work.Wait()
}

// selected shares watches that see only what a field selector lets through.
func selected(client *operator.Client, fields string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = fields }))
}

// beat renews the node's lease every second until ctx is done, as a kubelet does.
func (n *node) beat(ctx context.Context) {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	for ctx.Err() == nil {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.machine.Name}, Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &n.machine.Name, LeaseDurationSeconds: new(int32(4)), RenewTime: new(metav1.NowMicro())}}
		_, err := leases.Update(ctx, lease, metav1.UpdateOptions{})
		if apierrors.IsNotFound(err) {
			_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("the lease of a simulated node is not renewed", "node", n.machine.Name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// turn sees to one pod, or to the node itself: its key has no namespace.
func (n *node) turn(ctx context.Context, key operator.Key) error {
	if key.Namespace == "" {
		return n.report(ctx, key)
	}
	pod, err := n.pods.Pods(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		delete(n.lives, key)
		return nil
	}
	if err != nil || !n.cidr.IsValid() {
		return err // every pod is looked at when the range is there
	}
	l := n.life(key, pod)
	if l.gone {
		return nil
	}
	now := time.Now()
	decision, gone := decide(pod, &l.have, l.address, now)
	if gone {
		err := n.client.CoreV1().Pods(pod.Namespace).Delete(trace.Because(ctx, "nothing is left of the pod"), pod.Name,
			metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
		l.gone = passOver(err) == nil
		return passOver(err)
	}
	if wake := decision.Wake; !wake.At.IsZero() {
		n.loop.After(key, max(wake.At.Sub(now), time.Millisecond), wake.Why)
	}
	if decision.Hold || equality.Semantic.DeepEqual(pod.Status, decision.Status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": decision.Status})
	if err != nil {
		return err
	}
	ctx = trace.Because(ctx, "the pod is %s", decision.Status.Phase)
	_, err = n.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return passOver(err)
}

// passOver leaves out that a pod has gone or that another one has its name: the watch will say.
func passOver(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// life is what is remembered of a pod. A new pod takes an address.
func (n *node) life(key operator.Key, pod *corev1.Pod) *life {
	if l := n.lives[key]; l != nil && l.uid == pod.UID {
		return l
	}
	used := map[netip.Addr]bool{}
	for _, other := range n.lives {
		used[other.address] = true
	}
	have := bare(cri.Node{Name: n.machine.Name, IP: n.machine.IP, Runtime: "simulated"}, time.Now())
	n.lives[key] = &life{uid: pod.UID, address: freeAddress(n.cidr, used), have: have}
	return n.lives[key]
}

// report makes the Node object, and says how the node is where that is not what it says.
func (n *node) report(ctx context.Context, key operator.Key) error {
	n.loop.After(key, time.Minute, "time to look at the node")
	is, err := n.nodes.Get(key.Name)
	if apierrors.IsNotFound(err) {
		is = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Labels: n.labels}}
		is.Status, _ = kubelet.PlanStatus(is, n.machine, time.Now())
		_, err = n.client.CoreV1().Nodes().Create(trace.Because(ctx, "the node starts"), is, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	if cidr, err := netip.ParsePrefix(is.Spec.PodCIDR); err == nil && !n.cidr.IsValid() {
		n.cidr, n.machine.NetworkDown = cidr, ""
	}
	status, due := kubelet.PlanStatus(is, n.machine, time.Now())
	if !due {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = n.client.CoreV1().Nodes().Patch(ctx, key.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
