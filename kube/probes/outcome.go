package probes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Version is the release of Kubernetes for which a program takes whoever probes it.
const Version = "1.37"

// maxWords is how much is read of what a program answers, as upstream has it.
const maxWords = 10 << 10

// tries is how often a probe is put again at once that could not be asked.
const tries = 3

// Outcome is what came of asking a probe once.
type Outcome struct {
	Verdict Verdict // empty: it could not be asked
	Message string  // what the program or the network says to it
	Warning bool    // it succeeded, and Message is still worth telling
}

func failed(format string, args ...any) Outcome {
	return Outcome{Verdict: Failure, Message: fmt.Sprintf(format, args...)}
}

func unasked(err error) Outcome { return Outcome{Message: err.Error()} }

// ask asks a probe, within the time that the probe gives it.
func (p *Prober) ask(ctx context.Context, c *probed, probe *corev1.Probe) (out Outcome) {
	for range tries {
		if out = p.askOnce(ctx, c, probe); out.Verdict != "" || ctx.Err() != nil {
			break
		}
	}
	return out
}

func (p *Prober) askOnce(ctx context.Context, c *probed, probe *corev1.Probe) Outcome {
	timeout := seconds(probe.TimeoutSeconds)
	switch {
	case probe.Exec != nil:
		return execute(ctx, p.runtime, c.ID, probe.Exec.Command, timeout)
	case probe.HTTPGet != nil:
		request, err := NewRequest(ctx, probe.HTTPGet, c.Spec, c.Address, "kube-probe/"+Version)
		if err != nil {
			return unasked(err)
		}
		return get(request, timeout)
	case probe.TCPSocket != nil:
		port, err := portOf(probe.TCPSocket.Port, c.Spec)
		if err != nil {
			return unasked(err)
		}
		return connect(ctx, orElse(probe.TCPSocket.Host, c.Address), port, timeout)
	case probe.GRPC != nil:
		service := ""
		if probe.GRPC.Service != nil {
			service = *probe.GRPC.Service
		}
		return check(ctx, c.Address, int(probe.GRPC.Port), service, timeout)
	}
	return unasked(fmt.Errorf("missing probe handler for %s", c.Spec.Name))
}

// slack is how long after its time a runtime may still tell that a command was ended.
const slack = 5 * time.Second

// execute runs a command in the container. The runtime ends one that takes too long.
func execute(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, id string, command []string, timeout time.Duration) Outcome {
	limited, cancel := context.WithTimeout(ctx, timeout+slack)
	defer cancel()
	answer, err := runtime.ExecSync(limited, &runtimeapi.ExecSyncRequest{ContainerId: id, Cmd: command, Timeout: int64(timeout / time.Second)})
	switch {
	case status.Code(err) == codes.DeadlineExceeded && ctx.Err() == nil:
		return failed("command timed out: %q timed out after %v", strings.Join(command, " "), timeout)
	case err != nil:
		return unasked(err)
	}
	said := append(answer.Stdout, answer.Stderr...)
	out := Outcome{Verdict: Success, Message: string(said[:min(len(said), maxWords)])}
	if answer.ExitCode != 0 {
		out.Verdict = Failure
	}
	return out
}
