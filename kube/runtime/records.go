//go:build linux

package runtime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/atomicfile"
)

// What a sandbox keeps on disk:
//
//	ROOT/pods/<id>/sandbox.json           its record
//	              /resolv.conf, hostname, hosts
//	                                      what its containers see of it
//	              /shim/                  the shim's: socket, shared memory, and for each container its record (the shim's
//	                                      "note"), how it is doing, and its writable layer
//
// Nothing of the runtime's own is ever changed: a sandbox's record is written when the sandbox is complete, a container's
// comes and goes with what its shim knows of it.

// sandboxRecord is what must be known of a sandbox to go on with it, or to remove it.
type sandboxRecord struct {
	ID        string
	CreatedAt time.Time
	Config    *cri.PodSandboxConfig
	// IP and NetNS are empty for a pod in the node's network.
	IP    string `json:",omitempty"`
	NetNS string `json:",omitempty"`
	// Cgroup is the pod's, and OwnCgroup says that no kubelet gave it to us: we remove it.
	Cgroup    string
	OwnCgroup bool `json:",omitempty"`
}

// containerRecord is what CRI asks of a container and its shim does not know. It never changes.
type containerRecord struct {
	// Told is its status as far as that never changes: no state, no times, no exit code.
	Told       *cri.ContainerStatus
	StopSignal int
}

func (r *Runtime) podsDir() string                    { return filepath.Join(r.config.Root, "pods") }
func (r *Runtime) sandboxDir(id string) string        { return filepath.Join(r.podsDir(), id) }
func (r *Runtime) shimDir(id string) string           { return filepath.Join(r.sandboxDir(id), "shim") }
func (r *Runtime) sandboxFile(id, name string) string { return filepath.Join(r.sandboxDir(id), name) }
func (r *Runtime) recordFile(id string) string        { return r.sandboxFile(id, "sandbox.json") }

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
	return atomicfile.Write(path, data, 0o600)
}
