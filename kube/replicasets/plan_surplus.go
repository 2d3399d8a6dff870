package replicasets

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// candidate is a replica, seen with the eyes of who must choose.
type candidate struct {
	pod        *corev1.Pod
	ready      bool
	since      time.Time // it is ready; zero if it is not
	neighbours int       // replicas on the same node, itself among them
}

// order says which of two replicas goes first. The first rule that tells them apart decides.
var order = []struct {
	why     string // what is true of the one that goes
	compare func(a, b candidate) int
}{
	{"has no node yet", func(a, b candidate) int { return falseFirst(a.pod.Spec.NodeName != "", b.pod.Spec.NodeName != "") }},
	{"is still pending", func(a, b candidate) int { return cmp.Compare(phase(a.pod), phase(b.pod)) }},
	{"is not ready", func(a, b candidate) int { return falseFirst(a.ready, b.ready) }},
	{"costs less to delete", func(a, b candidate) int { return cmp.Compare(deletionCost(a.pod), deletionCost(b.pod)) }},
	{"shares its node with more replicas", func(a, b candidate) int { return cmp.Compare(b.neighbours, a.neighbours) }},
	{"has been ready for a shorter time", func(a, b candidate) int { return b.since.Compare(a.since) }},
	{"has restarted more often", func(a, b candidate) int { return cmp.Compare(restarts(b.pod), restarts(a.pod)) }},
	{"is newer", func(a, b candidate) int { return b.pod.CreationTimestamp.Compare(a.pod.CreationTimestamp.Time) }},
	{"has a later name", func(a, b candidate) int { return cmp.Compare(b.pod.Name, a.pod.Name) }},
}

// surplus chooses the n replicas that are missed least. n below one chooses none.
func surplus(replicas []*corev1.Pod, n int) []Removal {
	n = min(n, burst)
	if n <= 0 {
		return nil
	}
	candidates := rank(replicas)
	var removals []Removal
	for _, c := range candidates[:n] {
		removal := Removal{Pod: c.pod.Name}
		if n < len(candidates) {
			removal.Why = difference(c, candidates[n]) // the first of those that stay
		}
		removals = append(removals, removal)
	}
	return removals
}

// rank sorts replicas, those that go first in front.
func rank(replicas []*corev1.Pod) []candidate {
	perNode := map[string]int{}
	for _, pod := range replicas {
		perNode[pod.Spec.NodeName]++
	}
	var candidates []candidate
	for _, pod := range replicas {
		c := candidate{pod: pod, neighbours: perNode[pod.Spec.NodeName]}
		if since, ready := api.PodReady(pod); ready {
			c.ready, c.since = true, since
		}
		candidates = append(candidates, c)
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		for _, rule := range order {
			if c := rule.compare(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return candidates
}

func difference(goes, stays candidate) string {
	for _, rule := range order {
		if rule.compare(goes, stays) != 0 {
			return rule.why
		}
	}
	return ""
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// phase: nobody knows whether a pod of unknown phase serves, so it stays longer than a pending one and
// goes before a running one.
func phase(pod *corev1.Pod) int {
	return slices.Index([]corev1.PodPhase{corev1.PodPending, corev1.PodUnknown, corev1.PodRunning}, pod.Status.Phase)
}

// deletionCost is what its owner says that a pod's deletion costs; by default nothing.
func deletionCost(pod *corev1.Pod) int64 {
	cost, err := strconv.ParseInt(pod.Annotations[corev1.PodDeletionCost], 10, 32)
	if err != nil {
		return 0
	}
	return cost
}

func restarts(pod *corev1.Pod) int32 {
	var most int32
	for _, c := range podspec.Statuses(&pod.Status) {
		most = max(most, c.RestartCount)
	}
	return most
}
