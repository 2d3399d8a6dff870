//go:build linux

package podnet

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"
)

func TestPodsReachEachOtherWithTheirOwnAddresses(t *testing.T) {
	l := newLab(t, 3)
	a := l.nodes[0].attach(t, "a")
	pods := map[string]Attachment{
		"itself":                     a,
		"a pod on the same node":     l.nodes[0].attach(t, "b"),
		"a pod on another node":      l.nodes[1].attach(t, "c"),
		"a pod on yet another node":  l.nodes[2].attach(t, "d"),
		"the second pod over there":  l.nodes[2].attach(t, "e"),
		"a pod with a long, real id": l.nodes[1].attach(t, "3f1c5a5b0c7d4e8f9a6b2d1c0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f"),
	}
	for who, pod := range pods {
		from, err := seenAs(a.NetNS, pod.IP)
		if err != nil || from != a.IP.String() {
			t.Errorf("%s (%s) sees %s as %q, %v", who, pod.IP, a.IP, from, err)
		}
	}
}

func TestTheWorldSeesAPodWithItsNodesAddress(t *testing.T) {
	l := newLab(t, 2)
	serve(t, l.world)
	pod := l.nodes[1].attach(t, "a")
	from, err := seenAs(pod.NetNS, worldIP)
	if err != nil || from != l.nodes[1].ip.String() {
		t.Errorf("the world sees the pod as %q, %v; want the node's address %s", from, err, l.nodes[1].ip)
	}
}

func TestANodeReachesPodsOnEveryNode(t *testing.T) {
	l := newLab(t, 2)
	for _, node := range l.nodes {
		pod := node.attach(t, "a")
		if _, err := seenAs(l.nodes[0].ns, pod.IP); err != nil {
			t.Errorf("node-1 to the pod on %s: %v", node.name, err)
		}
	}
}

func TestPodsOutliveTheRuntimeThatAttachedThem(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	a := node.attach(t, "a")
	b, err := node.net.Attach(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}

	node.open(t, "a") // the runtime starts again, and remembers only a

	if diff := cmp.Diff([]Attachment{a}, node.net.List(), asText); diff != "" {
		t.Errorf("pods after the restart (-want +got):\n%s", diff)
	}
	if _, err := seenAs(node.ns, a.IP); err != nil {
		t.Errorf("pod a no longer answers: %v", err)
	}
	expectGone(t, node, b)
	if c := node.attach(t, "c"); c.IP == b.IP {
		t.Errorf("the address %s was given again at once, although others are free", b.IP)
	}
}

func TestTheSamePodIsAttachedOnce(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	first := node.attach(t, "a")
	again, err := node.net.Attach(t.Context(), "a")
	if err != nil || again != first {
		t.Errorf("second attach: %v, %v; want %v", again, err, first)
	}
}

func TestACutCableIsPluggedAgainAtTheNextStart(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	pod := node.attach(t, "a")
	in(t, node.ns, func() error {
		port, err := netlink.LinkByName(pod.HostVeth)
		if err != nil {
			return err
		}
		return netlink.LinkDel(port)
	})
	node.open(t, "a")
	if _, err := seenAs(node.ns, pod.IP); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func TestDetachLeavesNothing(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	pod, err := node.net.Attach(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := node.net.Detach(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	expectGone(t, node, pod)
	if left := node.net.List(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAFailedAttachLeavesNothing(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	in(t, node.ns, func() error { // somebody else has the name that the next pod's cable would get
		return addLink(&netlink.Bridge{LinkAttrs: named("pod2")}, "")
	})
	if pod, err := node.net.Attach(t.Context(), "a"); err == nil {
		t.Fatalf("attached %v, although its port cannot be made", pod)
	}
	in(t, node.ns, func() error {
		_, err := netlink.LinkByName("pod2")
		return err // what is somebody else's is still there
	})
	if left := node.net.List(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if files, _ := os.ReadDir(filepath.Join(node.cfg.Dir, "netns")); len(files) > 0 {
		t.Errorf("left: %v", files)
	}
}

func TestANameThatLeavesTheDirectoryIsNoPodID(t *testing.T) {
	var n Network
	for _, id := range []string{"", "..", "a/b", "../../etc"} {
		if _, err := n.Attach(t.Context(), id); err == nil {
			t.Errorf("attached a pod called %q", id)
		}
	}
}

func TestFiftyPodsAtOnceGetFiftyAddresses(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 50 {
		group.Go(func() error {
			_, err := node.net.Attach(ctx, fmt.Sprintf("pod-%d", i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	serve(t, node.ns)
	pods := node.net.List()
	ips := map[string]bool{}
	for _, pod := range pods {
		from, err := seenAs(pod.NetNS, pod.Gateway)
		if err != nil || from != pod.IP.String() {
			t.Errorf("the node sees pod %s as %q, %v", pod.IP, from, err)
		}
		ips[from] = true
	}
	if len(ips) != 50 {
		t.Errorf("50 pods have %d addresses", len(ips))
	}
	for _, pod := range pods {
		group.Go(func() error { return node.net.Detach(context.WithoutCancel(ctx), pod.ID) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		expectGone(t, node, pod)
	}
}

func TestTheRangeOfANodeDoesNotChangeUnderItsPods(t *testing.T) {
	l := newLab(t, 1)
	node := l.nodes[0]
	pod := node.attach(t, "a")
	other := node.cfg
	other.PodCIDR, other.Pods = l.nodes[0].cfg.ClusterCIDR, map[string]netip.Addr{"a": {}}
	if err := Do(node.ns, func() error { _, err := Open(other); return err }); err == nil {
		t.Error("the network was opened with another range while a pod has an address")
	}
	if _, err := seenAs(node.ns, pod.IP); err != nil {
		t.Errorf("the pod does not answer any more: %v", err)
	}
}

func TestAProcessThatAPodLeftBehindKeepsNoAddress(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	old := node.attach(t, "old") // with a server that keeps its namespace alive
	if err := node.net.Detach(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	for i := 2; ; i++ { // until the range has been gone through once
		pod, err := node.net.Attach(t.Context(), fmt.Sprintf("pod-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if pod.IP == old.IP {
			serve(t, pod.NetNS)
			break
		}
		if err := node.net.Detach(t.Context(), pod.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := seenAs(node.ns, old.IP); err != nil {
		t.Errorf("the new pod with the address does not answer: %v", err)
	}
}

// expectGone waits until neither the pod's cable nor its namespace is left.
func expectGone(t *testing.T, node *labNode, pod Attachment) {
	t.Helper()
	if _, err := os.Lstat(pod.NetNS); err == nil {
		t.Errorf("namespace %s is left", pod.NetNS)
	}
	waitFor(t, "the kernel to delete "+pod.HostVeth, func() bool {
		ports, err := node.net.portsUp()
		_, found := ports[pod.HostVeth]
		return err == nil && !found
	})
}
