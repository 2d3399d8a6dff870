//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/access"
)

// Cluster is a cluster on this machine, held by the one process that may change it.
type Cluster struct {
	Spec Spec

	lock  *lock
	mu    sync.Mutex // guards state
	state State
}

// open takes hold of a cluster that is up.
func open(name string) (*Cluster, error) {
	lock, err := lockCluster(name, false)
	if err != nil {
		return nil, err
	}
	c := &Cluster{lock: lock}
	if c.state, err = lock.load(); err != nil {
		lock.release()
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	c.Spec = c.state.Spec
	return c, nil
}

func (c *Cluster) release() { c.lock.release() }

// change edits the state and keeps it.
func (c *Cluster) change(edit func(*State)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit(&c.state)
	return c.lock.save(c.state)
}

func (c *Cluster) observe() Observed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.observe()
}

// prepare makes what processes need before they can start: files, the switch and the way out. All of it
// may be there already.
func (c *Cluster) prepare(ctx context.Context) (*access.PKI, error) {
	pki, err := writeControlPlaneFiles(c.Spec)
	if err != nil {
		return nil, err
	}
	if err := makeSwitch(c.Spec.Name); err != nil {
		return nil, err
	}
	return pki, c.prepareUplink(ctx)
}

func (c *Cluster) prepareUplink(ctx context.Context) error {
	if c.Spec.Isolated {
		return nil
	}
	unlock, err := lockMachine()
	if err != nil {
		return err
	}
	defer unlock()
	return makeUplink(ctx, c.Spec)
}

// leaveOldRules takes out of the machine's firewalls what a life of the cluster has left there that ended without a word: the next may have
// another network. What cannot be taken out does no harm.
func (c *Cluster) leaveOldRules(ctx context.Context) {
	unlock, err := lockMachine()
	if err != nil {
		return
	}
	defer unlock()
	_ = leaveFirewalls(ctx, c.Spec)
}

// start starts what is wanted and not there, all at once: no component waits for another one to be up.
func (c *Cluster) start(ctx context.Context, pki *access.PKI) error {
	var starts errgroup.Group
	for _, name := range Plan(c.Spec, c.observe()) {
		starts.Go(func() error { return c.startOne(ctx, name, pki) })
	}
	return starts.Wait()
}

func (c *Cluster) startOne(ctx context.Context, name string, pki *access.PKI) error {
	keep := func(process Process) error {
		return c.change(func(state *State) { state.Processes[name] = process })
	}
	for _, component := range c.Spec.Machine() {
		if component.Name == name {
			return c.startHere(ctx, component, keep)
		}
	}
	host := *c.Spec.Host(name)
	if err := writeHostFiles(c.Spec, host, pki); err != nil {
		return fmt.Errorf("prepare host %s: %w", name, err)
	}
	if host.Role == Node {
		if err := putBusybox(ctx, c.Spec, host); err != nil {
			return fmt.Errorf("put an image into %s: %w", name, err)
		}
	}
	return startHost(ctx, c.Spec, host, keep)
}

// startHere starts a process on the machine itself.
func (c *Cluster) startHere(ctx context.Context, component Component, keep func(Process) error) error {
	command := exec.Command(filepath.Join(c.Spec.Bin, "kube"), append([]string{component.Name}, component.Args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C at the terminal is not for it
	if component.Name == site {
		_ = os.Remove(c.Spec.SiteURLFile()) // what an earlier one wrote opens nothing
	}
	return start(command, c.Spec.path("log/"+component.Name+".log"), func(process Process) error {
		return errors.Join(enclose(ctx, c.Spec, Host{Name: machine}, process.PID), keep(process))
	})
}

// lay decides on what is new in a cluster: its spec as it was kept, or a new one, and what follows from
// the machine as it is now. The caller holds the machine's lock.
func lay(o Options) (Spec, error) {
	var taken []netip.Prefix
	var err error
	if !o.Isolated { // else the machine has no leg in it
		if taken, err = takenNetworks(); err != nil {
			return Spec{}, err
		}
	}
	spec, err := readSpec(o.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		network, err := freeNetwork(append(taken, o.pods(), o.services()))
		if err != nil {
			return Spec{}, err
		}
		spec = NewSpec(o, network)
	case err != nil:
		return Spec{}, err
	case spec.Name != o.Name:
		return Spec{}, fmt.Errorf("%s belongs to the cluster %s: choose another --data-dir", o.DataDir, spec.Name)
	default:
		if err := spec.adapt(o, taken); err != nil {
			return Spec{}, err
		}
	}
	spec.Bin, spec.DataDir = o.Bin, o.DataDir
	spec.Upstream, spec.Relayed = upstream(spec)
	spec.CgroupRoot = cgroupRoot(spec.Name)
	if spec.Port, err = choosePort(o, spec.Port); err != nil {
		return Spec{}, err
	}
	spec.Site, err = chooseSite(o, spec.Site.Listen)
	return spec, err
}

// adapt changes a spec that was kept to what the machine and the person say now. Nodes are only added:
// `kube up` destroys nothing.
func (s *Spec) adapt(o Options, taken []netip.Prefix) error {
	if err := s.lasting(o); err != nil {
		return err
	}
	s.Isolated = o.Isolated
	for i := range s.Hosts {
		host := &s.Hosts[i]
		if host.Role == Node && o.Asked["node-cpu"] {
			host.CPU = o.CPU
		}
		if host.Role == Node && o.Asked["node-memory"] {
			host.Memory = o.Memory
		}
	}
	if taken = append(taken, s.Pods, s.Services); len(overlapping(s.Network, taken)) > 0 {
		network, err := freeNetwork(taken)
		if err != nil {
			return err
		}
		s.Move(network)
	}
	for len(s.With(Node)) < o.Nodes {
		s.AddNode(o.CPU, o.Memory)
	}
	return nil
}
