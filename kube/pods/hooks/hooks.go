// Package hooks runs what a container's lifecycle asks for: a command, a request or a pause after its start and before its stop.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/probes"
)

// Container is whose hook is run.
type Container struct {
	ID      string
	Spec    *corev1.Container
	Pod     *corev1.Pod
	Address string // of its pod, as the node reaches it
}

// pod is how upstream writes whose hook it is.
func (c Container) pod() string {
	return fmt.Sprintf("%s_%s(%s)", c.Pod.Name, c.Pod.Namespace, c.Pod.UID)
}

// maxAnswer is how much is read of what a server answers. What it says does not matter.
const maxAnswer = 10 << 10

// Run runs a hook to its end, or until ctx is done. The error is what upstream says of a failure.
func Run(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, c Container, hook *corev1.LifecycleHandler) error {
	switch {
	case hook.Exec != nil:
		said, err := execute(ctx, runtime, c.ID, hook.Exec.Command)
		if err != nil {
			//lint:ignore ST1005 it is the sentence that every Kubernetes says
			return fmt.Errorf("Exec lifecycle hook (%v) for Container %q in Pod %q failed - error: %w, message: %q", hook.Exec.Command, c.Spec.Name, c.pod(), err, said)
		}
		return nil
	case hook.HTTPGet != nil:
		if err := get(ctx, c, hook.HTTPGet); err != nil {
			return fmt.Errorf("HTTP lifecycle hook (%s) for Container %q in Pod %q failed - error: %w", hook.HTTPGet.Path, c.Spec.Name, c.pod(), err)
		}
		return nil
	case hook.Sleep != nil:
		select {
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
			return nil
		case <-ctx.Done():
			//lint:ignore ST1005 it is the sentence that every Kubernetes says
			return fmt.Errorf("Sleep lifecycle hook (%d) for Container %q in Pod %q failed - error: %w", hook.Sleep.Seconds, c.Spec.Name, c.pod(), context.Cause(ctx))
		}
	}
	//lint:ignore ST1005 it is the sentence that every Kubernetes says
	return errors.New("Cannot run handler: invalid handler: a hook by tcpSocket does nothing")
}

// execute runs a command, without a limit but for that of ctx.
func execute(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, id string, command []string) (said []byte, err error) {
	if _, limited := ctx.Deadline(); !limited { // or a call has a limit of its own
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 365*24*time.Hour)
		defer cancel()
	}
	answer, err := runtime.ExecSync(ctx, &runtimeapi.ExecSyncRequest{ContainerId: id, Cmd: command})
	if err != nil {
		return nil, err
	}
	if answer.ExitCode != 0 {
		err = fmt.Errorf("command '%s' exited with %d: %s", strings.Join(command, " "), answer.ExitCode, answer.Stderr)
	}
	return append(answer.Stdout, answer.Stderr...), err
}

// get sends a request. Whatever is answered, it has arrived.
func get(ctx context.Context, c Container, action *corev1.HTTPGetAction) error {
	request, err := probes.NewRequest(ctx, action, c.Spec, c.Address, "kube-lifecycle/"+probes.Version)
	if err != nil {
		return err
	}
	response, err := probes.Client(0).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.CopyN(io.Discard, response.Body, maxAnswer)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}
