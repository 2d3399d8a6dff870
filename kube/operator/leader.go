package operator

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"kubelab/kube/trace"
)

// A lease that is not renewed for leaseTerm is free for others. Its holder gives up earlier, after
// renewEvery and renewWithin together: at no instant do two believe that they lead, as long as their clocks run at the same speed.
const (
	leaseTerm   = 4 * time.Second
	renewWithin = 2500 * time.Millisecond
	renewEvery  = time.Second
)

// Lead runs run while this process holds the Lease kube-system/<lease>, so that of many copies of a
// program one works and the others stand by. It waits for the lease as long as it takes. run's context
// ends when the lease is lost or ctx is done, and Lead returns when run has returned. A lost lease is an
// error: whoever started the program starts it again, and it stands by.
//
// identity is the holder's name. A program that comes back under the same name continues its own term at once.
func (c *Client) Lead(ctx context.Context, lease, identity string, run func(context.Context) error) error {
	// Once serves as a gate: after the election run either has ended, or will never start.
	var (
		once   sync.Once
		result error
	)
	lost := fmt.Errorf("lost the lease %s/%s", metav1.NamespaceSystem, lease)
	ctx = trace.WithCauses(ctx) // an election is nobody's doing
	if err := c.ready(ctx); err != nil {
		return err
	}
	election, end := context.WithCancel(ctx)
	defer end()
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: lease,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: lease},
			Client:     c.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		LeaseDuration: leaseTerm, RenewDeadline: renewWithin, RetryPeriod: renewEvery,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				once.Do(func() {
					result = run(leading)
					if leading.Err() != nil && ctx.Err() == nil {
						result = lost
					}
				})
				end()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("stand for election as %s: %w", lease, err)
	}
	elector.Run(election)
	once.Do(func() { result = cmp.Or(ctx.Err(), lost) })
	return result
}

// ready waits until the API server has the lease's namespace, which it makes when it starts: a candidate that asks
// too early would only ask again half a second later.
func (c *Client) ready(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := c.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
		return err == nil, nil
	})
}
