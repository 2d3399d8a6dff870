//go:build linux

package cluster

import (
	"context"
	"fmt"
)

// Status is what `kube node list` shows of a host.
type Status struct {
	Host
	PID     int  // of its first process, as the machine counts
	Running bool // false and not Stopped: it is about to be started again
	Stopped bool // a person switched it off
	Cut     bool // its cable is out of the switch
}

// List says how the hosts of a cluster are.
func List(name string) (Spec, []Status, error) {
	c, err := open(name)
	if err != nil {
		return Spec{}, nil, err
	}
	defer c.release()
	pulled, err := pulledCables(name)
	if err != nil {
		return Spec{}, nil, err
	}
	var list []Status
	for _, host := range c.Spec.Hosts {
		process := c.state.Processes[host.Name]
		list = append(list, Status{Host: host, PID: process.PID, Running: process.Alive(), Stopped: c.state.Stopped[host.Name], Cut: pulled[host.Name]})
	}
	return c.Spec, list, nil
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
