//go:build linux

package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"kubelab/kube/mounts"
)

// RunHost is the first process of a host: it makes itself at home in the new namespaces, starts the host's
// components, starts them again when they end, and takes leave of processes that lost their parent.
// When ctx is done it asks the components to end, and gives them a moment for it.
func RunHost(ctx context.Context, dataDir, name string) error {
	spec, err := readSpec(dataDir)
	if err != nil {
		return err
	}
	host := spec.Host(name)
	if host == nil {
		return fmt.Errorf("the cluster %s has no host %s", spec.Name, name)
	}
	if err := settleIn(name); err != nil {
		return err
	}
	children := newChildren()
	var components sync.WaitGroup
	for _, component := range spec.Components(*host) {
		components.Go(func() {
			children.keepRunning(ctx, component.Name, append([]string{filepath.Join(spec.Bin, "kube"), component.Name}, component.Args...),
				spec.hostPath(*host, "log/"+component.Name+".log"))
		})
	}
	components.Wait()
	return nil
}

// settleIn gives the new namespaces what belongs into them: the name, and a /proc that shows this
// process table. Mounts that are made here are not seen outside.
func settleIn(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return mounts.Drop(runDir) // these are copies of the machine's: they would keep the switches of other clusters alive for as long as this host lives
}
