package trace

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCausesTravelToTheRuntime(t *testing.T) {
	sent := EncodeCauses(WithCauses(context.Background(), "r12", "kubelet.node-1.5f"))
	got := Causes(DecodeCauses(context.Background(), sent))
	if diff := cmp.Diff([]ID{"kubelet.node-1.5f", "r12"}, got); diff != "" {
		t.Errorf("causes after the journey as %q (-sent +got):\n%s", sent, diff)
	}
	if sent := EncodeCauses(context.Background()); sent != "" {
		t.Errorf("no causes are sent as %q", sent)
	}
}

func TestStepsComeBackFromTheRuntimeInASCII(t *testing.T) {
	steps := []Step{{
		Time: time.Unix(7, 42).UTC(), Component: "runtime", Verb: "start process",
		Object: Ref{Resource: "pods", Namespace: "shop", Name: "web-1"}, Detail: "pid 7: echo 'größer' 😀 \"x\"\n",
	}}
	value, err := EncodeSteps(steps)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []byte(value) {
		if b < ' ' || b > '~' {
			t.Fatalf("metadata of a gRPC call cannot hold byte %#x of %q", b, value)
		}
	}
	got, err := DecodeSteps(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(steps, got); diff != "" {
		t.Errorf("steps after the journey (-sent +got):\n%s", diff)
	}
}
