package observed

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
)

// two is a runtime with a sandbox for each of two pods; of some it cannot say how they are.
type two struct {
	runtimeapi.RuntimeServiceClient
	fails map[string]error // by ID of a sandbox
	ready runtimeapi.PodSandboxState
}

func (r *two) ListPodSandbox(context.Context, *runtimeapi.ListPodSandboxRequest, ...grpc.CallOption) (*runtimeapi.ListPodSandboxResponse, error) {
	answer := &runtimeapi.ListPodSandboxResponse{}
	for _, id := range []string{"sick", "well"} {
		labels := map[string]string{cri.LabelNamespace: "shop", cri.LabelName: id, cri.LabelUID: id}
		answer.Items = append(answer.Items, &runtimeapi.PodSandbox{Id: id, Labels: labels, State: r.ready})
	}
	return answer, nil
}

func (r *two) ListContainers(context.Context, *runtimeapi.ListContainersRequest, ...grpc.CallOption) (*runtimeapi.ListContainersResponse, error) {
	return &runtimeapi.ListContainersResponse{}, nil
}

func (r *two) PodSandboxStatus(_ context.Context, of *runtimeapi.PodSandboxStatusRequest, _ ...grpc.CallOption) (*runtimeapi.PodSandboxStatusResponse, error) {
	if err := r.fails[of.PodSandboxId]; err != nil {
		return nil, err
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{Id: of.PodSandboxId, State: r.ready}}, nil
}

func TestASandboxOfWhichTheRuntimeCannotSayHowItIsHidesNoOther(t *testing.T) {
	runtime := &two{ready: runtimeapi.PodSandboxState_SANDBOX_READY}
	o := New(runtime, nil)
	sick, well := operator.Key{Namespace: "shop", Name: "sick"}, operator.Key{Namespace: "shop", Name: "well"}
	look := func(only *operator.Key) {
		t.Helper()
		if _, err := o.Look(t.Context(), only); err != nil {
			t.Fatal(err)
		}
	}
	look(nil)
	runtime.fails, runtime.ready = map[string]error{"sick": status.Error(codes.Internal, "its files cannot be read")}, runtimeapi.PodSandboxState_SANDBOX_NOTREADY
	look(nil)
	if has, err := o.Of(well); err != nil || has["well"].Sandboxes[0].Ready {
		t.Errorf("of the other pod is known: %v, %v", has, err)
	}
	if has, err := o.Of(sick); status.Code(err) != codes.Internal {
		t.Errorf("of the pod of which the runtime cannot say how it is: %v, %v", has, err)
	}
	look(&sick)
	runtime.fails = nil
	look(&sick)
	if has, err := o.Of(sick); err != nil || len(has["sick"].Sandboxes) != 1 || has["sick"].Sandboxes[0].Ready {
		t.Errorf("now it can: %v, %v", has, err)
	}
}

func TestARuntimeThatDoesNotAnswerIsNotTakenForOneThatHasNothing(t *testing.T) {
	runtime := &two{fails: map[string]error{"well": status.Error(codes.Unavailable, "gone")}}
	o := New(runtime, nil)
	if _, err := o.Look(t.Context(), nil); status.Code(err) != codes.Unavailable || o.Listed() {
		t.Errorf("%v; listed: %v", err, o.Listed())
	}
}
