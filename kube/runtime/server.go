//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"

	"kubelab/kube/containers"
	"kubelab/kube/images"
	"kubelab/kube/podnet"
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
	cri.UnimplementedImageServiceServer

	config    Config
	images    *images.Store
	streams   streaming.Server
	listeners listeners
	context   context.Context // ends when the runtime is to end
	following sync.WaitGroup  // one for each living shim
	imageUse  sync.RWMutex    // held for reading while a container is made from an image

	mu         sync.Mutex // guards what follows, and most of what is in it
	network    *podnet.Network
	podCIDR    netip.Prefix
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

// Run takes over what an earlier runtime left in config.Root, and then serves CRI until ctx ends. Pods live on without it.
func Run(ctx context.Context, config Config) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &Runtime{config: config, context: ctx, sandboxes: map[string]*sandbox{}, containers: map[string]*container{}}
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
	if r.images, err = images.Open(filepath.Join(r.config.Root, "images")); err != nil {
		return err
	}
	if err := r.recover(ctx); err != nil {
		return fmt.Errorf("take over the pods in %s: %w", r.config.Root, err)
	}
	defer r.closeNetwork()
	stopStreams, err := r.serveStreams()
	if err != nil {
		return err
	}
	defer stopStreams()
	return r.serve(ctx)
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

func (r *Runtime) serve(ctx context.Context) error {
	path, found := strings.CutPrefix(r.config.Listen, "unix://")
	if !found || !filepath.IsAbs(path) {
		return fmt.Errorf("listen on %q: want unix:// and an absolute path", r.config.Listen)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the directory of the CRI socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the CRI socket of an earlier runtime: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("open the CRI socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // who may use it is root
		return errors.Join(err, listener.Close())
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.ChainUnaryInterceptor(withLog, withCodes, withNotes))
	cri.RegisterRuntimeServiceServer(server, r)
	cri.RegisterImageServiceServer(server, r)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	slog.Info("CRI is served", "socket", path, "sandboxes", len(r.sandboxes))
	return server.Serve(listener)
}

// maxMessage is the bound that the kubelet has too: 16 MiB.
const maxMessage = 16 << 20

// withLog leaves a line per call, for those who ask for it.
func withLog(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	response, err := handler(ctx, request)
	slog.Debug("CRI call", "call", filepath.Base(info.FullMethod), "took", time.Since(start), "error", err)
	return response, err
}

// withCodes gives errors the codes that CRI clients tell them apart by.
func withCodes(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	response, err := handler(ctx, request)
	return response, coded(err)
}

func coded(err error) error {
	var coded interface{ GRPCStatus() *status.Status }
	if err == nil || errors.As(err, &coded) {
		return err
	}
	for _, known := range []struct {
		err  error
		code codes.Code
	}{
		{containers.ErrNotFound, codes.NotFound},
		{containers.ErrExists, codes.AlreadyExists},
		{containers.ErrNotRunning, codes.FailedPrecondition},
		{containers.ErrShimDead, codes.FailedPrecondition},
		{images.ErrNotFound, codes.NotFound},
		{images.ErrInvalidName, codes.InvalidArgument},
		{images.ErrNoRoom, codes.ResourceExhausted},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{context.Canceled, codes.Canceled},
	} {
		if errors.Is(err, known.err) {
			return status.Error(known.code, err.Error())
		}
	}
	return status.Error(codes.Internal, err.Error())
}
