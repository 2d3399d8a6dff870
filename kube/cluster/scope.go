//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

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

// ensureScope makes the cluster's scope with the process in it, unless there is one with other processes.
func ensureScope(ctx context.Context, cluster string, pid int) error {
	events, err := os.ReadFile(filepath.Join(cgroupMount, cgroupRoot(cluster), "cgroup.events"))
	if err == nil && strings.Contains(string(events), "populated 1") {
		return nil
	}
	return withSystemd(ctx, func(systemd *dbus.Conn, done chan<- string) error {
		_, err := systemd.StartTransientUnitContext(ctx, scopeName(cluster), "replace", scopeProperties(cluster, pid), done)
		return err
	})
}

// scopeProperties say what systemd shall make.
func scopeProperties(cluster string, pid int) []dbus.Property {
	return []dbus.Property{
		dbus.PropDescription("kubelab cluster " + cluster),
		dbus.PropPids(uint32(pid)),
		{Name: "Delegate", Value: godbus.MakeVariant(true)},
		// Without limit, which the largest number means. Systemd's usual one is for a service; here it would hold all nodes.
		{Name: "TasksMax", Value: godbus.MakeVariant(uint64(math.MaxUint64))},
		{Name: "CollectMode", Value: godbus.MakeVariant("inactive-or-failed")}, // keep no memory of it
	}
}

// endScope waits until systemd has taken the scope away. By itself it would do so some time after the
// last process has ended.
func endScope(ctx context.Context, cluster string) error {
	return withSystemd(ctx, func(systemd *dbus.Conn, done chan<- string) error {
		_, err := systemd.StopUnitContext(ctx, scopeName(cluster), "replace", done)
		if refused := (godbus.Error{}); errors.As(err, &refused) && refused.Name == "org.freedesktop.systemd1.NoSuchUnit" {
			done <- jobDone
			return nil
		}
		return err
	})
}

const jobDone = "done" // what systemd says of a job that went well

// withSystemd gives systemd a job and waits until it is done.
func withSystemd(ctx context.Context, order func(systemd *dbus.Conn, done chan<- string) error) error {
	systemd, err := dbus.NewWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to systemd: %w", err)
	}
	defer systemd.Close()
	done := make(chan string, 1)
	if err := order(systemd, done); err != nil {
		return fmt.Errorf("ask systemd for a scope of our own: %w", err)
	}
	select {
	case result := <-done:
		if result != jobDone {
			return fmt.Errorf("systemd says of our scope: %s (see: systemctl list-units 'kubelab-*')", result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
