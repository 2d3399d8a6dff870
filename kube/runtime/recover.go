//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"kubelab/kube/containers"
)

// recover makes memory, disk and kernel agree again after the last runtime has ended, in whatever way: it looks, plans
// (PlanRecovery), opens the network for the pods that live, and acts.
func (r *Runtime) recover(ctx context.Context) error {
	dirs, err := os.ReadDir(r.podsDir())
	if err != nil {
		return err
	}
	plan, why := map[string]Verb{}, map[string]string{}
	var plugged []string // those that keep their place in the network
	for _, dir := range dirs {
		id := dir.Name()
		recorded, err := r.load(ctx, id)
		if err != nil {
			return fmt.Errorf("sandbox %s: %w", id, err)
		}
		plan[id], why[id] = PlanRecovery(recorded, recorded && r.sandboxes[id].shim.Alive())
		if plan[id] == Follow && r.sandboxes[id].record.NetNS != "" {
			plugged = append(plugged, id)
		}
	}
	podCIDR, err := r.rememberedRange()
	if err != nil {
		return err
	}
	if podCIDR.IsValid() {
		if err := r.openNetwork(podCIDR, plugged); err != nil {
			return err
		}
	}
	for id, verb := range plan {
		slog.Info("recovery", "do", verb, "sandbox", id, "why", why[id])
		if err := r.carryOut(ctx, verb, id); err != nil {
			return fmt.Errorf("%s sandbox %s: %w", verb, id, err)
		}
	}
	return nil
}

// load brings a sandbox and its containers into memory, if it has a record.
func (r *Runtime) load(ctx context.Context, id string) (recorded bool, err error) {
	sb := &sandbox{ready: true, containers: map[string]*container{}}
	err = readRecord(r.recordFile(id), &sb.record)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if sb.shim, err = containers.ConnectShim(r.shimDir(id)); err != nil {
		return false, err
	}
	all, err := sb.shim.List(ctx)
	if err != nil {
		return false, err
	}
	r.sandboxes[id] = sb
	for _, status := range all {
		c := &container{sandbox: sb, told: true, exited: make(chan struct{})}
		if err := json.Unmarshal([]byte(status.Note), &c.record); err != nil {
			return false, fmt.Errorf("record of container %s: %w", status.ID, err)
		}
		c.status.State = containers.Created
		r.addContainer(c)
		r.heard(c, status)
	}
	return true, nil
}

func (r *Runtime) carryOut(ctx context.Context, verb Verb, id string) error {
	switch verb {
	case Follow:
		return r.follow(r.sandboxes[id])
	case TakeDown:
		return r.takeDown(ctx, r.sandboxes[id])
	}
	return r.discard(ctx, sandboxRecord{ID: id})
}
