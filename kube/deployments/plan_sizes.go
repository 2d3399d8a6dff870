package deployments

import (
	"math"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
)

// roll is one step of a rolling update: the current version grows as far as there is room, the old ones
// shrink as far as enough pods stay available.
func (r *rollout) roll() {
	wanted := *r.Spec.Replicas
	surge, unavailable := r.bounds()
	room := wanted + surge - r.total()
	now := r.size[r.current]
	r.size[r.current] = min(now+max(room, 0), wanted)
	r.shrink(wanted - unavailable)
}

// shrink takes from the old versions what may go while minAvailable pods stay available. What the current
// version has been promised and is not available yet counts as missing already. A ReplicaSet that has not
// reported since it was last changed may have fewer pods than it says: then nothing goes until it has.
func (r *rollout) shrink(minAvailable int32) {
	if slices.ContainsFunc(r.all(), func(set *appsv1.ReplicaSet) bool { return set.Status.ObservedGeneration < set.Generation }) {
		return
	}
	starting := max(r.size[r.current]-available(r.current), 0)
	mayGo := r.total() - minAvailable - starting
	for _, set := range r.old { // first those that serve nobody
		mayGo -= r.take(set, min(r.size[set]-available(set), mayGo))
	}
	for _, set := range r.old {
		mayGo -= r.take(set, mayGo)
	}
}

// available is how many pods of a version serve and will go on to: those beyond its size are about to go.
func available(set *appsv1.ReplicaSet) int32 {
	return min(set.Status.AvailableReplicas, *set.Spec.Replicas)
}

// take makes a version smaller by up to n, and returns by how much.
func (r *rollout) take(set *appsv1.ReplicaSet, n int32) int32 {
	n = max(min(n, r.size[set]), 0)
	r.size[set] -= n
	return n
}

// recreate starts the current version only when no pod of another is left, not even one that still ends.
func (r *rollout) recreate() {
	gone := true
	for _, set := range r.old {
		r.size[set] = 0
		s := set.Status
		if *set.Spec.Replicas > 0 || s.ObservedGeneration < set.Generation || s.Replicas > 0 || terminating(s) > 0 {
			gone = false
		}
	}
	if gone {
		r.size[r.current] = *r.Spec.Replicas
	}
}

func terminating(s appsv1.ReplicaSetStatus) int32 {
	if s.TerminatingReplicas == nil {
		return 0
	}
	return *s.TerminatingReplicas
}

// resized says whether the wanted number changed since the last step: each version remembers what it was then.
func (r *rollout) resized() bool {
	return slices.ContainsFunc(r.active(), func(set *appsv1.ReplicaSet) bool {
		before, err := strconv.Atoi(set.Annotations[desiredAnnotation])
		return err == nil && before != int(*r.Spec.Replicas)
	})
}

// active lists the versions that have pods.
func (r *rollout) active() []*appsv1.ReplicaSet {
	return slices.DeleteFunc(r.all(), func(set *appsv1.ReplicaSet) bool { return *set.Spec.Replicas == 0 })
}

// resize brings the versions to a new wanted number without moving the rollout on.
func (r *rollout) resize() {
	wanted, active, all := *r.Spec.Replicas, r.active(), r.all()
	switch {
	case len(all) == 0:
	case len(active) == 0:
		r.size[all[len(all)-1]] = wanted
	case len(active) == 1:
		r.size[active[0]] = wanted
	case r.exists && *r.current.Spec.Replicas == wanted && r.current.Status.AvailableReplicas == wanted:
		for _, set := range r.old { // the rollout was at its end
			r.size[set] = 0
		}
	default:
		r.spread(active)
	}
}

// spread shares a change of the wanted number among the versions, in proportion to their sizes. What
// rounding leaves over goes to the largest.
func (r *rollout) spread(active []*appsv1.ReplicaSet) {
	surge, _ := r.bounds()
	allowed := *r.Spec.Replicas + surge
	if *r.Spec.Replicas == 0 {
		allowed = 0
	}
	missing := allowed - r.total() // negative: too many
	if missing > 0 {
		slices.Reverse(active) // of two of the same size the newer grows first, and the older shrinks first
	}
	slices.SortStableFunc(active, func(a, b *appsv1.ReplicaSet) int { return int(r.size[b] - r.size[a]) })
	rest := missing
	for _, set := range active {
		share := r.share(set, allowed)
		if missing > 0 {
			share = min(max(share, 0), rest)
		} else {
			share = max(min(share, 0), rest)
		}
		r.size[set] += share
		rest -= share
	}
	r.size[active[0]] = max(r.size[active[0]]+rest, 0)
}

// share is by how much a version would change if it kept its part of the whole.
func (r *rollout) share(set *appsv1.ReplicaSet, allowed int32) int32 {
	size := r.size[set]
	whole, err := strconv.Atoi(set.Annotations[maxAnnotation])
	if err != nil || whole <= 0 {
		whole = max(int(r.Status.Replicas), 1)
	}
	return int32(math.Round(float64(size)*float64(allowed)/float64(whole))) - size
}
