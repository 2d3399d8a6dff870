//go:build linux

package cluster

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"github.com/opencontainers/cgroups"
)

// In cgroup v2 a tree has one master. Where that is systemd, a part of the tree is ours only if systemd
// hands it over: a scope with Delegate=yes (systemd.resource-control(5)). It also takes our processes
// out of the session of the person who started us, which ends when they log out.

const scopeSlice = "/system.slice"

// cgroupRoot is the cgroup of a cluster.
func cgroupRoot(cluster string) string {
	if needsScope() {
		return path.Join(scopeSlice, scopeName(cluster))
	}
	return path.Join(cgroupTop, cluster)
}

func scopeName(cluster string) string { return "kubelab-" + cluster + ".scope" }

func needsScope() bool {
	_, err := os.Stat("/run/systemd/system") // sd_booted(3): systemd is the init system
	return err == nil && cgroups.IsCgroup2UnifiedMode()
}

// ensureScope makes the cluster's scope with the process in it, unless the scope is there. It goes by
// itself when its last process has ended.
func ensureScope(ctx context.Context, cluster string, pid int) error {
	if _, err := os.Stat(filepath.Join(cgroupMount, cgroupRoot(cluster))); err == nil {
		return nil
	}
	systemd, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return fmt.Errorf("ask systemd for a scope: %w", err)
	}
	defer systemd.Close()
	done := make(chan string, 1)
	_, err = systemd.StartTransientUnitContext(ctx, scopeName(cluster), "replace", []dbus.Property{
		dbus.PropDescription("kubelab cluster " + cluster),
		dbus.PropPids(uint32(pid)),
		{Name: "Delegate", Value: godbus.MakeVariant(true)},
	}, done)
	if err != nil {
		return fmt.Errorf("ask systemd for a scope: %w", err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("systemd did not make the scope %s: %s", scopeName(cluster), result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
