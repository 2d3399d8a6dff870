//go:build linux

package runtime

import (
	"context"
	"fmt"
	"log/slog"

	"kubelab/kube/containers"
)

// recover makes memory, disk and kernel agree again after the last runtime has ended, in whatever way: it looks, plans
// (PlanRecovery), opens the network for the pods that live, and acts.
func (r *Runtime) recover(ctx context.Context) error {
	records, err := r.readSandboxes()
	if err != nil {
		return err
	}
	var recorded []Recorded
	living := map[string]Living{}
	for _, record := range records {
		one := Recorded{ID: record.ID, Phase: record.Phase, Containers: map[string]bool{}}
		if record.Phase != "" {
			if living[record.ID], err = r.load(ctx, record, one.Containers); err != nil {
				return fmt.Errorf("sandbox %s: %w", record.ID, err)
			}
		}
		recorded = append(recorded, one)
	}
	plan := PlanRecovery(recorded, living)
	podCIDR, err := r.rememberedRange()
	if err != nil {
		return err
	}
	if podCIDR.IsValid() {
		if err := r.openNetwork(podCIDR, r.plugged(plan)); err != nil {
			return err
		}
	}
	for _, action := range plan {
		slog.Info("recovery", "do", action.Verb, "sandbox", action.Sandbox, "container", action.Container, "why", action.Why)
		if err := r.carryOut(ctx, action, records); err != nil {
			return fmt.Errorf("%s %s%s: %w", action.Verb, action.Sandbox, action.Container, err)
		}
	}
	return nil
}

// load brings a sandbox and its containers into memory, and finds out what is alive. It notes in ended which containers are recorded.
func (r *Runtime) load(ctx context.Context, record sandboxRecord, ended map[string]bool) (Living, error) {
	sb := &sandbox{record: record, containers: map[string]*container{}}
	r.sandboxes[record.ID] = sb
	now, statuses := Living{Containers: map[string]containers.State{}}, map[string]containers.Status{}
	if record.Phase == Ready {
		var err error
		if sb.shim, err = containers.ConnectShim(r.shimDir(record.ID)); err != nil {
			return now, err
		}
		all, err := sb.shim.List(ctx)
		if err != nil {
			return now, err
		}
		for _, status := range all {
			statuses[status.ID], now.Containers[status.ID] = status, status.State
		}
		now.Shim = sb.shim.Alive()
	}
	records, err := r.readContainers(record.ID)
	if err != nil {
		return now, err
	}
	for _, record := range records {
		ended[record.ID] = record.Last != nil
		c := &container{sandbox: sb, name: record.Told.Metadata.Name, record: record, told: true, exited: make(chan struct{})}
		c.status.State = containers.Created
		r.addContainer(c)
		if record.Last != nil {
			r.heard(c, *record.Last)
		} else if status, known := statuses[record.ID]; known {
			r.heard(c, status)
		}
	}
	return now, nil
}

// plugged are the sandboxes that keep their place in the network.
func (r *Runtime) plugged(plan []Action) []string {
	var pods []string
	for _, action := range plan {
		if action.Verb == Follow && r.sandboxes[action.Sandbox].record.NetNS != "" {
			pods = append(pods, action.Sandbox)
		}
	}
	return pods
}

func (r *Runtime) carryOut(ctx context.Context, action Action, records []sandboxRecord) error {
	sb := r.sandboxes[action.Sandbox]
	switch action.Verb {
	case Follow:
		return r.follow(sb)
	case TakeDown:
		return r.takeDown(ctx, sb)
	case DiscardContainer:
		if c := r.containers[action.Container]; c != nil {
			r.forgetContainer(c)
		}
		return r.discardContainer(ctx, sb.shim, action.Container)
	case DiscardSandbox:
		for _, record := range records {
			if record.ID == action.Sandbox {
				return r.discard(ctx, record)
			}
		}
	}
	return nil
}
