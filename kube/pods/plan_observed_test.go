package pods

import (
	"testing"

	"kubelab/kube/pods/observed"
)

func TestASandboxIsMadeWhenItIsToldOfAsReady(t *testing.T) {
	made := observed.Records{Sandboxes: []observed.Sandbox{{ID: "s0"}}}
	if shows(made, CreateSandbox{}, false) {
		t.Error("its creation is over and it is told of as not ready yet: the runtime is not asked again")
	}
	if made.Sandboxes[0].Ready = true; !shows(made, CreateSandbox{}, false) {
		t.Error("it is told of as ready, and the runtime is asked again")
	}
}
