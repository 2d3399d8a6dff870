//go:build linux

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/pods/cri"
)

const (
	rotateInterval = 10 * time.Second
	// maxLog is the size from which a log is put aside. One that was put aside is kept.
	maxLog = 10 << 20
)

// KeepLogsSmall keeps the logs of running containers from filling the disk, until ctx is done.
func KeepLogsSmall(ctx context.Context, runtime runtimeapi.RuntimeServiceClient) {
	ticker := time.NewTicker(rotateInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := RotateLogs(ctx, runtime, maxLog); err != nil && ctx.Err() == nil {
			slog.Warn("logs are not rotated", "error", err)
		}
	}
}

// RotateLogs puts the log of every running container aside that has grown to max bytes. The error tells of all that cannot be rotated.
func RotateLogs(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, max int64) error {
	running, err := runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{
		State: &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}})
	if err != nil {
		return err
	}
	var failures []error
	for _, container := range running.Containers {
		answer, err := runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: container.Id})
		if err != nil {
			continue // it has just gone
		}
		path := answer.GetStatus().GetLogPath()
		if file, err := os.Stat(path); err != nil || file.Size() < max {
			continue
		}
		failures = append(failures, rotate(ctx, runtime, container.Id, path))
	}
	return errors.Join(failures...)
}

// rotate renames a log and has its writer begin a new one. Until then the writer goes on in the renamed file, so
// no line is lost.
func rotate(ctx context.Context, runtime runtimeapi.RuntimeServiceClient, id, path string) error {
	if err := os.Rename(path, cri.RotatedLog(path)); err != nil {
		return fmt.Errorf("put log aside: %w", err)
	}
	if _, err := runtime.ReopenContainerLog(ctx, &runtimeapi.ReopenContainerLogRequest{ContainerId: id}); err != nil {
		if back := os.Rename(cri.RotatedLog(path), path); back != nil {
			return fmt.Errorf("put log back: %w", back)
		}
		return fmt.Errorf("reopen log of container %s: %w", id, err)
	}
	return nil
}
