package nodes

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

var errDown = errors.New("connection refused")

// A lab is a cluster whose time is the test's own: it passes when nobody has anything left to do.
type lab struct {
	*testing.T
	client *fake.Clientset
	down   atomic.Bool // the API server answers nobody
	end    context.CancelFunc
	done   chan error
}

func newLab(t *testing.T, objects ...runtime.Object) *lab {
	l := &lab{T: t, client: fake.NewClientset(objects...), done: make(chan error, 1)}
	l.client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return l.down.Load(), nil, errDown })
	ctx, end := context.WithCancel(t.Context())
	l.end = end
	recorder, err := trace.NewRecorder("controllers", "cp", "")
	if err != nil {
		t.Fatal(err)
	}
	client := operator.NewClient(l.client, recorder, "controllers")
	lifecycle, err := New(client, netip.MustParsePrefix("10.244.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		l.done <- lifecycle.Run(ctx)
		client.Watches.Shutdown()
	}()
	return l
}

func (l *lab) close() {
	l.end()
	if err := <-l.done; err != nil {
		l.Error(err)
	}
}

func (l *lab) node(name string) *corev1.Node {
	n, err := l.client.CoreV1().Nodes().Get(l.Context(), name, metav1.GetOptions{})
	if err != nil {
		l.Fatal(err)
	}
	return n
}

func (l *lab) podExists(name string) bool {
	_, err := l.client.CoreV1().Pods("shop").Get(l.Context(), name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		l.Fatal(err)
	}
	return err == nil
}

// renew renews a node's lease each second until the returned function is called.
func (l *lab) renew(node string) (stop func()) {
	ctx, cancel := context.WithCancel(l.Context())
	leases := l.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			lease := leaseOf(node)
			lease.Spec.RenewTime = new(metav1.NewMicroTime(time.Now()))
			if _, err := leases.Update(ctx, lease, metav1.UpdateOptions{}); err != nil && ctx.Err() == nil && !errors.Is(err, errDown) {
				l.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	return func() { cancel(); <-stopped }
}

func leaseOf(node string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: node}}
}

func readyNode(name string) *corev1.Node {
	n := nodeThatIs(corev1.ConditionTrue)
	n.Name = name
	return n
}

func readyPod(name, node string, tolerations ...corev1.Toleration) *corev1.Pod {
	pod := podThat(tolerations...)
	pod.Name, pod.Spec.NodeName = name, node
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	return pod
}

// pass lets time pass until everything that is to happen in it has happened.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestALostNodeIsTaintedAndItsPodsLeaveByTheirTolerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyNode("n2"), leaseOf("n2"),
			readyPod("hasty", "n1", unreachable(10)), readyPod("patient", "n1", unreachable(300)), readyPod("elsewhere", "n2"))
		defer l.close()
		stop1, stop2 := l.renew("n1"), l.renew("n2")
		defer stop2()
		pass(20*time.Second + time.Millisecond)
		if got := status(l.node("n1"), corev1.NodeReady); got != corev1.ConditionTrue {
			t.Fatalf("a node that renews its lease is Ready=%s", got)
		}

		stop1()
		pass(3 * time.Second)
		if got := status(l.node("n1"), corev1.NodeReady); got != corev1.ConditionTrue {
			t.Fatalf("a node that was silent for 3 s is Ready=%s", got)
		}
		pass(time.Second + 10*time.Millisecond)
		if got := statusWords(l.node("n1")); got != "NotReady" || len(l.node("n1").Spec.Taints) != 2 {
			t.Errorf("a node that was silent for 4 s is %s, with the taints %v", got, l.node("n1").Spec.Taints)
		}
		if !l.podExists("hasty") || !l.podExists("patient") {
			t.Error("a pod left although it tolerates the loss of its node")
		}
		pod, _ := l.client.CoreV1().Pods("shop").Get(t.Context(), "patient", metav1.GetOptions{})
		if pod.Status.Conditions[0].Status != corev1.ConditionFalse {
			t.Error("a pod on a lost node is still ready")
		}
		pass(10 * time.Second)
		if l.podExists("hasty") || !l.podExists("patient") || !l.podExists("elsewhere") {
			t.Errorf("after 10 s: hasty there %v, patient there %v, elsewhere there %v",
				l.podExists("hasty"), l.podExists("patient"), l.podExists("elsewhere"))
		}
		if got := status(l.node("n2"), corev1.NodeReady); got != corev1.ConditionTrue {
			t.Errorf("the other node is Ready=%s", got)
		}
	})
}

func TestANodeThatComesBackKeepsItsPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyPod("patient", "n1", unreachable(300)))
		defer l.close()
		pass(5 * time.Second) // nobody renews
		if got := status(l.node("n1"), corev1.NodeReady); got != corev1.ConditionUnknown {
			t.Fatalf("a silent node is Ready=%s", got)
		}
		defer l.renew("n1")()
		n := l.node("n1")
		n.Status.Conditions[0].Status = corev1.ConditionTrue // what its kubelet does
		if _, err := l.client.CoreV1().Nodes().UpdateStatus(t.Context(), n, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		pass(400 * time.Second)
		if taints := l.node("n1").Spec.Taints; len(taints) != 0 || !l.podExists("patient") {
			t.Errorf("taints %v, pod there %v", taints, l.podExists("patient"))
		}
	})
}

func TestANodeIsNotLostBecauseTheAPIServerWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyPod("brittle", "n1"))
		defer l.close()
		stop := l.renew("n1")
		pass(10 * time.Second)
		l.down.Store(true)
		stop()
		pass(4500 * time.Millisecond)
		l.down.Store(false)
		pass(2 * time.Second) // the kubelet does not know at once that it is back
		defer l.renew("n1")()
		pass(30 * time.Second)
		if n := l.node("n1"); status(n, corev1.NodeReady) != corev1.ConditionTrue || !l.podExists("brittle") {
			t.Errorf("node is %s, its pod is there: %v", statusWords(n), l.podExists("brittle"))
		}
	})
}

func TestAllNodesMayBeLostAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyNode("n2"), leaseOf("n2"))
		defer l.close()
		pass(5 * time.Second)
		for _, name := range []string{"n1", "n2"} {
			if got := status(l.node(name), corev1.NodeReady); got != corev1.ConditionUnknown {
				t.Errorf("silent node %s is Ready=%s", name, got)
			}
		}
	})
}

func TestPodsOfANodeThatIsGoneAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyPod("orphan", "n1"), readyPod("unbound", ""))
		defer l.close()
		defer l.renew("n1")()
		pass(time.Second)
		if err := l.client.CoreV1().Nodes().Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		if !l.podExists("orphan") {
			t.Error("a node that is gone for a moment lost its pods")
		}
		pass(2 * time.Second)
		if l.podExists("orphan") || !l.podExists("unbound") {
			t.Errorf("orphan there %v, unbound there %v", l.podExists("orphan"), l.podExists("unbound"))
		}
	})
}

func TestANodeThatComesBackAtOnceKeepsItsPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), leaseOf("n1"), readyPod("web", "n1"))
		defer l.close()
		defer l.renew("n1")()
		for range 3 {
			if err := l.client.CoreV1().Nodes().Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			pass(3 * time.Second)
			if _, err := l.client.CoreV1().Nodes().Create(t.Context(), readyNode("n1"), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			pass(10 * time.Second)
		}
		if !l.podExists("web") {
			t.Error("a node that was gone for 3 s lost its pods")
		}
	})
}

func TestNodesThatComeAtOnceGetDifferentRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, readyNode("n1"), readyNode("n2"), readyNode("n3"))
		defer l.close()
		pass(time.Second)
		seen := map[string]bool{}
		for _, name := range []string{"n1", "n2", "n3"} {
			cidr := l.node(name).Spec.PodCIDR
			if cidr == "" || seen[cidr] {
				t.Errorf("node %s has the range %q, which is empty or another's", name, cidr)
			}
			seen[cidr] = true
		}
	})
}
