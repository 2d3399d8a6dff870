//go:build linux

package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// What a sandbox keeps on disk:
//
//	ROOT/pods/<id>/sandbox.json           its record
//	              /containers/<id>.json   a record for each of its containers
//	              /resolv.conf, hostname, hosts, shm/
//	                                      what its containers see of it
//	              /shim/                  the shim's: socket, exits, writable layers
//
// How a container is doing stands in the shim's files and not here, until the shim goes.

// sandboxRecord is what must be known of a sandbox to go on with it, or to remove it.
type sandboxRecord struct {
	ID        string
	Phase     Phase
	CreatedAt time.Time
	Config    *cri.PodSandboxConfig
	// IP and NetNS are empty for a pod in the node's network.
	IP    string `json:",omitempty"`
	NetNS string `json:",omitempty"`
	// Cgroup is the pod's, and OwnCgroup says that no kubelet gave it to us: we remove it.
	Cgroup    string
	OwnCgroup bool `json:",omitempty"`
}

// containerRecord is what CRI asks of a container and its shim does not know.
type containerRecord struct {
	ID, SandboxID string
	// Told is its status as far as that never changes: no state, no times, no exit code.
	Told       *cri.ContainerStatus
	StopSignal int
	// Last is the shim's last word. It is here once the shim is not to be asked any more.
	Last *containers.Status `json:",omitempty"`
}

func (r *Runtime) podsDir() string                    { return filepath.Join(r.config.Root, "pods") }
func (r *Runtime) sandboxDir(id string) string        { return filepath.Join(r.podsDir(), id) }
func (r *Runtime) shimDir(id string) string           { return filepath.Join(r.sandboxDir(id), "shim") }
func (r *Runtime) sandboxFile(id, name string) string { return filepath.Join(r.sandboxDir(id), name) }
func (r *Runtime) containerFile(sandbox, id string) string {
	return filepath.Join(r.sandboxDir(sandbox), "containers", id+".json")
}

func (r *Runtime) writeSandbox(record sandboxRecord) error {
	if err := writeRecord(r.sandboxFile(record.ID, "sandbox.json"), record); err != nil {
		return fmt.Errorf("record sandbox %s: %w", record.ID, err)
	}
	return nil
}

func (r *Runtime) writeContainer(record containerRecord) error {
	if err := writeRecord(r.containerFile(record.SandboxID, record.ID), record); err != nil {
		return fmt.Errorf("record container %s: %w", record.ID, err)
	}
	return nil
}

// readSandboxes reads all sandboxes' records. One that has none is there with an empty Phase.
func (r *Runtime) readSandboxes() ([]sandboxRecord, error) {
	dirs, err := os.ReadDir(r.podsDir())
	if err != nil {
		return nil, err
	}
	var all []sandboxRecord
	for _, dir := range dirs {
		record := sandboxRecord{ID: dir.Name()}
		err := readRecord(r.sandboxFile(record.ID, "sandbox.json"), &record)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read record of sandbox %s: %w", record.ID, err)
		}
		all = append(all, record)
	}
	return all, nil
}

func (r *Runtime) readContainers(sandbox string) ([]containerRecord, error) {
	files, err := filepath.Glob(r.containerFile(sandbox, "*"))
	if err != nil {
		return nil, err
	}
	var all []containerRecord
	for _, file := range files {
		var record containerRecord
		if strings.HasPrefix(filepath.Base(file), ".") {
			continue // half-written
		}
		if err := readRecord(file, &record); err != nil {
			return nil, fmt.Errorf("read container record %s: %w", file, err)
		}
		all = append(all, record)
	}
	return all, nil
}

func readRecord(path string, record any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, record)
}

// writeRecord leaves the old file or the new one, whenever the process or the machine dies.
func writeRecord(path string, record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails once renamed
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
