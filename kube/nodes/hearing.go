package nodes

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// hearing is what was heard of the nodes, by this process's own clock: a node's clock may be wrong. Every
// node's lease comes every second, so all that is done for it is to note the time.
type hearing struct {
	mu    sync.Mutex
	nodes map[string]sign
	since time.Time // from when on it listens without a break
	last  time.Time // when it was last sure that it would have heard
}

// sign is the last sign of life of a node, and what it last said itself.
type sign struct {
	at     time.Time
	report corev1.NodeCondition
}

func newHearing() *hearing { return &hearing{nodes: map[string]sign{}} }

// The proof of hearing: how often the API server is asked for something that it must read from its store, and
// after how long a break nothing can be said of the nodes any more. A break may be the API server's
// or this process's own (somebody stopped it).
const (
	proofEvery = time.Second
	longBreak  = 2500 * time.Millisecond
)

// listen proves again and again that a lease that was renewed would have been heard of.
func (h *hearing) listen(ctx context.Context, client kubernetes.Interface) {
	ticks := time.NewTicker(proofEvery)
	defer ticks.Stop()
	for {
		asking, done := context.WithTimeout(ctx, proofEvery)
		_, err := client.CoreV1().Namespaces().Get(asking, corev1.NamespaceNodeLease, metav1.GetOptions{})
		done()
		if err == nil || apierrors.IsNotFound(err) {
			h.proof(time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

func (h *hearing) proof(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.last) > longBreak {
		h.since = now
	}
	h.last = now
}

// lostAt is when the node counts as lost (see [LostAt]). A node that was never heard of counts from now on.
func (h *hearing) lostAt(node string, now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, known := h.nodes[node]
	if !known {
		last.at = now
		h.nodes[node] = last
	}
	since := h.since
	if now.Sub(h.last) > longBreak {
		since = now
	}
	return LostAt(last.at, since)
}

// renewed notes that a node's lease was renewed. It returns true if the node had been silent for long.
func (h *hearing) renewed(node string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.nodes[node]
	silent := now.Sub(last.at) >= Grace
	last.at = now
	h.nodes[node] = last
	return silent
}

// reported notes what is said of a node. If that is new, and is not that nobody knows, the node itself said it.
func (h *hearing) reported(n *corev1.Node, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.nodes[n.Name]
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionUnknown && c != last.report {
			h.nodes[n.Name] = sign{at: now, report: c}
		}
	}
}

func (h *hearing) forget(node string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.nodes, node)
}

// isRenewal says whether the second of two states of a lease is a sign of life.
func isRenewal(before, after *coordinationv1.Lease) bool {
	return after.Spec.RenewTime != nil && !after.Spec.RenewTime.Equal(before.Spec.RenewTime)
}
