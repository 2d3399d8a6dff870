//go:build linux

package pods

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/api/podspec"
	"kubelab/kube/operator"
	"kubelab/kube/pods/hooks"
	"kubelab/kube/pods/observed"
	"kubelab/kube/probes"
	"kubelab/kube/trace"
)

// probe keeps the probes of a pod's containers at work that run, and says what is known by them.
func (o *Operator) probe(key operator.Key, uid types.UID, pod *corev1.Pod, have Current) map[string]probes.State {
	var targets []probes.Target
	var records []string
	for _, record := range have.Containers {
		records = append(records, record.ID)
	}
	p := planner{pod: pod, have: have, now: time.Now()}
	if pod != nil {
		p.members = podspec.Members(&pod.Spec)
	}
	for _, c := range p.members {
		if record := have.newest(c.Name); probes.Any(c.Container) && record != nil && record.State == observed.Running {
			targets = append(targets, o.target(key, &p, c, record))
		}
	}
	return o.prober.Keep(string(uid), p.ending() || p.over(), targets, records)
}

// target is a container as the prober is told of it. What a kubelet before this one has told of it is believed.
func (o *Operator) target(key operator.Key, p *planner, c podspec.Member, record *observed.Container) probes.Target {
	target := probes.Target{
		ID: record.ID, Pod: reference{"pods", key.Namespace, key.Name}.trace(), Address: p.have.address(p.pod, record.Sandbox),
		Spec: c.Container, Started: record.Started, Causes: record.Causes,
		Changed: func(causes ...trace.ID) { o.loop.Add(key, causes...) },
		Event: func(ctx context.Context, kind, reason, message string) {
			o.eventAbout(ctx, p.pod, c.Name, kind, reason, message)
		},
	}
	if told := podspec.StatusOf(&p.pod.Status, c.Name); told.ContainerID == p.id(record) {
		target.Said = probes.Inherited(told.Started != nil && *told.Started, told.Ready)
	}
	return target
}

// address is where the containers of a sandbox are reached from the node.
func (c Current) address(pod *corev1.Pod, sandbox string) string {
	if pod.Spec.HostNetwork {
		return c.Node.IP
	}
	i := slices.IndexFunc(c.Sandboxes, func(s observed.Sandbox) bool { return s.ID == sandbox })
	if i < 0 || len(c.Sandboxes[i].IPs) == 0 {
		return ""
	}
	return c.Sandboxes[i].IPs[0]
}

// noteHealth adds to the causes of a turn what probes have said and the status does not tell yet.
func (o *Operator) noteHealth(ctx context.Context, pod *corev1.Pod, have Current) context.Context {
	p := planner{pod: pod, members: podspec.Members(&pod.Spec), have: have, now: time.Now()}
	for _, c := range p.members {
		if record := have.newest(c.Name); record != nil && record.State == observed.Running {
			if causes := p.healthCauses(record); len(causes) > 0 {
				ctx = trace.WithCauses(ctx, append(trace.Causes(ctx), causes...)...)
			}
		}
	}
	return ctx
}

// runHook runs a hook of a container to its end, or until ctx is done, and writes down that it did. What the hook
// leads to follows from that.
func (o *Operator) runHook(ctx context.Context, w work, container, id, sandbox, name string, hook *corev1.LifecycleHandler) (context.Context, error) {
	c := hooks.Container{ID: id, Spec: podspec.Find(&w.pod.Spec, container).Container, Pod: w.pod, Address: w.have.address(w.pod, sandbox)}
	began := time.Now()
	err := hooks.Run(ctx, o.runtime, c, hook)
	outcome := "has run"
	if err != nil {
		outcome = "failed"
	}
	done := o.client.Recorder.Record(ctx, trace.Step{Time: began, Verb: "hook", Object: reference{"pods", w.key.Namespace, w.key.Name}.trace(),
		Detail: fmt.Sprintf("%s of container %s %s after %v", name, container, outcome, time.Since(began).Round(time.Millisecond))})
	return trace.WithCauses(ctx, done), err
}

// postStart runs what a container asks for after its start. Until it has, the container does not count as running.
func (o *Operator) postStart(ctx context.Context, w work, c *corev1.Container, id, sandbox string) error {
	if c.Lifecycle == nil || c.Lifecycle.PostStart == nil {
		return nil
	}
	ctx, err := o.runHook(ctx, w, c.Name, id, sandbox, "postStart", c.Lifecycle.PostStart)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil { // what it said may be a secret, and events are for all
		o.event(ctx, w, c.Name, corev1.EventTypeWarning, "FailedPostStartHook", "PostStartHook failed")
	}
	return &problem{PostStartHookError, err.Error()}
}

// preStop runs what a container asks for before its stop, once, and says what is left of its grace, and why the stop comes then.
func (o *Operator) preStop(ctx context.Context, w work, a StopContainer) (context.Context, time.Duration) {
	if w.pod == nil {
		return ctx, a.Grace
	}
	c := podspec.Find(&w.pod.Spec, a.Container)
	if c == nil || c.Lifecycle == nil || c.Lifecycle.PreStop == nil {
		return ctx, a.Grace
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, a.Grace)
	defer cancel()
	first, ended := w.life.hook(a.ID)
	if !first { // a stop that would end later has begun with it
		select {
		case <-ended:
		case <-limited.Done():
		}
		return ctx, sinceHook(a.Grace, time.Since(began))
	}
	defer close(ended)
	sandbox := ""
	for _, record := range w.have.Containers {
		if record.ID == a.ID {
			sandbox = record.Sandbox
		}
	}
	done, err := o.runHook(limited, w, a.Container, a.ID, sandbox, "preStop", c.Lifecycle.PreStop)
	if err != nil && limited.Err() == nil {
		o.event(done, w, a.Container, corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed")
	}
	return trace.WithCauses(ctx, trace.Causes(done)...), sinceHook(a.Grace, time.Since(began))
}
