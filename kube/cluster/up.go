//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kubelab/kube/access"
)

// Before is what there was of a cluster before [Up].
type Before int

// From nothing at all to a cluster with a supervisor.
const (
	Nothing Before = iota
	Files          // of an earlier life
	Hosts          // whose supervisor was killed
	Supervised
)

// Up starts what is not there of a cluster, and returns when all of it is started. Unless it was supervised, the
// caller becomes its supervisor and is to call [Supervise]. Nodes that a person has switched off stay off; a cluster
// without a control plane nobody can use.
func Up(ctx context.Context, o Options) (Spec, Before, error) {
	if err := ready(o); err != nil {
		return Spec{}, Nothing, err
	}
	lock, err := lockCluster(o.Name, true)
	if err != nil {
		return Spec{}, Nothing, err
	}
	c := &Cluster{lock: lock}
	defer c.release()
	if c.state, err = lock.load(); err != nil {
		return Spec{}, Nothing, err
	}
	err = forgetTries(o.Name, o.DataDir)
	if err == nil && c.state.before() == Nothing { // what runs has shown that it can, and has the room that it takes
		err = tryAll(ctx, o.tries(clusterDir(o.Name)))
	}
	if err != nil {
		return Spec{}, Nothing, errors.Join(err, c.abandon())
	}
	before, err := c.found(o)
	if err != nil {
		return Spec{}, before, errors.Join(err, c.abandon())
	}
	if before == Supervised && len(Plan(c.Spec, c.observe())) == 0 {
		return c.Spec, before, c.prepareUplink(ctx) // a firewall that was started since may have shut it
	}
	if before == Nothing || before == Files {
		c.leaveOldRules(ctx)
	}
	pki, err := c.prepare(ctx)
	if err == nil {
		err = c.start(ctx, pki)
	}
	if err != nil && before != Supervised {
		err = errors.Join(err, c.clear(context.WithoutCancel(ctx), before != Nothing), lock.remove())
	}
	return c.Spec, before, err
}

// ready says what stands in the way before anything is made.
func ready(o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("this makes network namespaces and cgroups, which takes root: say sudo %s", strings.Join(os.Args, " "))
	}
	for _, program := range []string{"kube", "kube-shim", "kube-pause"} {
		if err := unix.Access(filepath.Join(o.Bin, program), unix.X_OK); err != nil {
			return fmt.Errorf("program %s in %s: %w (scripts/build makes it)", program, o.Bin, err)
		}
	}
	return nil
}

// found decides on the cluster's spec, or adopts that of what is running, and takes it down.
func (c *Cluster) found(o Options) (Before, error) {
	unlock, err := lockMachine() // so that no two clusters choose the same network
	if err != nil {
		return Nothing, err
	}
	defer unlock()
	if before := c.state.before(); before != Nothing {
		c.Spec = c.state.Spec
		return before, c.adopt(o, before)
	}
	before := Files
	if _, err := readSpec(o.DataDir); errors.Is(err, fs.ErrNotExist) {
		before = Nothing
	}
	if err := claim(o.DataDir); err != nil {
		return before, err
	}
	err = c.begin(o)
	if err != nil && before == Nothing {
		err = errors.Join(err, removeFiles(o.DataDir))
	}
	return before, err
}

// begin keeps what is decided about a cluster that does not run: in its directory, and what is true until the machine ends in the state.
func (c *Cluster) begin(o Options) (err error) {
	if c.Spec, err = lay(o); err != nil {
		return err
	}
	c.Spec.Boot = c.state.Boot
	if err := writeSpec(c.Spec); err != nil {
		return err
	}
	self, err := identify(os.Getpid())
	if err != nil {
		return err
	}
	return c.change(func(state *State) {
		state.Spec, state.Supervisor, state.Stopped = c.Spec, self, map[string]bool{}
	})
}

// before is what runs: Nothing, Hosts or Supervised.
func (s State) before() Before {
	if s.Supervisor.Alive() {
		return Supervised
	}
	for _, process := range s.Processes {
		if process.Alive() {
			return Hosts
		}
	}
	return Nothing
}

// adopt takes up a cluster that runs, which has a supervisor or gets this process as one. What was asked for and is not there comes to it:
// nodes, the lab site.
func (c *Cluster) adopt(o Options, before Before) error {
	if err := errors.Join(c.Spec.lasting(o), c.Spec.whileUp(o)); err != nil {
		return err
	}
	for len(c.Spec.With(Node)) < o.Nodes {
		c.Spec.AddNode(o.CPU, o.Memory)
	}
	if c.Spec.Site.Listen == "" {
		var err error
		if c.Spec.Site, err = chooseSite(o, ""); err != nil {
			return err
		}
	}
	if err := writeSpec(c.Spec); err != nil {
		return err
	}
	supervisor := c.state.Supervisor
	if before != Supervised {
		var err error
		if supervisor, err = identify(os.Getpid()); err != nil {
			return err
		}
	}
	return c.change(func(state *State) {
		state.Spec, state.Supervisor = c.Spec, supervisor
		for _, host := range c.Spec.With(ControlPlane) {
			delete(state.Stopped, host.Name)
		}
	})
}

// abandon removes the traces of a start that never began.
func (c *Cluster) abandon() error {
	if c.state.Spec.Name != "" {
		return nil
	}
	return c.lock.remove()
}

// AddContext puts the cluster's context into the kubeconfig of the person at work, and returns that file.
// [Down] takes it out again.
func AddContext(name string) (string, error) {
	path, err := access.UserKubeconfig()
	if err != nil {
		return "", err
	}
	c, err := open(name)
	if err != nil {
		return "", err
	}
	defer c.release()
	if path == c.Spec.Kubeconfig() {
		return path, nil
	}
	// First where it will be, then the deed: so Down knows of every file that may hold it.
	if !slices.Contains(c.Spec.Kubeconfigs, path) {
		c.Spec.Kubeconfigs = append(c.Spec.Kubeconfigs, path)
		if err := errors.Join(writeSpec(c.Spec), c.change(func(state *State) { state.Spec = c.Spec })); err != nil {
			return "", err
		}
	}
	return path, access.AddContext(path, c.Spec.Kubeconfig())
}
