//go:build linux

package runtime

import (
	"context"
	"log/slog"
	"time"

	"kubelab/kube/containers"
)

// How long to wait before a shim is asked again that lives but cannot be listened to, and before another try to take down what a dead
// one has left.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 10 * time.Second
)

// follow listens to the sandbox's shim until the sandbox is taken down. Should the shim die before, that takes it down. A shim that
// lives keeps its pod, even while it cannot be listened to: the node may be short of something for a while.
func (r *Runtime) follow(sb *sandbox) {
	ctx, unfollow := context.WithCancel(r.context)
	sb.unfollow = unfollow
	shim := sb.shim // the field may only be read by those who hold the sandbox
	r.following.Go(func() {
		defer unfollow()
		for pause := firstPause; ctx.Err() == nil; {
			exits, err := shim.Exits(ctx)
			if err == nil {
				for exit := range exits {
					r.exited(sb, exit)
				}
				pause = firstPause // only the connection broke
			}
			if ctx.Err() != nil {
				return
			} else if !shim.Alive() {
				slog.Warn("a shim died, and its pod's containers with it", "sandbox", sb.record.ID)
				r.takeDownDead(sb)
				return
			} else if err != nil {
				slog.Error("exits of a pod's containers are not heard: will ask its shim again", "sandbox", sb.record.ID, "error", err)
				pause = r.rest(ctx, pause)
			}
		}
	})
}

// takeDownDead takes down a sandbox whose shim is dead, and tries again until it is done or the runtime ends.
func (r *Runtime) takeDownDead(sb *sandbox) {
	for pause := firstPause; r.context.Err() == nil; pause = r.rest(r.context, pause) {
		err := r.takeDown(r.context, sb)
		if err == nil {
			return
		}
		r.quarantine(sb, err)
	}
}

// rest waits, and returns how long to wait the next time.
func (r *Runtime) rest(ctx context.Context, pause time.Duration) time.Duration {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	return min(2*pause, longPause)
}

func (r *Runtime) exited(sb *sandbox, exit containers.Status) {
	r.mu.Lock()
	c := sb.containers[exit.ID]
	r.mu.Unlock()
	if c != nil {
		r.heard(c, exit)
	}
}
