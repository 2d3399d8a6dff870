//go:build linux

// Package steps is how the runtime says what it did. It does not know the API server, so it gives the steps of a call back to the caller
// (see kube/trace/cri.go), who records them. They travel in the call's context until it ends.
package steps

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/trace"
)

type notesKey struct{}

// notes are the steps made in one call.
type notes struct {
	mu    sync.Mutex
	pod   trace.Ref
	steps []trace.Step
}

// About says which pod the call is about. Without that, nothing is noted.
func About(ctx context.Context, pod *cri.PodSandboxMetadata) {
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.pod = trace.Ref{Resource: "pods", Namespace: pod.GetNamespace(), Name: pod.GetName()}
	}
}

// Note takes down a step that was just made.
func Note(ctx context.Context, verb, format string, args ...any) {
	NoteAt(ctx, time.Now(), verb, format, args...)
}

// NoteAt takes down a step that was made before somebody noticed.
func NoteAt(ctx context.Context, at time.Time, verb, format string, args ...any) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	step := trace.Step{Time: at, Component: "runtime", Verb: verb, Detail: fmt.Sprintf(format, args...)}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pod.Name == "" {
		return
	}
	step.Object = n.pod
	n.steps = append(n.steps, trace.Fill(ctx, step))
}

// TellNow gives the caller the steps that were made so far, for the rest of the call may take long. Once in a call.
func TellNow(ctx context.Context) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	if err := n.give(func(steps metadata.MD) error { return grpc.SendHeader(ctx, steps) }); err != nil {
		slog.Warn("steps are lost", "error", err)
	}
}

// give hands over the steps that were not handed over yet.
func (n *notes) give(to func(metadata.MD) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	steps, err := trace.EncodeSteps(n.steps)
	if err != nil || steps == "" {
		return err
	}
	n.steps = nil
	return to(metadata.Pairs(trace.CRIStepsKey, steps))
}

// Intercept hands a call its causes, and its caller the steps, whether the call worked or not.
func Intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if received, ok := metadata.FromIncomingContext(ctx); ok {
		for _, causes := range received.Get(trace.CRICausesKey) {
			ctx = trace.DecodeCauses(ctx, causes)
		}
	}
	n := &notes{}
	response, err := handler(context.WithValue(ctx, notesKey{}, n), request)
	if err := n.give(func(steps metadata.MD) error { return grpc.SetTrailer(ctx, steps) }); err != nil {
		slog.Warn("steps are lost", "call", info.FullMethod, "error", err)
	}
	return response, err
}
