package containers

import (
	"errors"
	"time"
)

// Sandbox is what the containers of one pod share, and where its shim keeps its state. It never changes after
// [StartShim].
type Sandbox struct {
	// ID names the sandbox, for people and messages.
	ID string
	// Dir is the absolute path of the shim's state directory. StartShim makes it; the last step of removing a sandbox
	// is for the owner to remove it. It must not lie under the directory of the shim's binary.
	Dir string
	// Hostname is set in a UTS namespace of the sandbox's own. Empty: containers see the host's UTS namespace.
	Hostname string
	// HostIPC has the containers share semaphores and shared memory with the machine's own processes.
	HostIPC bool
	// SharePID gives the sandbox a PID namespace with a process 1 of its own, for containers whose ProcessesOf is [PauseID]. When that process
	// ends, so do they and the shim. Its program, kube-pause, lies beside the shim's.
	SharePID bool `json:",omitempty"`
	// NetNS is the path of a network namespace that somebody else made and keeps. Empty: the host's network.
	NetNS string
	// Sysctls are kernel parameters of the sandbox's network and IPC namespaces, and their values. Their names are not checked again.
	Sysctls map[string]string `json:",omitempty"`
	// CgroupParent is the pod's cgroup, absolute from the root of each cgroup hierarchy. A container's cgroup is a child
	// of it, named as the container's ID.
	CgroupParent string
}

// Mount is a file or directory of the host at a path inside a container, with what is mounted below it now.
type Mount struct {
	// Source is an absolute path outside the container.
	Source string
	// Target is an absolute path inside the container; it is made if it is not there.
	Target string
	// ReadOnly forbids the container to write.
	ReadOnly bool
	// ReadOnlyBelow forbids it also in what is mounted below.
	ReadOnlyBelow bool
	// Propagation says where mounts show that are made below it later.
	Propagation Propagation
}

// Propagation says whether what is mounted on one side of a mount shows on the other. Outside of the container, the source must lie in a shared mount.
type Propagation string

// The propagations.
const (
	Private Propagation = ""       // nothing shows on the other side
	Slave   Propagation = "slave"  // what is mounted outside shows inside
	Shared  Propagation = "shared" // … and the other way round
)

// Resources are the limits of a cgroup, a container's or a pod's. Zero means: none set.
type Resources struct {
	// CPUShares is the weight against siblings, 2 to 262144, 1024 for one CPU. On cgroup v2 it becomes cpu.weight.
	CPUShares uint64
	// CPUQuota is how many microseconds it may run in each CPUPeriod (also microseconds, 100000 if zero).
	CPUQuota  int64
	CPUPeriod uint64
	// MemoryLimit is in bytes; above it the kernel kills a process in it.
	MemoryLimit int64
	// PidsLimit bounds the number of threads and processes.
	PidsLimit int64
	// Unified are further files of a cgroup of version 2 and what is written to them ("memory.oom.group": "1").
	Unified map[string]string
}

// Config describes one container.
type Config struct {
	// ID names the container; unique in its sandbox, at most 200 letters, digits and any of ".-_".
	ID string
	// Layers are the directories of an unpacked image, lowest first. They are only read, so containers share them.
	Layers []string
	// Args is the command with its arguments, never empty. The first is looked up in the container's $PATH.
	Args []string
	// Env is the whole environment as KEY=value; PATH is added if it is not there, HOME from the user's entry.
	Env []string
	// Cwd is the working directory, "/" if empty; it is made if it is not there.
	Cwd string
	// User is "uid", "uid:gid", "name" or "name:group"; names are looked up in the container's /etc/passwd and
	// /etc/group. Empty: root.
	User string
	// Groups are further group IDs of the process.
	Groups []int

	// Mounts come on top of the usual ones (/proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys, /sys/fs/cgroup), in order.
	Mounts []Mount

	// HostPID has the container see the processes that the shim sees: on a node of namespaces too, those of the whole machine.
	HostPID bool
	// ProcessesOf is the ID of a container of the sandbox, running, whose processes this one shares: it sees them, and ends when that one ends.
	// [PauseID]: those of all containers that say so. Empty: it has processes of its own.
	ProcessesOf string

	Resources Resources
	// OOMScoreAdj, -1000 to 1000: who dies first when the node runs out of memory. What the kernel does not permit us is
	// left as it is.
	OOMScoreAdj int

	// CapAdd and CapDrop change the default set of capabilities ("NET_ADMIN", "CAP_NET_ADMIN" or "ALL").
	CapAdd, CapDrop []string
	// Privileged gives every capability and every device, masks nothing and mounts /sys and the cgroups writable.
	Privileged     bool
	ReadonlyRootfs bool
	// NoNewPrivs stops set-user-ID programs from gaining anything (prctl PR_SET_NO_NEW_PRIVS).
	NoNewPrivs bool
	// Seccomp says which system calls the container may make: [SeccompDefault], [SeccompUnconfined] or the path of a profile in
	// the JSON that Docker and runc read. A privileged one may make all.
	Seccomp string
	// MaskedPaths are hidden and ReadonlyPaths protected inside the container. Nil: [DefaultMaskedPaths] and
	// [DefaultReadonlyPaths]; empty but not nil: none. Privileged ignores both.
	MaskedPaths, ReadonlyPaths []string

	// Terminal gives the command a terminal; its output is then one stream, stdout.
	Terminal bool
	// Stdin keeps a stdin open for [Shim.Attach]; without it the command reads /dev/null.
	Stdin bool
	// StdinOnce closes stdin when the first client that attached with a stdin has gone.
	StdinOnce bool
	// Patience is how long its preparation may take, a minute if zero. Then all of it is killed, and it has exited.
	Patience time.Duration
	// Note is whatever its owner wants to find again beside its status, also when the shim is dead.
	Note string
	// LogPath is the file that stdout and stderr go to, in CRI format; its directory must exist. Empty: no log.
	LogPath string
}

// Values of Config.Seccomp.
const (
	SeccompDefault    = "" // Docker's: what changes the machine, or has been a way out of containers, is refused
	SeccompUnconfined = "unconfined"
)

// State is where a container is in its life.
type State string

const (
	// Created: everything is set up and the command has not begun.
	Created State = "created"
	// Running: the command runs.
	Running State = "running"
	// Exited: the command has ended, or never will begin.
	Exited State = "exited"
)

// Status is a container as its shim sees it, or as its exit file tells when the shim is dead.
type Status struct {
	ID    string
	State State
	// PID is the command's process ID in the shim's PID namespace, 0 once it has exited.
	PID                              int
	CreatedAt, StartedAt, FinishedAt time.Time // zero: has not happened
	// ExitCode is the command's, or 128 plus the signal that ended it.
	ExitCode int
	// Reason is a word for programs once exited: [ReasonCompleted], [ReasonError], [ReasonStartError], [ReasonOOMKilled] or [ReasonShimDied].
	Reason string
	// Message is a sentence for people, often empty.
	Message string
	// Note is that of the Config.
	Note string `json:",omitempty"`
}

// Reasons of an exit.
const (
	ReasonCompleted  = "Completed"  // exit code 0
	ReasonError      = "Error"      // any other exit code or signal
	ReasonStartError = "StartError" // the command never began; the code is [StartErrorCode] and the message says why
	ReasonOOMKilled  = "OOMKilled"  // the kernel killed a process of it at the memory limit
	ReasonShimDied   = "ShimDied"   // its shim was killed, and it with it; the code is 137
)

// StartErrorCode is the exit code of a container whose command never began, as containerd has it.
const StartErrorCode = 128

// ExecConfig is a further command in a running container. What is not here is as in the container's own Config.
type ExecConfig struct {
	Args []string
	// Env is added to the container's.
	Env []string
	// Cwd and User replace the container's if not empty.
	Cwd, User string
	Terminal  bool
}

// Errors to be told apart with errors.Is.
var (
	// ErrNotFound: the sandbox has no container with that ID.
	ErrNotFound = errors.New("no such container")
	// ErrExists: the sandbox has a container with that ID.
	ErrExists = errors.New("container exists")
	// ErrNotRunning: the container is not in a state in which that can be done.
	ErrNotRunning = errors.New("container is not running")
	// ErrShimDead: the shim has gone, and its containers with it. Status, List, Delete and Stop still work.
	ErrShimDead = errors.New("the pod's shim is dead")
)
