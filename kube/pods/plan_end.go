package pods

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/initcontainers"
	"kubelab/kube/pods/observed"
)

// smallGrace is the least time that a container gets between SIGTERM and SIGKILL. It is all that a pod
// gets that was deleted by force: nobody waits for it any more.
const smallGrace = 2 * time.Second

// endDeleted ends a pod that was deleted: first its containers, then its sandbox, then the object. The
// object goes when nothing else is left and all has been told, so it never lies about what runs.
func (p *planner) endDeleted() {
	left := (p.pod.DeletionTimestamp.Sub(p.now) + time.Second - 1).Truncate(time.Second) // the CRI counts whole seconds
	if given := p.pod.DeletionGracePeriodSeconds; given != nil {
		left = min(left, time.Duration(*given)*time.Second) // the timestamp is rounded up as well
	}
	if p.stopContainers(max(left, smallGrace)) {
		return
	}
	p.clearAway()
	p.stopSandbox()
	if len(p.have.Sandboxes) > 0 || len(p.have.Busy) > 0 || !same(p.decision.Status, p.pod.Status) {
		return
	}
	// With a grace period of 0 the API keeps the object for its finalizers only.
	if grace := p.pod.DeletionGracePeriodSeconds; grace == nil || *grace > 0 {
		p.propose(DeletePod{})
	}
}

// endInPlace ends a pod that has done its work, has failed, or was told to have ended. Its records and logs stay until
// somebody deletes it.
func (p *planner) endInPlace() {
	left := (p.ownGrace() - p.now.Sub(p.endBegan())).Truncate(time.Second)
	if p.have.Evicted != "" {
		left = 0
	}
	if !p.stopContainers(max(left, smallGrace)) {
		p.stopSandbox()
		p.removeVolumes()
	}
}

// endBegan is since when the sidecars of a pod wait for their end that nobody deleted: since its deadline has come, or the last of the other containers
// has ended. Until then the grace of all is whole.
func (p *planner) endBegan() time.Time {
	last := p.now
	if p.pastDeadline() {
		last = p.started().Add(seconds(*p.pod.Spec.ActiveDeadlineSeconds))
	}
	var ended time.Time
	for _, record := range p.have.Containers {
		switch {
		case p.member(record.Name).Role == podspec.Sidecar:
		case record.State == observed.Running:
			return p.now
		case record.Finished.After(ended):
			ended = record.Finished
		}
	}
	if p.pastDeadline() || ended.IsZero() || ended.After(p.now) {
		return last
	}
	return ended
}

// endOrphan ends what the runtime has of a pod that the API does not know: it was deleted by force.
func (p *planner) endOrphan() {
	if p.stopContainers(smallGrace) {
		return
	}
	p.clearAway()
	p.stopSandbox()
	if len(p.have.Sandboxes) == 0 && len(p.have.Busy) == 0 {
		p.propose(Forget{})
	}
}

// stopContainers says whether anything still runs or is about to.
func (p *planner) stopContainers(grace time.Duration) bool {
	for job := range p.have.Busy {
		if strings.HasPrefix(job, "pull ") {
			p.propose(Cancel{job})
		}
	}
	p.breakOffHooks()
	running := p.busyWith("start ") || p.busyWith(CreateSandbox{}.Job())
	now := initcontainers.Stop(p.progress())
	for _, record := range p.have.Containers {
		if record.State != observed.Running {
			continue
		}
		running = true
		if slices.Contains(now, record.Name) || !p.isMember(record.Name) {
			p.propose(StopContainer{record.Name, record.ID, grace, "Stopping container " + record.Name})
		}
	}
	slices.SortFunc(p.decision.Actions, func(a, b Action) int { return strings.Compare(a.Job(), b.Job()) })
	return running
}

// breakOffHooks waits for no postStart hook any more.
func (p *planner) breakOffHooks() {
	for job := range p.have.Busy {
		words := strings.Fields(job)
		if words[0] != "start" {
			continue
		}
		if hooks := p.member(words[1]).Lifecycle; p.pod == nil || hooks != nil && hooks.PostStart != nil {
			p.propose(Cancel{job})
		}
	}
}

// stopSandbox gives back the address of a pod in which nothing runs.
func (p *planner) stopSandbox() {
	for _, sandbox := range p.have.Sandboxes {
		if sandbox.Ready {
			p.propose(StopSandbox{sandbox.ID})
		}
	}
}

// clearAway removes what is dead and of no more use. How a container ended is told before its record goes.
func (p *planner) clearAway() {
	for i, sandbox := range p.have.Sandboxes {
		inUse := i == 0 && !p.ending()
		switch {
		case inUse && sandbox.Ready:
		case p.runsIn(sandbox):
		case !inUse && sandbox.Ready:
			p.propose(StopSandbox{sandbox.ID})
		case p.underWay(StopSandbox{sandbox.ID}): // all that it does belongs to the story
		case !inUse && !p.needed(sandbox):
			p.propose(RemoveSandbox{sandbox.ID})
		}
	}
	if p.ending() {
		return
	}
	for _, c := range p.members {
		if dead := p.have.attempts(c.Name); len(dead) > 2 {
			for _, record := range dead[2:] { // the last one is kept for kubectl logs --previous
				p.propose(RemoveContainer{record.Name, record.ID})
			}
		}
	}
}

// runsIn stops what still runs in a sandbox that has failed, and says whether there was anything.
func (p *planner) runsIn(sandbox observed.Sandbox) bool {
	running := false
	for _, record := range p.have.Containers {
		if record.Sandbox == sandbox.ID && record.State == observed.Running {
			running = true
			p.propose(StopContainer{record.Name, record.ID, smallGrace, fmt.Sprintf("Container %s lost its sandbox", record.Name)})
		}
	}
	return running
}

// needed is whether a dead sandbox holds a record that is still needed: what is in it has not been told, or
// the next attempt takes its back-off from it.
func (p *planner) needed(sandbox observed.Sandbox) bool {
	if p.pod == nil {
		return false
	}
	if !same(p.decision.Status, p.pod.Status) {
		return true
	}
	return !p.ending() && slices.ContainsFunc(p.have.Containers, func(record observed.Container) bool {
		return record.Sandbox == sandbox.ID && p.isLast(&record) && p.mayStart(p.member(record.Name))
	})
}

// mayComeUp is whether a container may still be made, by a job of ours or by one that a kubelet before us has left behind. As long as that is so,
// it cannot be said how it ended.
func (p *planner) mayComeUp() bool {
	return p.busyWith("start ") || p.busyWith(CreateSandbox{}.Job()) || p.have.ready() != nil
}

// ending is whether the pod is to be nothing at last.
func (p *planner) ending() bool { return p.pod == nil || p.pod.DeletionTimestamp != nil }

// over is whether the pod is to run no more, though nobody deleted it.
func (p *planner) over() bool {
	return api.PodEnded(p.pod) || p.pastDeadline() || p.have.Evicted != ""
}

func (p *planner) pastDeadline() bool {
	limit := p.pod.Spec.ActiveDeadlineSeconds
	return limit != nil && !p.now.Before(p.started().Add(seconds(*limit)))
}

// ownGrace is the pod's own grace period.
func (p *planner) ownGrace() time.Duration {
	if grace := p.pod.Spec.TerminationGracePeriodSeconds; grace != nil {
		return max(seconds(*grace), smallGrace)
	}
	return seconds(corev1.DefaultTerminationGracePeriodSeconds)
}

func same(a, b corev1.PodStatus) bool { return equality.Semantic.DeepEqual(a, b) }
