package probes

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/trace"
)

// Prober probes the containers of one node.
type Prober struct {
	ctx      context.Context
	runtime  runtimeapi.RuntimeServiceClient
	recorder *trace.Recorder
	born     time.Time
	workers  sync.WaitGroup

	mu   sync.Mutex
	pods map[string]map[string]*probed // by UID, and by ID of a container
}

// Target is a container that runs and has probes, and who wants to know of them.
type Target struct {
	ID      string
	Pod     trace.Ref
	Address string // of its pod, as the node reaches it
	Spec    *corev1.Container
	Started time.Time
	Causes  []trace.ID      // the steps that started it
	Said    map[Kind]Record // what is known before it is asked
	// Event leaves a line for people, Changed has the pod looked at. Both are called by a probe's own goroutine.
	Event   func(ctx context.Context, kind, reason, message string)
	Changed func(causes ...trace.ID)
}

// State is what is known of a container, and the steps by which it is.
type State struct {
	Said   map[Kind]Record
	Causes map[Kind][]trace.ID // of a probe whose verdict changed what follows
}

// probed is a container whose probes are at work, or were until it ended.
type probed struct {
	Target
	stop context.CancelFunc
	wake map[Kind]chan struct{} // when a probe is due may have changed

	mu     sync.Mutex
	ending bool
	said   map[Kind]Record
	causes map[Kind][]trace.ID
	failed map[Kind][]trace.ID // the steps of the failures since the last success
}

// New is a prober whose probes work until ctx is done. Whoever made it waits for it.
func New(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, recorder *trace.Recorder) *Prober {
	return &Prober{ctx: ctx, runtime: runtime, recorder: recorder, born: time.Now(), pods: map[string]map[string]*probed{}}
}

// Wait returns when the last probe has ended.
func (p *Prober) Wait() { p.workers.Wait() }

// Keep probes these containers of a pod, no others, and says what is known of them. Of those that have ended it still knows what is among the
// records that the runtime has. A pod that is ending is asked only what matters for it.
func (p *Prober) Keep(pod string, ending bool, targets []Target, records []string) map[string]State {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.pods[pod]
	if of == nil {
		of = map[string]*probed{}
	}
	running := map[string]bool{}
	for _, target := range targets {
		running[target.ID] = true
		if of[target.ID] == nil && p.ctx.Err() == nil {
			of[target.ID] = p.begin(target)
		}
	}
	states := map[string]State{}
	for id, c := range of {
		if !running[id] {
			c.stop()
		}
		if !running[id] && !slices.Contains(records, id) {
			delete(of, id)
			continue
		}
		states[id] = c.state(ending)
	}
	p.pods[pod] = of
	if len(of) == 0 {
		delete(p.pods, pod)
	}
	return states
}

// begin sets the probes of a container to work.
func (p *Prober) begin(target Target) *probed {
	ctx, stop := context.WithCancel(p.ctx)
	c := &probed{Target: target, stop: stop, wake: map[Kind]chan struct{}{},
		said: map[Kind]Record{}, causes: map[Kind][]trace.ID{}, failed: map[Kind][]trace.ID{}}
	maps.Copy(c.said, target.Said)
	for kind := range Of(target.Spec) {
		c.wake[kind] = make(chan struct{}, 1)
	}
	for kind, probe := range Of(target.Spec) {
		p.workers.Go(func() { p.work(ctx, c, kind, probe) })
	}
	return c
}

// state is what is known of a container, whose pod may be ending by now.
func (c *probed) state(ending bool) State {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ending != c.ending {
		c.ending = ending
		c.wakeAll()
	}
	return State{maps.Clone(c.said), maps.Clone(c.causes)}
}

func (c *probed) wakeAll() {
	for _, wake := range c.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// plan is what is decided for a container now. Its mutex is held.
func (c *probed) plan() Decision {
	return Plan(c.Spec, Observed{Started: c.Started, Ending: c.ending, Said: c.said}, time.Now())
}

// work is the life of one probe: it waits until it is due, and asks. Containers that ran before the kubelet did are not all asked at once.
func (p *Prober) work(ctx context.Context, c *probed, kind Kind, probe *corev1.Probe) {
	if c.Started.Before(p.born) && !rest(ctx, time.Duration(rand.Float64()*float64(seconds(probe.PeriodSeconds)))) {
		return
	}
	for c.await(ctx, kind) {
		asked := time.Now()
		out := p.ask(ctx, c, probe)
		if ctx.Err() != nil {
			return
		}
		p.hear(ctx, c, kind, probe, out, asked)
	}
}

// await waits until a probe is due, and says whether it is to be asked still.
func (c *probed) await(ctx context.Context, kind Kind) bool {
	for {
		c.mu.Lock()
		next, asks := c.plan().Next[kind]
		c.mu.Unlock()
		pause := time.Until(next)
		if asks && pause <= 0 {
			return ctx.Err() == nil
		}
		var due <-chan time.Time
		if asks {
			due = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return false
		case <-c.wake[kind]:
		case <-due:
		}
	}
}

// rest waits, and says whether ctx is still alive.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
