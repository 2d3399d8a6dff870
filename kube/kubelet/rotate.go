//go:build linux

package kubelet

import (
	"context"
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

// rotateLogs keeps the logs of running containers from filling the disk, until ctx is done.
func (k *Kubelet) rotateLogs(ctx context.Context) error {
	ticker := time.NewTicker(rotateInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := rotateAll(ctx, k.runtime, maxLog); err != nil && ctx.Err() == nil {
			slog.Warn("logs are not rotated", "error", err)
		}
	}
}

// rotateAll puts every log aside that has grown to max bytes.
func rotateAll(ctx context.Context, runtime *cri.Runtime, max int64) error {
	running, err := runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{
		State: &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}})
	if err != nil {
		return err
	}
	for _, container := range running.Containers {
		answer, err := runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: container.Id})
		if err != nil {
			continue // it has just gone
		}
		path := answer.GetStatus().GetLogPath()
		if file, err := os.Stat(path); err != nil || file.Size() < max {
			continue
		}
		if err := rotate(ctx, runtime, container.Id, path); err != nil {
			return err
		}
	}
	return nil
}

// rotate renames a log and has its writer begin a new one. Until then the writer goes on in the renamed file, so
// no line is lost.
func rotate(ctx context.Context, runtime *cri.Runtime, id, path string) error {
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
