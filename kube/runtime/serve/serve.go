//go:build linux

// Package serve is the gRPC server around the runtime: its socket, and what surrounds every call (a line in the log, the codes that clients
// tell errors apart by, the steps that it made).
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/images"
	"kubelab/kube/runtime/steps"
)

// Run answers calls of CRI at a socket that only root may use (unix:///run/kubelab/runtime.sock), until ctx ends.
func Run(ctx context.Context, listen string, runtime cri.RuntimeServiceServer, imageService cri.ImageServiceServer) error {
	path, found := strings.CutPrefix(listen, "unix://")
	if !found || !filepath.IsAbs(path) {
		return fmt.Errorf("listen on %q: want unix:// and an absolute path", listen)
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
		grpc.ChainUnaryInterceptor(withLog, withCodes, steps.Intercept))
	cri.RegisterRuntimeServiceServer(server, runtime)
	cri.RegisterImageServiceServer(server, imageService)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	slog.Info("CRI is served", "socket", path)
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
