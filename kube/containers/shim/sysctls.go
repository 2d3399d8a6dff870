//go:build linux

package shim

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kubelab/kube/containers"
	"kubelab/kube/sysctls"
)

// setSysctls sets the kernel parameters of the pod's namespaces. What /proc/sys shows depends on who looks: each thread sees those of the
// namespaces that it is in. The shim is in the pod's IPC namespace, and not in its network: a thread goes there, and ends with it.
func setSysctls(s containers.Sandbox) error {
	if len(s.Sysctls) == 0 {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good, so that the thread is not used again
		done <- func() error {
			if err := enterNetwork(s.NetNS); err != nil {
				return err
			}
			return writeAll(s.Sysctls)
		}()
	}()
	return <-done
}

func enterNetwork(path string) error {
	if path == "" {
		return nil
	}
	network, err := os.Open(path)
	if err != nil {
		return err
	}
	defer network.Close()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the pod's network: %w", err)
	}
	return nil
}

// writeAll goes on as long as something can be set: the kernel takes some values only once others are as they shall be.
func writeAll(values map[string]string) error {
	for left := slices.Sorted(maps.Keys(values)); len(left) > 0; {
		var refused []string
		var why error
		for _, name := range left {
			if err := os.WriteFile(filepath.Join("/proc/sys", sysctls.File(name)), []byte(values[name]), 0); err != nil {
				refused, why = append(refused, name), err
			}
		}
		if len(refused) == len(left) {
			return fmt.Errorf("set the pod's kernel parameters %s: %w", strings.Join(refused, ", "), why)
		}
		left = refused
	}
	return nil
}
