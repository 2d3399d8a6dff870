//go:build linux

package runtime

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/images"
	"kubelab/kube/podnet"
	"kubelab/kube/runtime/imageservice"
	"kubelab/kube/runtime/serve"
	"kubelab/kube/runtime/sessions"
)

// Config says where a runtime keeps things and what it works with.
type Config struct {
	// Root is the absolute path of the directory for everything: pods, images, addresses. One runtime may use it at a time.
	Root string
	// Listen is the address of the CRI socket, unix:///run/kubelab/runtime.sock for example.
	Listen string
	// Shim is the path of the program kube/cmd/kube-shim.
	Shim string
	// PodCIDR is the range of the node's pods. The zero value: the one that a kubelet gave last (UpdateRuntimeConfig),
	// and until one does, only pods in the node's own network can run.
	PodCIDR netip.Prefix
	// ClusterCIDR is the range of all nodes' pods.
	ClusterCIDR netip.Prefix
	// CgroupParent is where the cgroups of those pods go for which CRI names none.
	CgroupParent string
}

// Runtime is a CRI server: sandboxes and containers, and who listens to them.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer

	config    Config
	images    *imageservice.Service
	sessions  *sessions.Server
	events    events
	context   context.Context // ends when the runtime is to end
	following sync.WaitGroup  // one for each living shim

	mu         sync.Mutex // guards what follows, and most of what is in it
	network    *podnet.Network
	podCIDR    netip.Prefix
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

// Run takes over what an earlier runtime left in config.Root, and then serves CRI until ctx ends. Pods live on without it.
func Run(ctx context.Context, config Config) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &Runtime{
		config: config, context: ctx, events: events{Bound: maxWaiting},
		sandboxes: map[string]*sandbox{}, containers: map[string]*container{},
	}
	defer r.following.Wait()
	defer cancel()
	if err := os.MkdirAll(r.podsDir(), 0o700); err != nil {
		return fmt.Errorf("make the runtime's directory: %w", err)
	}
	// The kernel lists mounts by their real paths.
	var err error
	if r.config.Root, err = filepath.EvalSymlinks(config.Root); err != nil {
		return err
	}
	lock, err := r.lockRoot()
	if err != nil {
		return err
	}
	defer lock.Close()
	dir := filepath.Join(r.config.Root, "images")
	store, err := images.Open(dir)
	if err != nil {
		return err
	}
	r.images = &imageservice.Service{Store: store, Dir: dir, Pods: r.podsDir(), User: r.imageUser}
	if err := r.recover(ctx); err != nil {
		return fmt.Errorf("take over the pods in %s: %w", r.config.Root, err)
	}
	defer r.closeNetwork()
	if r.sessions, err = sessions.Serve(r); err != nil {
		return err
	}
	defer r.sessions.Close()
	return serve.Run(ctx, r.config.Listen, r, r.images)
}

// lockPatience is how long a runtime waits for an earlier one to be gone: when that was killed in the middle of starting
// a shim, its lock is also the new process's, until that has become the shim.
const lockPatience = 2 * time.Second

// lockRoot keeps a second runtime out. The kernel drops the lock when the process ends, however it ends.
func (r *Runtime) lockRoot() (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(r.config.Root, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return lock, nil
		} else if err != syscall.EWOULDBLOCK || time.Now().After(deadline) {
			lock.Close()
			return nil, fmt.Errorf("another runtime works in %s: end it first, or give this one another --root (%w)", r.config.Root, err)
		}
	}
}
