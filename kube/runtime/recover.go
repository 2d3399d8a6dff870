//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// shimPatience is how long a shim may take to tell what it has: longer than any real one, and short enough for the others to wait for.
const shimPatience = 10 * time.Second

// recover makes memory, disk and kernel agree again after the last runtime has ended, in whatever way: it looks, plans
// (PlanRecovery), opens the network for the pods that live, and acts. A sandbox for which that fails does not keep the others.
func (r *Runtime) recover(ctx context.Context) error {
	dirs, err := os.ReadDir(r.podsDir())
	if err != nil {
		return err
	}
	plan, why := map[string]Verb{}, map[string]string{}
	plugged := map[string]netip.Addr{} // those that keep their place in the network
	for _, dir := range dirs {
		id := dir.Name()
		sb, err := r.load(ctx, id)
		plan[id], why[id] = PlanRecovery(sb != nil, sb != nil && sb.shim.Alive(), err)
		if sb != nil && plan[id] != TakeDown && sb.record.NetNS != "" {
			plugged[id], _ = netip.ParseAddr(sb.record.IP) // without one, the network gives another
		}
	}
	if podCIDR := r.rememberedRange(); podCIDR.IsValid() {
		if err := r.openNetwork(podCIDR, plugged); err != nil {
			return err
		}
	}
	for id, verb := range plan {
		slog.Info("recovery", "do", verb, "sandbox", id, "why", why[id])
		r.carryOut(ctx, verb, id, why[id])
	}
	return nil
}

// load brings a sandbox and its containers into memory. Nil is one that has no record, or none that can be read. An error beside a
// sandbox says that its containers are not known.
func (r *Runtime) load(ctx context.Context, id string) (*sandbox, error) {
	sb := &sandbox{ready: true, containers: map[string]*container{}}
	if err := readRecord(r.recordFile(id), &sb.record); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read its record: %w", err)
	} else if sb.record.ID != id || sb.record.Config.GetMetadata() == nil {
		return nil, errors.New("read its record: it is of no pod")
	}
	sb.shim = &containers.Shim{Sandbox: r.shimConfig(sb.record)}
	r.sandboxes[id] = sb
	patience, cancel := context.WithTimeout(ctx, shimPatience)
	defer cancel()
	all, err := sb.shim.List(patience)
	if err != nil {
		return sb, fmt.Errorf("ask its shim: %w", err)
	}
	for _, now := range all {
		c := &container{sandbox: sb, told: true, exited: make(chan struct{})}
		if err := json.Unmarshal([]byte(now.Note), &c.record); err != nil || c.record.Told.GetMetadata() == nil {
			slog.Error("recovery: a container without a record is removed, as nobody can stop it any more", "sandbox", id, "container", now.ID, "error", err)
			if err := sb.shim.Delete(patience, now.ID); err != nil {
				return sb, fmt.Errorf("remove container %s, whose record cannot be read: %w", now.ID, err)
			}
			continue
		}
		c.status.State = containers.Created
		r.addContainer(c)
		r.heard(c, now)
	}
	return sb, nil
}

// carryOut does what was planned for one sandbox. What fails is told in the log and by the sandbox itself, and left to be repeated:
// to whoever stops a sandbox that is not ready, and for what no one knows of to the next start.
func (r *Runtime) carryOut(ctx context.Context, verb Verb, id, why string) {
	sb := r.sandboxes[id]
	switch verb {
	case Follow:
		r.follow(sb)
	case TakeDown:
		if err := r.takeDown(ctx, sb); err != nil {
			r.quarantine(sb, err)
		}
	case Quarantine:
		r.quarantine(sb, errors.New(why))
	case Discard:
		record := sandboxRecord{ID: id}
		r.ownCgroup(&record) // one that a kubelet made is its to remove
		if err := r.discard(ctx, record); err != nil {
			slog.Error("recovery: what is left of a sandbox stays until the next start", "sandbox", id, "error", err)
		}
	}
}

// endQuarantined takes down what is in quarantine of a pod that shall have a new sandbox: it must not run twice.
func (r *Runtime) endQuarantined(ctx context.Context, pod *cri.PodSandboxMetadata) error {
	var found []*sandbox
	r.mu.Lock()
	for _, sb := range r.sandboxes {
		if sb.trouble != nil && sb.record.Config.Metadata.Uid == pod.Uid {
			found = append(found, sb)
		}
	}
	r.mu.Unlock()
	for _, sb := range found {
		if err := r.takeDown(ctx, sb); err != nil {
			return status.Errorf(codes.FailedPrecondition, "what the pod has in an earlier sandbox may still run, and cannot be stopped: %v", err)
		}
	}
	return nil
}

// quarantine keeps a sandbox away from all but StopPodSandbox and RemovePodSandbox.
func (r *Runtime) quarantine(sb *sandbox, trouble error) {
	slog.Error("a sandbox is not ready until it can be stopped", "sandbox", sb.record.ID,
		"pod", sb.record.Config.GetMetadata().GetNamespace()+"/"+sb.record.Config.GetMetadata().GetName(), "error", trouble)
	r.mu.Lock()
	defer r.mu.Unlock()
	before := sb.usable()
	sb.trouble = trouble
	if before == nil {
		r.tell(cri.ContainerEventType_CONTAINER_STOPPED_EVENT, sb, sb.record.ID)
	}
}
