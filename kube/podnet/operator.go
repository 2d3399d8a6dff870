//go:build linux

package podnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/utils/keymutex"
)

// Open makes a router of the network namespace of the calling thread, and mends what a crash left behind.
// What is there already, stays: pods of cfg.Pods keep their addresses and their connections.
func Open(cfg Config) (*Network, error) {
	if !cfg.PodCIDR.Addr().Is4() || cfg.PodCIDR != cfg.PodCIDR.Masked() || cfg.PodCIDR.Bits() > 29 {
		return nil, fmt.Errorf("pod range %q: want an IPv4 range of at least 8 addresses, such as 10.244.1.0/24", cfg.PodCIDR)
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "netns"), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of pod namespaces: %w", err)
	}
	n := &Network{cfg: cfg, gateway: Gateway(cfg.PodCIDR), busy: keymutex.NewHashed(64)}
	if err := n.readAddresses(); err != nil {
		return nil, err
	}
	err := onOwnThread(n.setUpNode)
	if err == nil {
		err = n.repair()
	}
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Close ends the use of the network. Pods, routes and rules stay as they are.
func (n *Network) Close() {
	if n.links != nil {
		n.links.Close()
	}
}

// Attach gives the pod id an address, and a network namespace in which eth0 has it. If the pod is attached already, Attach returns the
// same again. The address is on disk before the kernel knows of it. After an error, nothing of the pod is left.
func (n *Network) Attach(ctx context.Context, id string) (Attachment, error) {
	if id == "" || strings.ContainsAny(id, "/.") {
		return Attachment{}, fmt.Errorf("pod id %q: want letters, digits and dashes", id)
	}
	if err := ctx.Err(); err != nil {
		return Attachment{}, err
	}
	n.busy.LockKey(id)
	defer n.busy.UnlockKey(id)
	ip, err := n.giveAddress(id)
	if err != nil {
		return Attachment{}, fmt.Errorf("attach pod %s: %w", id, err)
	}
	pod := n.attachment(id, ip)
	if err := n.plug(pod); err != nil {
		return Attachment{}, fmt.Errorf("attach pod %s: %w", id, errors.Join(err, n.remove(id)))
	}
	return pod, nil
}

// Detach removes the pod's namespace and frees its address. It is no error if the pod is not attached. The kernel deletes the cable a few
// milliseconds later, when it frees the namespace, once no process and no socket of the pod is left: end them first.
func (n *Network) Detach(_ context.Context, id string) error {
	n.busy.LockKey(id)
	defer n.busy.UnlockKey(id)
	if err := n.remove(id); err != nil {
		return fmt.Errorf("detach pod %s: %w", id, err)
	}
	return nil
}

// Get returns the place of the pod id, and false if it has none.
func (n *Network) Get(id string) (Attachment, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ip, ok := n.addrs.Pods[id]
	if !ok {
		return Attachment{}, false
	}
	return n.attachment(id, ip), true
}

// remove takes the pod id away: its address last, for as long as that is on disk the next Open finishes what a crash cut short. The cable is
// left to the kernel, which deletes those of many namespaces together: fifty pods are gone after 50 ms, against 1.8 s
// when each cable is deleted by itself, since each deletion waits until no CPU can be using it (RCU).
func (n *Network) remove(id string) error {
	if err := RemoveNetNS(n.netNSPath(id)); err != nil {
		return err
	}
	return n.freeAddress(id)
}

// repair carries out PlanRepair.
func (n *Network) repair() error {
	existing, err := n.existing()
	if err != nil {
		return err
	}
	for _, step := range PlanRepair(n.cfg.PodCIDR, n.addrs.Pods, existing, slices.Sorted(maps.Keys(n.cfg.Pods))) {
		if err := n.carryOut(step); err != nil { // the other pods' connections are no worse for it
			slog.Error("repair pod network", "do", step.Verb, "pod", step.ID, "port", step.Port, "error", err)
		}
	}
	return nil
}

func (n *Network) carryOut(step Repair) error {
	switch step.Verb {
	case UnplugPort:
		return n.unplug(step.Port)
	case DropNetNS:
		return RemoveNetNS(n.netNSPath(step.ID))
	case FreeAddress:
		return n.freeAddress(step.ID)
	case Plug:
		return n.plug(n.attachment(step.ID, step.IP))
	}
	return nil
}

// existing looks at what the kernel has.
func (n *Network) existing() (Existing, error) {
	ports, err := n.portsUp()
	if err != nil {
		return Existing{}, err
	}
	files, err := os.ReadDir(filepath.Join(n.cfg.Dir, "netns"))
	if err != nil {
		return Existing{}, fmt.Errorf("list the pods' namespaces: %w", err)
	}
	found := Existing{NetNS: map[string]bool{}, Ports: ports}
	for _, f := range files {
		found.NetNS[f.Name()] = isNetNS(n.netNSPath(f.Name()))
	}
	return found, nil
}
