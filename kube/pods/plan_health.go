package pods

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/observed"
	"kubelab/kube/probes"
	"kubelab/kube/trace"
)

// health is what the probes of a container say that runs, or ran.
func (p *planner) health(record *observed.Container) probes.Decision {
	said := p.have.Probed[record.ID].Said
	return probes.Plan(p.member(record.Name).Container, probes.Observed{Started: record.Started, Ending: p.ending() || p.over(), Said: said}, p.now)
}

// hasStarted is whether a container has come so far that others may rely on it: it runs, its hook has run, its startup probe has succeeded.
func (p *planner) hasStarted(record *observed.Container) bool {
	return record.State == observed.Running && p.hookFailure(record) == nil && p.health(record).Started
}

// isReady is whether requests may be sent to a container that runs.
func (p *planner) isReady(record *observed.Container) bool {
	return p.hookFailure(record) == nil && p.health(record).Ready
}

// hookFailure is how a container's postStart hook has failed: then it never was what it is to be. nil: it has not.
func (p *planner) hookFailure(record *observed.Container) *Failure {
	failure, failed := p.have.Failed[startJob(record.Name, record.Attempt)]
	if !failed || failure.Reason != PostStartHookError {
		return nil
	}
	return &failure
}

// stopUnfit stops a container that runs and is not, or does not do, what it is to.
func (p *planner) stopUnfit(c podspec.Member, record *observed.Container) {
	grace, unhealthy := p.ownGrace(), p.health(record).Unhealthy
	var why string
	switch {
	case p.hookFailure(record) != nil:
		why = "FailedPostStartHook"
	case record.Image != c.Image && c.Role != podspec.Init: // that one ends by itself
		why = fmt.Sprintf("Container %s definition changed, will be restarted", c.Name)
	case unhealthy != "":
		why = fmt.Sprintf("Container %s failed %s probe", c.Name, unhealthy.Word())
		if c.Restart != corev1.RestartPolicyNever {
			why += ", will be restarted"
		}
		if own := unhealthy.Of(c.Container).TerminationGracePeriodSeconds; own != nil {
			grace = max(seconds(*own), smallGrace)
		}
	default:
		return
	}
	p.propose(StopContainer{c.Name, record.ID, grace, why})
}

// healthCauses are the steps by which something is known of a container's health that the status does not say yet.
func (p *planner) healthCauses(record *observed.Container) (causes []trace.ID) {
	state, is := p.have.Probed[record.ID], p.health(record)
	told := podspec.StatusOf(&p.pod.Status, record.Name)
	if told.ContainerID != p.id(record) {
		told = corev1.ContainerStatus{}
	}
	if started := told.Started != nil && *told.Started; started != is.Started {
		causes = append(causes, state.Causes[probes.Startup]...)
	}
	if told.Ready != is.Ready {
		causes = append(causes, state.Causes[probes.Readiness]...)
	}
	return append(causes, state.Causes[is.Unhealthy]...)
}

// sinceHook is what is left of a grace when a hook has taken some of it. A container always gets a moment to end by itself.
func sinceHook(grace, taken time.Duration) time.Duration { return max(grace-taken, smallGrace) }
