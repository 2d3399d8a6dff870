//go:build linux

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kubelab/kube/atomicfile"
)

// ErrNotUp says that there is no such cluster on this machine.
var ErrNotUp = errors.New("not up")

// State is what runs of a cluster. It lies in /run/kubelab/NAME/state.json; whoever holds the lock of the
// cluster may change it.
type State struct {
	Boot       string             // of the kernel; in another life of the machine nothing of this is true
	Spec       Spec               // as it is carried out
	Processes  map[string]Process // the hosts' first processes, and those on the machine itself
	Stopped    map[string]bool    // hosts that a person has switched off
	Supervisor Process            // the `kube up` that starts again what ends
}

// lock is the right to change a cluster. While one process holds it, others wait.
type lock struct {
	name string
	file *os.File
}

// lockCluster waits for the right to change a cluster. ErrNotUp: it has no directory, and create is false.
func lockCluster(name string, create bool) (*lock, error) {
	if err := checkName(name); err != nil { // it is the name of a directory that root makes and removes
		return nil, err
	}
	path := filepath.Join(clusterDir(name), "lock")
	for {
		if create {
			if err := os.MkdirAll(clusterDir(name), 0o700); err != nil {
				return nil, noPlace(err)
			}
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		switch {
		case errors.Is(err, fs.ErrNotExist) && create:
			continue // somebody removed the directory between our two calls
		case errors.Is(err, fs.ErrNotExist):
			return nil, notUp(name)
		case errors.Is(err, fs.ErrPermission):
			return nil, fmt.Errorf("cluster %s: %w (its hosts are root's: say it with sudo)", name, err)
		case err != nil:
			return nil, err
		}
		if err := flock(file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if same(file, path) {
			return &lock{name, file}, nil
		}
		_ = file.Close() // while we waited, the cluster went down and this file with it
	}
}

// noPlace says of a directory for the state that cannot be made what to do.
func noPlace(err error) error {
	if !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return fmt.Errorf("%w\n  Remedy: a cluster notes in %s what runs: make room there, or start it where that can be written, in no sandbox of a service",
		err, filepath.Dir(runDir))
}

// DefaultDataDir is the data directory of a cluster where nobody chose one.
func DefaultDataDir(name string) string {
	if name == DefaultName {
		return "/var/lib/kubelab"
	}
	return "/var/lib/kubelab-" + name
}

// notUp is ErrNotUp with what a person can do about it. Nothing starts a cluster again when the machine starts.
func notUp(name string) error {
	spec, err := readSpec(DefaultDataDir(name))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("cluster %s: %w, and what is kept of it only root can read: say it with sudo", name, ErrNotUp)
	}
	if err != nil || spec.Name != name {
		return fmt.Errorf("cluster %s: %w", name, ErrNotUp)
	}
	up := spec.Sudo("up")
	var machine unix.Sysinfo_t
	boot, err := bootID()
	if err = errors.Join(err, unix.Sysinfo(&machine)); err != nil || spec.Boot == "" || spec.Boot == boot {
		return fmt.Errorf("cluster %s: %w: %q brings it back with its objects", name, ErrNotUp, up)
	}
	since := time.Now().Add(-time.Duration(machine.Uptime) * time.Second)
	return fmt.Errorf("cluster %s: %w since the machine was started anew at %s: %q brings it back with its objects",
		name, ErrNotUp, since.Format("15:04 on January 2"), up)
}

func flock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// same says whether the open file is still the one at path.
func same(file *os.File, path string) bool {
	have, err1 := file.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(have, there)
}

func (l *lock) release() { _ = l.file.Close() }

// remove takes away the cluster's directory under /run, and with it the lock.
func (l *lock) remove() error {
	defer l.release()
	err := os.RemoveAll(clusterDir(l.name))
	_ = os.Remove(runDir) // fails while other clusters are there
	return err
}

// lockMachine waits for the right to change what all clusters share.
func lockMachine() (unlock func(), err error) {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.Open(runDir)
	if err != nil {
		return nil, err
	}
	return func() { _ = dir.Close() }, flock(dir)
}

// load reads the state. That of an earlier life of the machine, or none, is an empty one.
func (l *lock) load() (State, error) { return readState(l.name) }

func readState(name string) (State, error) {
	boot, err := bootID()
	if err != nil {
		return State{}, err
	}
	var kept State
	err = readJSON(filepath.Join(clusterDir(name), "state.json"), &kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return State{}, err
	}
	if kept.Boot == boot {
		return kept, nil
	}
	return State{
		Boot: boot, Spec: kept.Spec,
		Processes: map[string]Process{}, Stopped: map[string]bool{},
	}, nil
}

func (l *lock) save(state State) error {
	return writeJSON(filepath.Join(clusterDir(l.name), "state.json"), state)
}

// observe says what of the state is true.
func (s State) observe() Observed {
	alive := map[string]bool{}
	for name, process := range s.Processes {
		alive[name] = process.Alive()
	}
	return Observed{Alive: alive, Stopped: s.Stopped}
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}

func readSpec(dataDir string) (Spec, error) {
	var spec Spec
	return spec, readJSON(filepath.Join(dataDir, specFile), &spec)
}

func writeSpec(spec Spec) error { return writeJSON(spec.path(specFile), spec) }

// specFile marks a directory as a cluster's.
const specFile = "cluster.json"

func readJSON(path string, value any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces path so that a crash at any moment leaves the old content or the new one.
func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(content, '\n'), 0o600)
}
