package operator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/util/workqueue"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/component"
	"kubelab/kube/trace"
)

// Key names what one turn of a loop is about: an object by namespace and name.
type Key = types.NamespacedName

// Reconcile makes what is there like what is wanted, for one key. It must bear being called too often.
// An error brings the key back after a pause.
type Reconcile func(ctx context.Context, key Key) error

// Loop is a queue of keys and the workers that take them out.
type Loop struct {
	name      string
	resource  string // of the objects that the keys name
	workers   int
	reconcile Reconcile
	recorder  *trace.Recorder
	stepMode  informers.SharedInformerFactory
	queue     workqueue.TypedRateLimitingInterface[Key]
	why       reasons
	gate      gate
}

// The pause before a key comes back after an error: it doubles from the first to the last.
const (
	retryFirst = 5 * time.Millisecond
	retryLast  = 30 * time.Second
)

// NewLoop makes a loop, as it is declared, that works on up to workers keys at once. client records what the clock sets off.
func NewLoop(declared component.Loop, workers int, client *Client, reconcile Reconcile) *Loop {
	return &Loop{
		name: declared.Name, resource: declared.Resource, workers: workers, reconcile: reconcile, recorder: client.Recorder, stepMode: client.stepMode,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[Key](retryFirst, retryLast)),
	}
}

// Add puts key into the queue. The causes are joined to those of the key that wait there already.
func (l *Loop) Add(key Key, causes ...trace.ID) {
	l.why.add(key, causes)
	l.queue.Add(key)
}

// After puts key into the queue when d has passed. what says which time came ("back-off over"): if the
// turn then changes anything, it becomes the root of the change.
func (l *Loop) After(key Key, d time.Duration, what string) {
	if d > 0 {
		l.why.await(key, time.Now().Add(d), what)
	}
	l.queue.AddAfter(key, d)
}

// Run works until ctx is done and returns when every worker has stopped. It begins when the API server has said
// whether the loop is held.
func (l *Loop) Run(ctx context.Context) error {
	if err := l.obeyStepMode(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, l.queue.ShutDown)
	defer stop()
	var workers errgroup.Group
	for range l.workers {
		workers.Go(func() error {
			for l.turn(ctx) {
			}
			return nil
		})
	}
	return workers.Wait()
}

// turn takes one key out and reconciles it. It returns false when the queue is shut down.
func (l *Loop) turn(ctx context.Context) bool {
	key, shutdown := l.queue.Get()
	if shutdown {
		return false
	}
	defer l.queue.Done(key)
	if !l.mayGoOn(key) {
		return true
	}
	ids, roots := l.why.take(key, time.Now())
	why := trace.WithRoots(ctx, l.recorder, ids, roots...)
	err := l.safely(why, key)
	switch {
	case err == nil:
		l.queue.Forget(key)
	case ctx.Err() != nil:
		// The program ends; whoever starts next looks at everything anew.
	default:
		l.why.add(key, trace.Causes(why)) // what failed is still owed, and for the same reasons
		l.log(key, err)
		l.queue.AddRateLimited(key)
	}
	return true
}

// log keeps quiet about what happens all the time: somebody else wrote first, so this turn was about
// an object that is out of date, and the next one will see the new one.
func (l *Loop) log(key Key, err error) {
	if apierrors.IsConflict(err) || errors.Is(err, context.Canceled) {
		return
	}
	slog.Warn("will try again", "loop", l.name, "key", key, "error", err)
}
