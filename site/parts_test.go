package site_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"kubelab/kube/trace"
	"kubelab/site"
)

// parts are all that can be plugged in, and remember what was done with them.
type parts struct {
	mu    sync.Mutex
	done  []string
	shell func() site.Shell     // nil: echo
	begin func(context.Context) // what beginning a challenge waits for; nil: nothing
}

func (p *parts) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, fmt.Sprintf(format, args...))
}

func (p *parts) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.done...)
}

// untouched says that nobody got through to them.
func (p *parts) untouched(t *testing.T) {
	t.Helper()
	if did := p.all(); len(did) > 0 {
		t.Errorf("the attacker got through: %q", did)
	}
}

func (p *parts) User() string { return "alice" }

func (p *parts) Open(cols, rows uint16) (site.Shell, error) {
	p.note("open %dx%d", cols, rows)
	if p.shell != nil {
		return p.shell(), nil
	}
	return newEcho(p), nil
}

// faulty and gated have the List that parts cannot have twice.
type faulty struct{ *parts }

func (p faulty) List(context.Context) ([]site.Fault, error) {
	return []site.Fault{{Kind: "kill-node", Title: "Cut a host's power", Heavy: true, Targets: []site.Target{{Target: "node-1", Command: "kube node kill node-1"}}}}, nil
}

func (p faulty) Inject(_ context.Context, kind, target string) (string, error) {
	if kind != "kill-node" {
		return "", fmt.Errorf("fault %s: %w", kind, site.ErrUnknown)
	}
	p.note("%s %s", kind, target)
	return "kube node kill " + target, nil
}

type gated struct{ *parts }

func (p gated) List(context.Context) ([]site.Gate, error) {
	return []site.Gate{{Loop: "scheduler", Held: len(p.all()) > 0, Waiting: []trace.Ref{}}}, nil
}

func (p gated) Set(_ context.Context, loop, action string) error {
	p.note("%s %s", action, loop)
	return nil
}

func (p *parts) Send(_ context.Context, r site.Request) (site.Reply, error) {
	if r.From.Pod != "client" {
		return site.Reply{}, fmt.Errorf("pod %s: %w", r.From.Pod, site.ErrUnknown)
	}
	p.note("ask %s:%d", r.Service.Name, r.Service.Port)
	return site.Reply{Output: "web-1", Endpoint: "10.244.1.9:8080", Milliseconds: 4}, nil
}

func (p *parts) Has(name string) bool { return name == "03-pods" }

func (p *parts) Lab(_ context.Context, name string) (any, error) {
	return map[string]string{"name": name}, nil
}

func (p *parts) Check(ctx context.Context, name, step string, saw func(any) error) error {
	p.note("check %s %s", name, step)
	if err := saw(map[string]any{"step": step, "done": true}); err != nil {
		return err
	}
	<-ctx.Done()
	p.note("end of check")
	return ctx.Err()
}

func (p *parts) Predict(_ context.Context, name, step string, answers []string) error {
	if len(answers) != 1 {
		return fmt.Errorf("%w: one answer, please", site.ErrRefused)
	}
	p.note("predict %s %s %q", name, step, answers)
	return nil
}

func (p *parts) Hint(_ context.Context, name, id string) error {
	p.note("hint %s %s", name, id)
	return nil
}

func (p *parts) Begin(ctx context.Context, name, challenge string) error {
	p.note("begin %s %s", name, challenge)
	if p.begin != nil {
		p.begin(ctx)
	}
	return ctx.Err()
}

func (p *parts) Reset(_ context.Context, name string) error {
	p.note("reset %s", name)
	return nil
}

func (p *parts) Tidy(_ context.Context, name string) error {
	p.note("tidy for %s", name)
	return nil
}

// echo is a shell that prints what it reads.
type echo struct {
	*io.PipeReader
	in    *io.PipeWriter
	parts *parts
}

func newEcho(p *parts) *echo {
	out, in := io.Pipe()
	return &echo{out, in, p}
}

func (e *echo) Write(typed []byte) (int, error) { return e.in.Write(typed) }

func (e *echo) Resize(cols, rows uint16) error {
	e.parts.note("resize %dx%d", cols, rows)
	return nil
}

func (e *echo) Wait() int { return 3 }

func (e *echo) Close() error {
	e.parts.note("close")
	return e.in.Close()
}
