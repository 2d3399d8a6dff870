//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"kubelab/kube/access"
)

// farewell is how long hosts may take to end when they are asked, before they are made to.
const farewell = 3 * time.Second

// Down ends a cluster and leaves the machine as it was before. Whatever is gone already is no error, so
// that it also clears away what is half there. keepData leaves the data directory, from which the next
// `kube up` goes on. ErrNotUp: there was nothing. dataDir is where to look when nothing runs.
func Down(ctx context.Context, name, dataDir string, keepData bool) error {
	lock, err := lockCluster(name, true)
	if err != nil {
		return err
	}
	c := &Cluster{lock: lock}
	if c.state, err = lock.load(); err != nil {
		lock.release()
		return err
	}
	c.Spec = c.state.Spec
	if c.Spec.Name == "" {
		// Nothing runs, but a directory of it may lie there.
		if c.Spec, err = readSpec(dataDir); err != nil || c.Spec.Name != name || keepData {
			if err := errors.Join(forgetTries(name, dataDir), lock.remove()); err != nil {
				return fmt.Errorf("take away what is left of %s: %w", name, err)
			}
			return fmt.Errorf("cluster %s: %w", name, ErrNotUp)
		}
	}
	if err := c.clear(ctx, keepData); err != nil {
		lock.release()
		return fmt.Errorf("take down %s: %w", name, err)
	}
	supervisor := c.state.Supervisor
	if err := lock.remove(); err != nil {
		return err
	}
	return dismiss(supervisor)
}

// clear removes everything but the state, which goes last: until then, Down can be tried again.
func (c *Cluster) clear(ctx context.Context, keepData bool) error {
	if err := c.endProcesses(keepData); err != nil {
		return err
	}
	failed := []error{forgetTries(c.Spec.Name, c.Spec.DataDir)} // what cannot be changed, as a person's file, keeps nothing else
	unlock, err := lockMachine()
	if err != nil {
		return err
	}
	defer unlock()
	if !c.Spec.Isolated {
		if err := removeUplink(ctx, c.Spec); err != nil {
			return err
		}
	}
	if lastCluster(c.Spec.Name) {
		if err := switchForwardingBack(); err != nil {
			return err
		}
	}
	if err := removeSwitch(c.Spec.Name); err != nil {
		return err
	}
	if err := removeCgroups(c.Spec.CgroupRoot); err != nil {
		return err
	}
	removeEmptyCgroup(cgroupTop)
	if needsScope() {
		if err := endScope(ctx, c.Spec.Name); err != nil {
			return err
		}
	}
	for _, path := range c.Spec.Kubeconfigs {
		failed = append(failed, access.RemoveContext(path, c.Spec.Context()))
	}
	if keepData {
		c.Spec.Boot, c.Spec.Kubeconfigs = "", nil
		return errors.Join(append(failed, writeSpec(c.Spec))...)
	}
	return errors.Join(append(failed, removeFiles(c.Spec.DataDir))...)
}

// endProcesses ends all hosts at once. What is in a host ends with its first process. Only where there is
// something to keep are they asked first.
func (c *Cluster) endProcesses(ask bool) error {
	var ends errgroup.Group
	for _, process := range c.state.Processes {
		ends.Go(func() error {
			if ask {
				if err := process.Signal(unix.SIGTERM); err != nil || process.Wait(farewell) {
					return err
				}
			}
			err := process.Signal(unix.SIGKILL)
			process.Wait(-1)
			return err
		})
	}
	return ends.Wait()
}

// lastCluster says whether no other cluster is up on this machine.
func lastCluster(name string) bool {
	others, _ := filepath.Glob(filepath.Join(runDir, "*", "state.json")) // the pattern is correct
	return !slices.ContainsFunc(others, func(path string) bool { return filepath.Base(filepath.Dir(path)) != name })
}

// dismiss waits for the supervisor to see that its cluster is gone, and ends it where it does not.
func dismiss(supervisor Process) error {
	if supervisor.PID == os.Getpid() || supervisor.Wait(farewell) {
		return nil
	}
	return supervisor.Signal(unix.SIGKILL)
}
