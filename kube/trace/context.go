package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

type contextKey int

const (
	causesKey contextKey = iota
	reasonKey
	planKey
)

// causes are what a piece of work was set off by. The roots among them are recorded only when the work
// comes to something: a timer that fires and finds nothing to do leaves no step behind.
type causes struct {
	mu       sync.Mutex
	ids      []ID
	recorder *Recorder
	pending  []Step
}

// WithCauses returns a context in which every step is caused by ids. They replace what ctx had.
func WithCauses(ctx context.Context, ids ...ID) context.Context {
	return context.WithValue(ctx, causesKey, &causes{ids: ids})
}

// WithRoots is [WithCauses] with roots that are not recorded yet: recorder records them the first time
// that somebody asks for the causes in this context.
func WithRoots(ctx context.Context, recorder *Recorder, ids []ID, roots ...Step) context.Context {
	return context.WithValue(ctx, causesKey, &causes{ids: ids, recorder: recorder, pending: roots})
}

// Causes are the causes in ctx, without duplicates.
func Causes(ctx context.Context) []ID {
	c, ok := ctx.Value(causesKey).(*causes)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, root := range c.pending {
		c.ids = append(c.ids, c.recorder.Record(context.Background(), root))
	}
	c.pending = nil
	slices.Sort(c.ids)
	c.ids = slices.Compact(c.ids)
	return slices.Clone(c.ids)
}

// reason is what [Because] leaves in a context.
type reason struct{ detail, source string }

// Because returns a context whose steps carry the given reason and the line of source that gave it. Use
// it where a decision is made: ctx = trace.Because(ctx, "wanted %d, have %d", wanted, have).
func Because(ctx context.Context, format string, args ...any) context.Context {
	r := reason{detail: fmt.Sprintf(format, args...)}
	if _, file, line, ok := runtime.Caller(1); ok {
		r.source = SourceOf(file, line)
	}
	return context.WithValue(ctx, reasonKey, r)
}

// Decided returns a context whose steps carry the plan that a loop made: what it compared and what it chose, as
// JSON. A plan that is too large to travel is left out; its reason is not.
func Decided(ctx context.Context, plan any) context.Context {
	document, err := json.Marshal(plan)
	if err != nil || len(document) > maxPlan {
		return ctx
	}
	return context.WithValue(ctx, planKey, json.RawMessage(document))
}

func planOf(ctx context.Context) json.RawMessage {
	plan, _ := ctx.Value(planKey).(json.RawMessage)
	return plan
}

// SourceOf is how a step's Source names a line of the file with that path.
func SourceOf(file string, line int) string { return fmt.Sprintf("%s:%d", inRepository(file), line) }

// inRepository cuts a path down to what follows the project's root: kube/scheduler/operator.go.
func inRepository(file string) string {
	if i := strings.LastIndex(file, "/kube/"); i >= 0 {
		return file[i+1:]
	}
	if rest, found := strings.CutPrefix(file, "kubelab/"); found { // built with -trimpath
		return rest
	}
	return filepath.Base(file)
}

func reasonOf(ctx context.Context) reason {
	r, _ := ctx.Value(reasonKey).(reason)
	return r
}
