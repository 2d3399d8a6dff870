//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubelab/kube/removal"
)

// What a client does in place of a dead shim. Nobody can learn the exit codes of its containers any more or keep their
// logs, so they must not live on: most got SIGKILL from the kernel when the shim died (prctl PR_SET_PDEATHSIG), and the
// rest (a process that changed its user loses that signal) is killed here, by cgroup.

// buried kills what a dead shim has left running, and returns the statuses, each now of an exited container.
func (s *Shim) buried() ([]Status, error) {
	if err := s.waitDead(); err != nil {
		return nil, err
	}
	all, err := s.Sandbox.readStatuses()
	if err != nil {
		return nil, fmt.Errorf("read what the dead shim of sandbox %s left: %w", s.Sandbox.ID, err)
	}
	var failures []error
	if s.Sandbox.SharePID {
		failures = append(failures, KillCgroup(s.Sandbox.CgroupPath(PauseID)))
	}
	for i := range all {
		status := &all[i]
		if status.State == Exited {
			continue
		}
		if err := KillCgroup(s.Sandbox.CgroupPath(status.ID)); err != nil {
			failures = append(failures, err)
			continue
		}
		status.State, status.PID, status.FinishedAt = Exited, 0, time.Now()
		status.ExitCode, status.Reason = 128+int(syscall.SIGKILL), ReasonShimDied
		status.Message = "the process that watched over the pod was killed, so the container was too"
		failures = append(failures, s.Sandbox.WriteStatus(*status))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	return all, nil
}

// waitDead makes sure that nobody listens any more: a broken connection alone must not cost a pod its life.
func (s *Shim) waitDead() error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		conn, err := s.dial()
		if errors.Is(err, ErrShimDead) {
			return nil
		} else if err != nil {
			return err
		}
		conn.Close()
	}
	return fmt.Errorf("the shim of sandbox %s broke off the connection, but lives", s.Sandbox.ID)
}

// deleteRemains removes a container of a dead shim.
func (s *Shim) deleteRemains(id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if err := s.waitDead(); err != nil {
		return err
	}
	if err := s.releaseContainer(id); err != nil {
		return err
	}
	return removal.All(s.Sandbox.ContainerDir(id))
}

// releaseRemains does what Stop would have done, and writes down what the shim could not.
func (s *Shim) releaseRemains() error {
	if err := s.waitDead(); err != nil {
		return err
	}
	_, failed := s.buried()
	dirs, err := os.ReadDir(filepath.Join(s.Sandbox.Dir, containersDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // of a removal that was broken off the rest is there
		return err
	}
	for _, dir := range dirs { // also those that were never finished
		failed = errors.Join(failed, s.releaseContainer(dir.Name()))
	}
	return errors.Join(failed, s.Sandbox.UnmountShm())
}

func (s *Shim) releaseContainer(id string) error {
	if err := KillCgroup(s.Sandbox.CgroupPath(id)); err != nil {
		return err
	}
	if err := RemoveCgroup(s.Sandbox.CgroupPath(id)); err != nil {
		return err
	}
	return s.Sandbox.UnmountRoot(id)
}

// cgroupDirs returns a cgroup's directories: one on cgroup v2, one for each controller on v1.
func cgroupDirs(path string) []string {
	dirs, _ := filepath.Glob("/sys/fs/cgroup/*" + path)
	if _, err := os.Stat("/sys/fs/cgroup" + path); err == nil {
		dirs = append(dirs, "/sys/fs/cgroup"+path)
	}
	return dirs
}

// KillCgroup sends SIGKILL to all processes in a cgroup (its path from the root of each hierarchy) and below it until
// there are none.
func KillCgroup(path string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		alive := CgroupProcesses(path)
		for _, pid := range alive {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(alive) == 0 {
			return nil
		} else if time.Now().After(deadline) {
			return fmt.Errorf("%d processes in cgroup %s do not die of SIGKILL", len(alive), path)
		}
	}
}

// CgroupProcesses are those in a cgroup (its path from the root of each hierarchy) and below it.
func CgroupProcesses(path string) []int {
	found := map[int]bool{}
	for _, dir := range cgroupDirs(path) {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "cgroup.procs" {
				return nil
			}
			listed, _ := os.ReadFile(path)
			for _, field := range strings.Fields(string(listed)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					found[pid] = true
				}
			}
			return nil
		})
	}
	return slices.Collect(maps.Keys(found))
}

// RemoveCgroup removes a cgroup in which there are no processes, and those below it, from every hierarchy. One that is
// not there is no error.
func RemoveCgroup(path string) error {
	var failures []error
	for _, dir := range cgroupDirs(path) {
		failures = append(failures, removeCgroup(dir))
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", path, err)
	}
	return nil
}

// removeCgroup removes the directory after those below it; the files in them go by themselves.
func removeCgroup(dir string) error {
	below, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range below {
		if entry.IsDir() {
			if err := removeCgroup(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return syscall.Rmdir(dir)
}
