//go:build linux

package runtime

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/runtime/sessions"
)

// Exec prepares a connection to a further command in a running container.
func (r *Runtime) Exec(_ context.Context, request *cri.ExecRequest) (*cri.ExecResponse, error) {
	if _, err := r.Running(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.sessions.GetExec(request)
}

// Attach prepares a connection to the command of a container. It may begin later, so that no output of it is missed.
func (r *Runtime) Attach(_ context.Context, request *cri.AttachRequest) (*cri.AttachResponse, error) {
	if _, err := r.NotExited(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.sessions.GetAttach(request)
}

// PortForward prepares connections to ports of a pod.
func (r *Runtime) PortForward(_ context.Context, request *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	if _, err := r.NetNS(request.GetPodSandboxId()); err != nil {
		return nil, err
	}
	return r.sessions.GetPortForward(request)
}

// Running is the shim of a container that runs.
func (r *Runtime) Running(id string) (*containers.Shim, error) {
	c, shim, err := r.withShim(id)
	if err != nil {
		return nil, err
	}
	if now := r.state(c); now.State != containers.Running {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s is not running: it is %s", id, now.State)
	}
	return shim, nil
}

// NotExited is the shim of a container that runs, or will.
func (r *Runtime) NotExited(id string) (*containers.Shim, error) {
	c, shim, err := r.withShim(id)
	if err == nil && r.state(c).State == containers.Exited {
		err = status.Errorf(codes.FailedPrecondition, "container %s has exited", id)
	}
	return shim, err
}

// NetNS is the path of a ready sandbox's network namespace, empty if it is the node's.
func (r *Runtime) NetNS(id string) (string, error) {
	sb, err := r.findSandbox(id)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return sb.record.NetNS, sb.usable()
}

// ExecSync runs a command in a container and waits for it, for as many seconds as the request says.
func (r *Runtime) ExecSync(ctx context.Context, request *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	shim, err := r.Running(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	return sessions.ExecSync(ctx, shim, request)
}
