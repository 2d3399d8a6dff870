package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
)

func TestAFigureIsMinimumMedianAnd99thPercentileByNearestRank(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	for name, c := range map[string]struct {
		samples []float64
		want    figure
	}{
		"one sample is all three":            {[]float64{7}, figure{Count: 1, Min: 7, Median: 7, P99: 7}},
		"of two the median is the lower":     {[]float64{9, 3}, figure{Count: 2, Min: 3, Median: 3, P99: 9}},
		"of a hundred one is above the 99th": {hundred, figure{Count: 100, Min: 1, Median: 50, P99: 99}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, newFigure("", "", c.samples)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFigureIsARowOfAMarkdownTable(t *testing.T) {
	got := newFigure("pod create → Ready", "ms", milliseconds([]time.Duration{61234 * time.Microsecond, 129 * time.Millisecond})).String()
	if want := "| pod create → Ready | ms | 2 | 61.2 | 61.2 | 129 |"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheStagesOfAStartAddUpToWhatTheClientWaited(t *testing.T) {
	start := time.Unix(1000, 0)
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	pod := trace.Ref{Resource: "pods", Namespace: "n", Name: "a"}
	chain := []trace.Step{
		{Time: ms(0), Verb: "create", Object: trace.Ref{Resource: "services", Namespace: "n", Name: "s"}}, // another's
		{Time: ms(2), Verb: "create", Object: pod},
		{Time: ms(5), Verb: "create binding", Object: pod},
		{Time: ms(8), Verb: "decide", Object: pod},
		{Time: ms(9), Verb: "patch status", Object: pod}, // not Ready yet
		{Time: ms(20), Verb: "attach veth", Object: pod}, // the runtime told nothing of a namespace
		{Time: ms(28), Verb: "start shim", Object: pod},
		{Time: ms(29), Verb: "decide", Object: pod},
		{Time: ms(35), Verb: "mount rootfs", Object: pod},
		{Time: ms(41), Verb: "start process", Object: pod},
		{Time: ms(50), Verb: "patch status", Object: pod},
		{Time: ms(49), Verb: "load rules", Host: "one"}, // of the pod before
		{Time: ms(70), Verb: "load rules", Host: "two"},
		{Time: ms(80), Verb: "load rules", Host: "one"},
		{Time: ms(99), Verb: "load rules", Host: "two"}, // again, for another reason
	}
	times := timesOf(chain, pod, seen{asked: start, ready: ms(51)})
	want := map[string]time.Duration{}
	for stage, n := range map[string]int{
		"request → pod stored": 2, "→ bound to a node": 3, "→ the kubelet decided": 3, "→ veth": 12,
		"→ shim: the sandbox is there":                 8,
		"→ the kubelet decided to start the container": 1, "→ root filesystem": 6, "→ process": 6, "→ status stored": 9, stageSeen: 1,
		stageFirstNode: 20, stageLastNode: 30,
	} {
		want[stage] = time.Duration(n) * time.Millisecond
	}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
