//go:build linux

package podnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"

	"kubelab/kube/atomicfile"
)

// addresses is the content of addresses.json: the node's part of the cluster's address plan.
type addresses struct {
	PodCIDR netip.Prefix          `json:"podCIDR"`
	Last    netip.Addr            `json:"last"` // the address given most recently
	Pods    map[string]netip.Addr `json:"pods"` // by pod id
}

// addressFile is where a network keeps its addresses.
func (n *Network) addressFile() string { return filepath.Join(n.cfg.Dir, "addresses.json") }

// readAddresses reads what a former Network of this directory gave out. Pods in another range are an error while there are any.
func (n *Network) readAddresses() error {
	n.addrs = addresses{PodCIDR: n.cfg.PodCIDR, Pods: map[string]netip.Addr{}}
	content, err := os.ReadFile(n.addressFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the pods' addresses: %w", err)
	}
	var old addresses
	if err := json.Unmarshal(content, &old); err != nil {
		slog.Error("the pods' addresses cannot be read: go on with those that the pods are known to have", "file", n.addressFile(), "error", err)
		old = addresses{PodCIDR: n.cfg.PodCIDR, Pods: maps.Clone(n.cfg.Pods)}
	}
	if old.PodCIDR == n.cfg.PodCIDR {
		n.addrs.Last = old.Last
		if old.Pods != nil {
			n.addrs.Pods = old.Pods
		}
		return nil
	}
	if len(old.Pods) > 0 && len(n.cfg.Pods) > 0 {
		return fmt.Errorf("the node's pod range changes from %s to %s while %d pods have addresses: remove the pods first",
			old.PodCIDR, n.cfg.PodCIDR, len(old.Pods))
	}
	return nil
}

// giveAddress returns the address of the pod id; a new one, already on disk, if it has none.
func (n *Network) giveAddress(id string) (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ip, ok := n.addrs.Pods[id]; ok {
		return ip, nil
	}
	ip, err := PlanAddress(n.cfg.PodCIDR, inUse(n.addrs.Pods), n.addrs.Last)
	if err != nil {
		return netip.Addr{}, err
	}
	last := n.addrs.Last
	n.addrs.Pods[id], n.addrs.Last = ip, ip
	if err := n.writeAddresses(); err != nil {
		delete(n.addrs.Pods, id)
		n.addrs.Last = last
		return netip.Addr{}, err
	}
	return ip, nil
}

// freeAddress forgets the address of the pod id.
func (n *Network) freeAddress(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	ip, ok := n.addrs.Pods[id]
	if !ok {
		return nil
	}
	delete(n.addrs.Pods, id)
	if err := n.writeAddresses(); err != nil {
		n.addrs.Pods[id] = ip
		return err
	}
	return nil
}

// writeAddresses replaces addresses.json such that a crash leaves the old or the new content. The caller holds mu.
func (n *Network) writeAddresses() error {
	content, err := json.MarshalIndent(n.addrs, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the pods' addresses: %w", err)
	}
	if err := atomicfile.Write(n.addressFile(), content, 0o644); err != nil {
		return fmt.Errorf("write the pods' addresses: %w", err)
	}
	return nil
}
