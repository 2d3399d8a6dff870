package pods

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/observed"
)

const (
	deadlineExceeded = "DeadlineExceeded"
	evicted          = "Evicted"
	// quietStart is how long a pod may be on its way up, without trouble, before anybody is told. Most
	// pods run by then: that they were about to was not worth a write.
	quietStart = 200 * time.Millisecond
)

// status is what to say of the whole pod.
func (p *planner) status() corev1.PodStatus {
	status := *p.pod.Status.DeepCopy()
	if api.PodEnded(p.pod) && len(p.have.Sandboxes)+len(p.have.Containers) == 0 {
		return status // all has been said
	}
	status.HostIP = p.have.Node.IP
	status.HostIPs = []corev1.HostIP{{IP: p.have.Node.IP}}
	status.StartTime = new(second(p.started()))
	if status.QOSClass == "" {
		status.QOSClass = podspec.QOSClass(&p.pod.Spec)
	}
	p.setIPs(&status)
	status.InitContainerStatuses, status.ContainerStatuses, status.EphemeralContainerStatuses = nil, nil, nil
	for _, c := range p.members {
		list := c.Role.Statuses(&status)
		*list = append(*list, p.containerStatus(c))
	}
	if !api.PodEnded(p.pod) {
		switch {
		case p.pastDeadline():
			status.Reason = deadlineExceeded
			status.Message = "Pod was active on the node longer than the specified deadline"
		case p.have.Evicted != "":
			status.Reason, status.Message = evicted, p.have.Evicted
		}
		status.Phase = p.phase(status)
	}
	p.setConditions(&status)
	return status
}

// setIPs leaves the last known address of a pod whose sandbox is gone, or has none yet.
func (p *planner) setIPs(status *corev1.PodStatus) {
	sandbox := p.have.ready()
	if sandbox == nil {
		return
	}
	ips := sandbox.IPs
	if p.pod.Spec.HostNetwork {
		ips = []string{p.have.Node.IP}
	}
	if len(ips) == 0 {
		return
	}
	status.PodIP, status.PodIPs = ips[0], nil
	for _, ip := range ips {
		status.PodIPs = append(status.PodIPs, corev1.PodIP{IP: ip})
	}
}

// phase sums the main containers up in one word. A sidecar that still runs puts off the end, and an init container that has failed for good is the end.
func (p *planner) phase(status corev1.PodStatus) corev1.PodPhase {
	var waiting, running, failed int
	for _, c := range status.ContainerStatuses {
		switch {
		case c.State.Running != nil:
			running++
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			failed++
		case c.State.Waiting != nil && c.LastTerminationState.Terminated == nil:
			waiting++
		}
	}
	cut := status.Reason == deadlineExceeded || status.Reason == evicted
	ends := cut || p.pod.DeletionTimestamp != nil
	switch {
	case ends && (running+waiting > 0 && p.mayComeUp() || p.anyRuns()):
		return p.pod.Status.Phase // final only when nothing runs any more
	case ends && !cut && failed == 0 && waiting == 0:
		return corev1.PodSucceeded
	case ends:
		return corev1.PodFailed
	case p.order.Failed != "" && !p.anyRuns():
		return corev1.PodFailed
	case waiting > 0:
		return corev1.PodPending
	case running > 0 || !p.order.Over || p.anyRuns():
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func (p *planner) anyRuns() bool {
	return slices.ContainsFunc(p.have.Containers, func(record observed.Container) bool { return record.State == observed.Running })
}

// setConditions sets the conditions that are the kubelet's; those of others stay.
func (p *planner) setConditions(status *corev1.PodStatus) {
	final := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
	p.setCondition(status, corev1.PodReadyToStartContainers, yes(p.have.ready() != nil && !final))
	p.setCondition(status, corev1.PodInitialized, p.initialized(status))
	ready := p.containersReady(status)
	p.setCondition(status, corev1.ContainersReady, ready)
	p.setCondition(status, corev1.PodReady, p.gated(status, ready))
	p.setCondition(status, corev1.PodScheduled, yes(true))
	if status.Reason == evicted {
		p.setCondition(status, corev1.DisruptionTarget, corev1.PodCondition{
			Status: corev1.ConditionTrue, Reason: corev1.PodReasonTerminationByKubelet, Message: status.Message})
	}
}

func yes(is bool) corev1.PodCondition {
	if is {
		return corev1.PodCondition{Status: corev1.ConditionTrue}
	}
	return corev1.PodCondition{Status: corev1.ConditionFalse}
}

func (p *planner) containersReady(status *corev1.PodStatus) corev1.PodCondition {
	no := yes(false)
	switch status.Phase {
	case corev1.PodSucceeded:
		no.Reason = "PodCompleted"
		return no
	case corev1.PodFailed:
		no.Reason = "PodFailed"
		return no
	}
	var unready []string
	for _, c := range p.members {
		if counts := c.Role == podspec.Sidecar || c.Role == podspec.Main; counts && !podspec.StatusOf(status, c.Name).Ready {
			unready = append(unready, c.Name)
		}
	}
	if len(unready) == 0 {
		return yes(true)
	}
	no.Reason = "ContainersNotReady"
	no.Message = fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	return no
}

// initialized says which init containers are not through. Where a main container has begun, they all are, or were.
func (p *planner) initialized(status *corev1.PodStatus) corev1.PodCondition {
	var incomplete []string
	for i, c := range status.InitContainerStatuses {
		if through := c.Ready || p.members[i].Role == podspec.Sidecar && *c.Started; !through {
			incomplete = append(incomplete, c.Name)
		}
	}
	begun := slices.ContainsFunc(status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Waiting == nil })
	switch {
	case status.Phase == corev1.PodSucceeded:
		return corev1.PodCondition{Status: corev1.ConditionTrue, Reason: "PodCompleted"}
	case begun || len(incomplete) == 0:
		return yes(true)
	}
	no := yes(false)
	no.Reason = "ContainersNotInitialized"
	no.Message = fmt.Sprintf("containers with incomplete status: [%s]", strings.Join(incomplete, " "))
	return no
}

// gated adds what somebody outside has to say before the pod counts as ready.
func (p *planner) gated(status *corev1.PodStatus, ready corev1.PodCondition) corev1.PodCondition {
	if ready.Status != corev1.ConditionTrue {
		return ready
	}
	var shut []string
	for _, gate := range p.pod.Spec.ReadinessGates {
		switch c := condition(status, gate.ConditionType); {
		case c == nil:
			shut = append(shut, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType))
		case c.Status != corev1.ConditionTrue:
			shut = append(shut, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", gate.ConditionType, c.Status))
		}
	}
	if len(shut) == 0 {
		return ready
	}
	no := yes(false)
	no.Reason, no.Message = "ReadinessGatesNotReady", strings.Join(shut, ", ")
	return no
}

// setCondition keeps the time of the last transition unless there is one.
func (p *planner) setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, c corev1.PodCondition) {
	c.Type = kind
	before := condition(status, kind)
	if before == nil {
		c.LastTransitionTime = second(p.now)
		status.Conditions = append(status.Conditions, c)
		return
	}
	c.LastTransitionTime, c.LastProbeTime = before.LastTransitionTime, before.LastProbeTime
	if now := second(p.now); before.Status != c.Status && c.LastTransitionTime.Before(&now) { // clocks are set back
		c.LastTransitionTime = now
	}
	*before = c
}

func condition(status *corev1.PodStatus, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range status.Conditions {
		if status.Conditions[i].Type == kind {
			return &status.Conditions[i]
		}
	}
	return nil
}

// started is when the node took the pod up.
func (p *planner) started() time.Time {
	if p.pod.Status.StartTime != nil {
		return p.pod.Status.StartTime.Time
	}
	return p.have.Seen
}

// notWorthTelling is whether the pod is merely on its way up, without trouble and not for long.
func (p *planner) notWorthTelling() bool {
	status := p.decision.Status
	until := p.have.Seen.Add(quietStart)
	if p.pod.DeletionTimestamp != nil || status.Phase != corev1.PodPending || !until.After(p.now) {
		return false
	}
	for _, c := range podspec.Statuses(&status) {
		if waiting := c.State.Waiting; waiting != nil && waiting.Reason != ContainerCreating && waiting.Reason != PodInitializing {
			return false
		}
	}
	p.wake(until, "the pod takes a while to start")
	return true
}
