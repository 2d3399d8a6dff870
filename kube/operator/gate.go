package operator

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/component"
	"kubelab/kube/trace"
)

// StepMode names the ConfigMap in kube-system that holds loops. In its data, scheduler: "2" says that the scheduler is
// held and that two turns were let go on meanwhile; routes.node-1 is the loop of one host only.
const StepMode = component.StepMode

// watchStepMode watches that one object, for all loops of a component.
func watchStepMode(clients kubernetes.Interface) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithNamespace(metav1.NamespaceSystem),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = "metadata.name=" + StepMode }))
}

// gate is where a loop's keys wait in step mode. Leases are renewed outside of loops: no heartbeat and no election
// ever waits here. Who uses it holds mu.
type gate struct {
	mu      sync.Mutex
	held    bool
	let     int          // how many turns the ConfigMap has let go on since it holds the loop
	spare   int          // how many of these no key has taken yet
	waiting []Key        // in the order in which they came
	going   map[Key]bool // have waited and may go on
}

// pass says whether a turn may go on. If not, its key waits; come says that it did not wait before.
func (g *gate) pass(key Key) (passed, come bool) {
	switch {
	case !g.held, g.going[key]:
		delete(g.going, key)
		return true, false
	case g.spare > 0:
		g.spare--
		return true, false
	case slices.Contains(g.waiting, key):
		return false, false
	}
	g.waiting = append(g.waiting, key)
	return false, true
}

// set takes over what the ConfigMap says and returns the keys that may go on now.
func (g *gate) set(held bool, let int) []Key {
	switch {
	case !held:
		g.spare = len(g.waiting)
	case g.held:
		g.spare += max(0, let-g.let)
	}
	n := min(g.spare, len(g.waiting))
	going := g.waiting[:n]
	g.held, g.let, g.spare, g.waiting = held, let, g.spare-n, g.waiting[n:]
	if g.going == nil {
		g.going = map[Key]bool{}
	}
	for _, key := range going {
		g.going[key] = true
	}
	return going
}

// obeyStepMode lets the ConfigMap hold the loop. It returns when it is known what the ConfigMap says now.
func (l *Loop) obeyStepMode(ctx context.Context) error {
	watch := l.stepMode.Core().V1().ConfigMaps().Informer()
	registration, err := watch.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.obey(object, false) },
		UpdateFunc: func(_, object any) { l.obey(object, false) },
		DeleteFunc: func(object any) { l.obey(object, true) },
	})
	if err != nil {
		return fmt.Errorf("let %s be held in step mode: %w", l.name, err)
	}
	l.stepMode.StartWithContext(ctx)
	cache.WaitFor(ctx, "", registration.HasSyncedChecker())
	return nil
}

func (l *Loop) obey(object any, deleted bool) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj // deleted while the watch was away
	}
	is, ok := object.(*corev1.ConfigMap)
	if !ok || is.Name != StepMode {
		return
	}
	said, held := is.Data[l.name+"."+l.recorder.Host()]
	if !held {
		said, held = is.Data[l.name]
	}
	let, _ := strconv.Atoi(said) // whatever else it says holds the loop, too
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	for _, key := range l.gate.set(held && !deleted, let) {
		l.note(key, "resume", trace.Wrote(is.ResourceVersion))
		l.queue.Add(key)
	}
}

// mayGoOn says whether a turn may go on. If not, its key waits for leave.
func (l *Loop) mayGoOn(key Key) bool {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	passed, come := l.gate.pass(key)
	if come {
		l.note(key, "hold")
	}
	return passed
}

// note records that a key waits or goes on. This is then the cause of all that the key's turn does.
func (l *Loop) note(key Key, verb string, causes ...trace.ID) {
	ids, roots := l.why.take(key, time.Now())
	ctx := trace.WithRoots(context.Background(), l.recorder, append(ids, causes...), roots...)
	l.why.add(key, []trace.ID{l.recorder.Record(ctx, trace.Step{Verb: verb, Detail: l.name,
		Object: trace.Ref{Resource: l.resource, Namespace: key.Namespace, Name: key.Name}})})
}
