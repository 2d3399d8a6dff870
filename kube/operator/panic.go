package operator

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"kubelab/kube/trace"
)

// safely turns a panic into an error: one bad object must not stop a loop that serves all others. It becomes a step, too:
// who asks why nothing came of the object learns of it, and where it was.
func (l *Loop) safely(ctx context.Context, key Key) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			slog.Error("a turn of the loop panicked", "loop", l.name, "key", key, "panic", p, "stack", string(debug.Stack()))
			at := panickedAt()
			l.recorder.Record(ctx, trace.Step{Verb: "panic", Detail: fmt.Sprintf("at %s: %v", at, p), Source: at,
				Object: trace.Ref{Resource: l.resource, Namespace: key.Namespace, Name: key.Name}})
		}
	}()
	return l.reconcile(ctx, key)
}

// panickedAt is where the panic was that is being recovered from: below Go's own part of the stack.
func panickedAt() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicked := false
	for {
		frame, more := frames.Next()
		ours := !strings.HasPrefix(frame.Function, "runtime.")
		if panicked && ours || !more {
			return trace.SourceOf(frame.File, frame.Line)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
	}
}
