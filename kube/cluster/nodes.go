//go:build linux

package cluster

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Status is what `kube node list` shows of a host.
type Status struct {
	Host
	PID     int  // of its first process, as the machine counts
	Running bool // false and not Stopped: it is about to be started again
	Stopped bool // a person switched it off
}

// List says how the hosts of a cluster are.
func List(name string) (Spec, []Status, error) {
	c, err := open(name)
	if err != nil {
		return Spec{}, nil, err
	}
	defer c.release()
	var list []Status
	for _, host := range c.Spec.Hosts {
		process := c.state.Processes[host.Name]
		list = append(list, Status{Host: host, PID: process.PID, Running: process.Alive(), Stopped: c.state.Stopped[host.Name]})
	}
	return c.Spec, list, nil
}

// Kill cuts a host's power: everything on it dies at once. It stays off until [Start].
func Kill(name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		// First that it is wanted so, then the deed: else the supervisor could start it again in between.
		if err := c.change(func(state *State) { state.Stopped[host.Name] = true }); err != nil {
			return err
		}
		process := c.state.Processes[host.Name]
		if err := process.Signal(unix.SIGKILL); err != nil {
			return err
		}
		process.Wait(-1)
		return removeCgroups(c.Spec.cgroup(host))
	})
}

// Start switches a host on again.
func Start(ctx context.Context, name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		if err := c.change(func(state *State) { delete(state.Stopped, host.Name) }); err != nil {
			return err
		}
		pki, err := c.prepare(ctx)
		if err != nil {
			return err
		}
		return c.start(ctx, pki)
	})
}

// Cut pulls a host's cable out of the switch: the host runs on, alone.
func Cut(name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error { return setCable(c.Spec.Name, host.Name, false) })
}

// Mend plugs the cable in again.
func Mend(name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error { return setCable(c.Spec.Name, host.Name, true) })
}

// Add adds a node to a cluster that is up, and starts it.
func Add(ctx context.Context, name string, cpu int, memory int64) (Host, error) {
	c, err := open(name)
	if err != nil {
		return Host{}, err
	}
	defer c.release()
	if len(c.Spec.With(Node)) >= maxNodes {
		return Host{}, fmt.Errorf("the cluster has %d nodes: its network has room for no more", maxNodes)
	}
	host := c.Spec.AddNode(cpu, memory)
	err = writeSpec(c.Spec)
	if err == nil {
		err = c.change(func(state *State) { state.Spec = c.Spec })
	}
	if err != nil {
		return Host{}, err
	}
	pki, err := c.prepare(ctx)
	if err != nil {
		return Host{}, err
	}
	return host, c.start(ctx, pki)
}

func withHost(name, host string, do func(*Cluster, Host) error) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	defer c.release()
	found := c.Spec.Host(host)
	if found == nil {
		return fmt.Errorf("the cluster %s has no host %q (see: kube node list)", name, host)
	}
	return do(c, *found)
}
