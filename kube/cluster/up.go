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

// Up starts what is not there of a cluster, and returns when all of it is started. The caller becomes the
// cluster's supervisor: it is to call [Supervise]. running is true when the cluster has a supervisor
// already; then nothing was done.
func Up(ctx context.Context, o Options) (spec Spec, running bool, err error) {
	if err := ready(o); err != nil {
		return Spec{}, false, err
	}
	lock, err := lockCluster(o.Name, true)
	if err != nil {
		return Spec{}, false, err
	}
	c := &Cluster{lock: lock}
	defer c.release()
	if c.state, err = lock.load(); err != nil {
		return Spec{}, false, err
	}
	if c.state.Supervisor.Alive() {
		return c.state.Spec, true, nil
	}
	_, err = readSpec(o.DataDir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := c.found(o); err != nil {
		return Spec{}, false, errors.Join(err, c.abandon(o.DataDir))
	}
	pki, err := c.prepare(ctx)
	if err == nil {
		err = c.start(ctx, pki)
	}
	if err != nil {
		err = errors.Join(err, c.clear(context.WithoutCancel(ctx), !fresh), lock.remove())
	}
	return c.Spec, false, err
}

// ready says what stands in the way before anything is made.
func ready(o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("this makes network namespaces and cgroups, which takes root: say sudo %s", strings.Join(os.Args, " "))
	}
	for _, program := range []string{"kube", "kube-shim"} {
		if err := unix.Access(filepath.Join(o.Bin, program), unix.X_OK); err != nil {
			return fmt.Errorf("program %s in %s: %w (scripts/build makes it)", program, o.Bin, err)
		}
	}
	return nil
}

// found decides on the cluster's spec, or adopts that of what is running, and takes it down.
func (c *Cluster) found(o Options) error {
	unlock, err := lockMachine() // so that no two clusters choose the same network
	if err != nil {
		return err
	}
	defer unlock()
	self, err := identify(os.Getpid())
	if err != nil {
		return err
	}
	for _, process := range c.state.Processes {
		if process.Alive() {
			c.Spec = c.state.Spec
			return c.change(func(state *State) { state.Supervisor = self })
		}
	}
	if err := claim(o.DataDir); err != nil {
		return err
	}
	if c.Spec, err = lay(o); err != nil {
		return err
	}
	if err := writeSpec(c.Spec); err != nil {
		return err
	}
	return c.change(func(state *State) {
		state.Spec, state.Supervisor, state.Stopped = c.Spec, self, map[string]bool{}
	})
}

// abandon removes the traces of a start that never began.
func (c *Cluster) abandon(dataDir string) error {
	_ = os.Remove(dataDir) // only where it is empty
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
	err = c.change(func(state *State) {
		if !slices.Contains(state.Kubeconfigs, path) {
			state.Kubeconfigs = append(state.Kubeconfigs, path)
		}
	})
	if err != nil {
		return "", err
	}
	return path, access.AddContext(path, c.Spec.Kubeconfig())
}
