package containers

import "path/filepath"

// modeState is the mode of what the shim and its clients keep.
const modeState = 0o600

// Files in a sandbox's directory.
const (
	sandboxFile   = "sandbox.json"
	socketFile    = "shim.sock"
	logFile       = "shim.log"   // what the shim has to say when things go wrong; mostly empty
	containersDir = "containers" // one directory per container
	statusFile    = "status.json"
	noteFile      = "note"
)

// ContainerDir is where the sandbox keeps what belongs to a container. Below it are status.json, the owner's note, and the parts of
// its root file system: rootfs (the overlay mount), upper (what the container wrote) and work.
func (s Sandbox) ContainerDir(id string) string { return filepath.Join(s.Dir, containersDir, id) }

// UpperDir holds the files that a container has written or changed; its size is the size of the writable layer.
func (s Sandbox) UpperDir(id string) string { return filepath.Join(s.ContainerDir(id), "upper") }

// RootDir is where the container's root file system is mounted.
func (s Sandbox) RootDir(id string) string { return filepath.Join(s.ContainerDir(id), "rootfs") }

// ShmDir is the tmpfs that the sandbox's containers have as /dev/shm.
func (s Sandbox) ShmDir() string { return filepath.Join(s.Dir, "shm") }

// CgroupPath is the container's cgroup, absolute from the root of a hierarchy.
func (s Sandbox) CgroupPath(id string) string { return filepath.Join("/", s.CgroupParent, id) }
