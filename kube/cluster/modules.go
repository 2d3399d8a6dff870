//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// needing says of a try that failed which modules of the kernel are missing, as far as that may be why. The kernel loads a module by itself when it
// is first used; why it could not it tells nobody, so they are loaded by name.
func needing(failure error, modules ...string) error {
	if failure == nil || errors.Is(failure, fs.ErrPermission) || errors.Is(failure, unix.EROFS) || errors.Is(failure, unix.ENOSPC) {
		return failure
	}
	if _, err := os.Stat("/proc/modules"); err != nil {
		return failure // this kernel has no modules
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return failure
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(name.Release[:]))
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return fmt.Errorf("%w\n  %s, the modules of the kernel that runs, cannot be read: was the kernel updated or removed? "+
			"Start the machine anew, or install its modules", failure, dir)
	}
	var missing []string
	for _, module := range modules {
		if isBuiltin(string(builtin), module) {
			continue
		}
		if said, err := exec.Command("modprobe", module).CombinedOutput(); err != nil {
			missing = append(missing, fmt.Sprintf("%s (sudo modprobe %[1]s: %s)", module, lastLine(string(said), err)))
		}
	}
	if len(missing) == 0 {
		return failure
	}
	return fmt.Errorf("%w\n  The kernel cannot load %s: install the package of its modules, or remove what forbids them from /etc/modprobe.d",
		failure, strings.Join(missing, ", "))
}

// isBuiltin looks for a module in what modules.builtin lists: kernel/net/bridge/bridge.ko on each line.
func isBuiltin(listed, module string) bool {
	return slices.ContainsFunc(strings.Fields(listed), func(path string) bool {
		return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_") == module
	})
}

// lastLine is what a program said last, or how it ended where it said nothing.
func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}
