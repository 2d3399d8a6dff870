//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
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
	return dropMounts(runDir)
}

// dropMounts gives up the copies of the machine's mounts below dir: they would keep the switches of other
// clusters alive for as long as this host lives.
func dropMounts(dir string) error {
	points, err := mountsBelow(dir)
	for _, point := range points {
		if e := unix.Unmount(point, unix.MNT_DETACH); e != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", point, e))
		}
	}
	return err
}

// mountsBelow lists where something is mounted at or below dir, the last mount first.
func mountsBelow(dir string) ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if point := unescaped.Replace(fields[4]); point == dir || strings.HasPrefix(point, dir+"/") {
			points = append([]string{point}, points...)
		}
	}
	return points, nil
}

// unescaped undoes what the kernel writes for those bytes of a path that would end a field or a line (proc(5)).
var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
