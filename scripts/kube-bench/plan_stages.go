package main

import (
	"slices"
	"time"

	"kubelab/kube/trace"
)

// seen is what the client itself knows of a pod's start.
type seen struct {
	asked, ready time.Time
}

// stages names what the time of a pod's start goes to: each lasts from the end of the one before it to the next step with
// its verb. The kubelet decides twice, and may write a status before the one that says Ready.
var stages = []struct{ name, verb string }{
	{"request → pod stored", "create"},
	{"→ bound to a node", "create binding"},
	{"→ the kubelet decided", "decide"},
	{"→ network namespace", "create netns"},
	{"→ veth", "attach veth"},
	{"→ shim: the sandbox is there", "start shim"},
	{"→ the kubelet decided to start the container", "decide"},
	{"→ root filesystem", "mount rootfs"},
	{"→ process", "start process"},
	{"→ status stored", "patch status"},
}

// Two more stages end outside of the pod's own steps.
const (
	stageSeen      = "→ Ready seen by the client"
	stageFirstNode = "Ready → service rules on the first node"
	stageLastNode  = "Ready → service rules on the last node"
)

// timesOf splits the start of one pod into its stages. What the chain does not tell is left out.
func timesOf(chain []trace.Step, pod trace.Ref, client seen) map[string]time.Duration {
	times := map[string]time.Duration{}
	at, rest := client.asked, chain
	for _, stage := range stages {
		i := slices.IndexFunc(rest, func(step trace.Step) bool { return step.Object == pod && step.Verb == stage.verb })
		if i < 0 {
			continue
		}
		times[stage.name] = rest[i].Time.Sub(at)
		at, rest = rest[i].Time, rest[i+1:]
	}
	times[stageSeen] = client.ready.Sub(at)
	first, last := rulesAfter(chain, at)
	if !first.IsZero() {
		times[stageFirstNode], times[stageLastNode] = first.Sub(at), last.Sub(at)
	}
	return times
}

// rulesAfter says when the first and the last node had the rules that lead to a pod which was ready at the given time. A node
// may load rules again later, so each counts with its first time.
func rulesAfter(chain []trace.Step, ready time.Time) (first, last time.Time) {
	hosts := map[string]bool{}
	for _, step := range chain {
		if step.Verb != "load rules" || step.Time.Before(ready) || hosts[step.Host] {
			continue
		}
		hosts[step.Host] = true
		if first.IsZero() {
			first = step.Time
		}
		last = step.Time
	}
	return first, last
}
