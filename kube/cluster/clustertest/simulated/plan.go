package simulated

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/pods"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
)

// takes is how long a container takes to start, and to end when it is asked to.
const takes = 500 * time.Millisecond

// bare is what there is of a pod that has just been bound. Its volumes count as made: nothing is in them, and nobody looks.
func bare(node cri.Node, now time.Time) pods.Current {
	return pods.Current{Node: node, Images: map[string]pods.Image{}, Seen: now, Volumes: pods.Volumes{Mounted: true}}
}

// decide asks the kubelet's plan what a pod needs and notes in have that it was done, until nothing is left to do now. An
// action that takes time is put off to its end, which the decision then wakes for. gone: the pod's object is to go.
func decide(pod *corev1.Pod, have *pods.Current, address netip.Addr, now time.Time) (decision pods.Decision, gone bool) {
	for {
		decision = pods.Plan(pod, *have, now)
		done := 0
		for _, action := range decision.Actions {
			if end := endOf(action, pod, *have); end.After(now) {
				if decision.Wake.At.IsZero() || end.Before(decision.Wake.At) {
					decision.Wake = pods.Wake{At: end, Why: "done: " + action.String()}
				}
				continue
			}
			carryOut(action, have, address, now)
			done++
		}
		gone = slices.Contains(decision.Actions, pods.Action(pods.DeletePod{}))
		if done == 0 || gone {
			return decision, gone
		}
	}
}

// endOf is when an action that begins as soon as it can is done.
func endOf(action pods.Action, pod *corev1.Pod, have pods.Current) time.Time {
	switch action.(type) {
	case pods.StartContainer:
		return have.Seen.Add(takes)
	case pods.StopContainer:
		if pod.DeletionTimestamp != nil && pod.DeletionGracePeriodSeconds != nil {
			grace := time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
			return pod.DeletionTimestamp.Add(min(takes-grace, 0))
		}
	}
	return have.Seen
}

// carryOut is what a container runtime has after an action: all of them succeed, and a container that is stopped exits with 0.
func carryOut(action pods.Action, have *pods.Current, address netip.Addr, now time.Time) {
	switch a := action.(type) {
	case pods.CreateSandbox:
		sandbox := observed.Sandbox{ID: fmt.Sprintf("sandbox-%d", a.Attempt), Attempt: a.Attempt, Ready: true, IPs: []string{address.String()}}
		have.Sandboxes = slices.Insert(have.Sandboxes, 0, sandbox)
	case pods.PullImage:
		have.Images[a.Container] = pods.Image{Ref: a.Image, Attempt: a.Attempt}
	case pods.StartContainer:
		have.Containers = slices.Insert(have.Containers, 0, observed.Container{
			ID: fmt.Sprintf("%s-%d", a.Container, a.Attempt), Name: a.Container, Sandbox: a.Sandbox, Attempt: a.Attempt,
			Streak: a.Streak, State: observed.Running, Image: a.Image, ImageID: a.Image, Started: now,
		})
	case pods.StopContainer:
		i := slices.IndexFunc(have.Containers, func(c observed.Container) bool { return c.ID == a.ID })
		have.Containers[i].State, have.Containers[i].Finished = observed.Exited, now
	case pods.RemoveContainer:
		have.Containers = slices.DeleteFunc(have.Containers, func(c observed.Container) bool { return c.ID == a.ID })
	case pods.StopSandbox:
		i := slices.IndexFunc(have.Sandboxes, func(s observed.Sandbox) bool { return s.ID == a.ID })
		have.Sandboxes[i].Ready = false
	case pods.RemoveSandbox:
		have.Sandboxes = slices.DeleteFunc(have.Sandboxes, func(s observed.Sandbox) bool { return s.ID == a.ID })
		have.Containers = slices.DeleteFunc(have.Containers, func(c observed.Container) bool { return c.Sandbox == a.ID })
	}
}

// freeAddress is the lowest address in a node's range that no pod has; the first two are the range's own and the pods' gateway.
// A range that is used up gives the zero Addr.
func freeAddress(from netip.Prefix, used map[netip.Addr]bool) netip.Addr {
	for address := from.Addr().Next().Next(); from.Contains(address); address = address.Next() {
		if !used[address] {
			return address
		}
	}
	return netip.Addr{}
}
