//go:build linux

package sessions

import (
	"bytes"
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
)

// maxOutput is what ExecSync keeps of each stream (CVE-2022-1708: the output of a probe must not fill the node's memory). Both fit into one answer, of
// which a kubelet takes 16 MiB.
const maxOutput = 4 << 20

// bounded keeps the first bytes that are written to it. It is a Writer and nothing more: a buffer's ReadFrom would know of no bound.
type bounded struct{ kept bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.kept.Write(p[:min(len(p), maxOutput-b.kept.Len())])
	return len(p), nil
}

// ExecSync runs a command in a container of shim's, and waits for it, for as many seconds as the request says.
func ExecSync(ctx context.Context, shim *containers.Shim, request *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	if request.GetTimeout() > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(request.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr bounded
	code, err := shim.Exec(ctx, request.ContainerId, containers.ExecConfig{Args: request.GetCmd()}, streams.Stdio{Stdout: &stdout, Stderr: &stderr}, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out after %d s", request.Cmd, request.Timeout)
	} else if err != nil {
		return nil, err
	}
	return &cri.ExecSyncResponse{Stdout: stdout.kept.Bytes(), Stderr: stderr.kept.Bytes(), ExitCode: int32(code)}, nil
}
