//go:build linux

package kubelet

import (
	"encoding/json"
	"testing"

	"kubelab/kube/trace"
)

// steps are all that the API server knows of what happened and why.
func (l *lab) steps() map[trace.ID]trace.Step {
	l.t.Helper()
	body, err := l.admin.CoreV1().RESTClient().Get().AbsPath(trace.Path).DoRaw(l.t.Context())
	l.must(err)
	var list []trace.Step
	l.must(json.Unmarshal(body, &list))
	all := map[trace.ID]trace.Step{}
	for _, step := range list {
		all[step.ID] = step
	}
	return all
}

// roots are where the causes of a step begin, and the steps on the way.
func roots(all map[trace.ID]trace.Step, id trace.ID) (begin, way []trace.Step) {
	seen := map[trace.ID]bool{}
	var follow func(trace.ID)
	follow = func(id trace.ID) {
		step, known := all[id]
		if !known || seen[id] {
			return
		}
		seen[id] = true
		if step.Root != "" {
			begin = append(begin, step)
			return
		}
		way = append(way, step)
		for _, cause := range step.Causes {
			follow(cause)
		}
	}
	follow(id)
	return begin, way
}

func has(steps []trace.Step, component, verb string) bool {
	for _, step := range steps {
		if step.Component == component && step.Verb == verb {
			return true
		}
	}
	return false
}

func TestARunningPodLeadsBackToThePersonWhoCreatedIt(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient))
	p := l.becomes("web-1", "ready", ready)
	l.waitFor("the chain to be known", func() bool {
		begin, way := roots(l.steps(), trace.Wrote(p.ResourceVersion))
		return has(way, "kubelet", "patch status") && has(way, "runtime", "start process") && has(way, "runtime", "attach veth") &&
			has(way, "kubelet", "decide") && has(begin, "kubelab-admin", "create")
	})
}

func TestAnExitIsARootAndTheRestartFollowsFromIt(t *testing.T) {
	l := newLab(t)
	l.create(pod("crash", "exit 3"))
	p := l.becomes("crash", "backed off", waitsFor("CrashLoopBackOff"))
	l.waitFor("the chain to be known", func() bool {
		begin, _ := roots(l.steps(), trace.Wrote(p.ResourceVersion))
		return has(begin, "kubelet", "exit")
	})
	for _, step := range l.steps() {
		if step.Verb == "exit" && (step.Root != trace.Event || step.Detail != "container web exited with code 3" || step.Host != nodeName) {
			t.Errorf("the exit's step: %+v", step)
		}
	}
}

func TestAnExitThatWasAskedForIsNoRoot(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "trap 'exit 0' TERM; echo up; sleep 1000 & wait"))
	l.becomes("web-1", "ready", ready)
	l.waitFor("its script to have begun", func() bool { return l.log("web-1", "") == "up\n" })
	l.delete("web-1", 30)
	l.gone("web-1")
	l.waitFor("the exit to be known", func() bool {
		for _, step := range l.steps() {
			if step.Verb == "exit" {
				return step.Root == "" && len(step.Causes) == 1
			}
		}
		return false
	})
}

func TestASignalIsToldWhenItIsSentAndNotWhenTheGraceIsOver(t *testing.T) {
	l := newLab(t)
	l.create(pod("stubborn", deaf))
	l.becomesDeaf("stubborn")
	l.delete("stubborn", 1000)
	l.waitFor("the signal to be known", func() bool {
		for _, step := range l.steps() {
			if step.Verb == "signal process" {
				return len(step.Causes) > 0
			}
		}
		return false
	})
	l.delete("stubborn", 1)
	l.gone("stubborn")
}
