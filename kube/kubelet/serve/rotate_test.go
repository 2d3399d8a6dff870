//go:build linux

package serve

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/pods/cri"
)

// stubborn is a runtime with containers whose logs are their IDs in a directory. Those of some cannot be made anew.
type stubborn struct {
	runtimeapi.RuntimeServiceClient
	dir  string
	ids  []string
	fail string
}

func (s stubborn) ListContainers(context.Context, *runtimeapi.ListContainersRequest, ...grpc.CallOption) (*runtimeapi.ListContainersResponse, error) {
	answer := &runtimeapi.ListContainersResponse{}
	for _, id := range s.ids {
		answer.Containers = append(answer.Containers, &runtimeapi.Container{Id: id})
	}
	return answer, nil
}

func (s stubborn) ContainerStatus(_ context.Context, r *runtimeapi.ContainerStatusRequest, _ ...grpc.CallOption) (*runtimeapi.ContainerStatusResponse, error) {
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{LogPath: filepath.Join(s.dir, r.ContainerId)}}, nil
}

func (s stubborn) ReopenContainerLog(_ context.Context, r *runtimeapi.ReopenContainerLogRequest, _ ...grpc.CallOption) (*runtimeapi.ReopenContainerLogResponse, error) {
	if strings.HasPrefix(r.ContainerId, s.fail) {
		return nil, errors.New("no")
	}
	return &runtimeapi.ReopenContainerLogResponse{}, nil
}

func TestALogThatCannotBeRotatedKeepsNoOtherFromBeingRotated(t *testing.T) {
	runtime := stubborn{dir: t.TempDir(), ids: []string{"bad-1", "good-1", "bad-2", "good-2"}, fail: "bad"}
	for _, id := range runtime.ids {
		if err := os.WriteFile(filepath.Join(runtime.dir, id), []byte("words"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := RotateLogs(t.Context(), runtime, 5)
	for _, id := range runtime.ids {
		_, none := os.Stat(cri.RotatedLog(filepath.Join(runtime.dir, id)))
		good := strings.HasPrefix(id, "good")
		if rotated := none == nil; rotated != good {
			t.Errorf("%s: put aside: %v", id, rotated)
		}
		if told := err != nil && strings.Contains(err.Error(), "container "+id); told == good {
			t.Errorf("the error about %s: %v", id, err)
		}
	}
}
