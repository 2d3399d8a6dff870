package trace_test

import (
	"testing"

	"kubelab/kube/trace"
)

func TestWhereAChainLacksACauseItIsToldWhoseStepsAreLost(t *testing.T) {
	record := []trace.Step{
		{ID: "kubelet.node-1.5", Verb: trace.LossVerb, Detail: "3 lost"},
		{ID: "kubelet.node-2.5", Verb: trace.LossVerb, Detail: "7 lost"},
		{ID: "kubelet.node-2.6", Verb: "mount rootfs"},
		{ID: "r8", Verb: "patch status", Causes: []trace.ID{"r7", "kubelet.node-1.4", "kubelet.node-2.6"}},
	}
	if got := ids(trace.Lost(record, record[2:])); got != "kubelet.node-1.5" {
		t.Errorf("got %q, want the loss on node-1: of node-2 the chain lacks nothing", got)
	}
}
