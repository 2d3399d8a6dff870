//go:build linux

package serve

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods"
	"kubelab/kube/pods/cri"
)

// serveLogs copies a container's log, and goes on as long as it grows if the caller wants to follow.
func (s *server) serveLogs(w http.ResponseWriter, r *http.Request) error {
	pod, err := s.podOf(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	options, err := logOptions(query, time.Now())
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	name := r.PathValue("container")
	record, err := s.logged(r.Context(), pod, name, query.Get("previous") == "true")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	var out io.Writer = w
	if options.Follow {
		out = flushing{w, http.NewResponseController(w)}
	}
	only := query.Get("stream")
	stdout, stderr := out, out
	if only == corev1.LogStreamStdout {
		stderr = io.Discard
	} else if only == corev1.LogStreamStderr {
		stdout = io.Discard
	}
	// The headers are out: an error now can only break the answer off.
	if err := logs.ReadLogs(r.Context(), record.LogPath, record.Id, options, statuses{runtime: s.runtime}, stdout, stderr); err != nil && r.Context().Err() == nil {
		fmt.Fprintf(w, "%v\n", err)
	}
	return nil
}

// logOptions reads what kubectl logs was asked for.
func logOptions(query url.Values, now time.Time) (*logs.LogOptions, error) {
	options := &logs.LogOptions{Follow: query.Get("follow") == "true", Timestamp: query.Get("timestamps") == "true"}
	number := func(name string) (*int64, error) {
		text := query.Get(name)
		if text == "" {
			return nil, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s must be a number that is not negative, and is %q", name, text)
		}
		return &n, nil
	}
	var err error
	if options.TailLines, err = number("tailLines"); err != nil {
		return nil, err
	}
	if options.LimitBytes, err = number("limitBytes"); err != nil {
		return nil, err
	}
	since, err := number("sinceSeconds")
	if err != nil {
		return nil, err
	}
	if since != nil {
		options.Since = now.Add(-time.Duration(*since) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		if options.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, fmt.Errorf("sinceTime: %w", err)
		}
	}
	return options, nil
}

// logged is the attempt of a container whose log is asked for.
func (s *server) logged(ctx context.Context, pod *corev1.Pod, name string, previous bool) (*runtimeapi.ContainerStatus, error) {
	records, err := s.containersOf(ctx, pod, name)
	if err != nil {
		return nil, err
	}
	if previous {
		records = records[min(len(records), 1):]
	}
	switch {
	case len(records) == 0 && previous:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", name, pod.Name))
	case len(records) == 0:
		why := pods.ContainerCreating
		if waiting := podspec.StatusOf(&pod.Status, name).State.Waiting; waiting != nil {
			why = waiting.Reason
		}
		return nil, apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %s", name, pod.Name, why))
	}
	answer, err := s.runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: records[0].Id})
	if err != nil {
		return nil, err
	}
	return answer.Status, nil
}

// containersOf are the runtime's records of one container of a pod, newest first.
func (s *server) containersOf(ctx context.Context, pod *corev1.Pod, name string) ([]*runtimeapi.Container, error) {
	answer, err := s.runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{
		Filter: &runtimeapi.ContainerFilter{LabelSelector: cri.LabelsOf(pod, name)}})
	if err != nil {
		return nil, fmt.Errorf("look for container %s of pod %s/%s: %w", name, pod.Namespace, pod.Name, err)
	}
	slices.SortFunc(answer.Containers, func(a, b *runtimeapi.Container) int {
		return cmp.Compare(b.GetMetadata().GetAttempt(), a.GetMetadata().GetAttempt())
	})
	return answer.Containers, nil
}

// sandboxOf is the sandbox that a pod has now.
func (s *server) sandboxOf(ctx context.Context, pod *corev1.Pod) (string, error) {
	answer, err := s.runtime.ListPodSandbox(ctx, &runtimeapi.ListPodSandboxRequest{Filter: &runtimeapi.PodSandboxFilter{
		LabelSelector: cri.LabelsOf(pod, ""),
		State:         &runtimeapi.PodSandboxStateValue{State: runtimeapi.PodSandboxState_SANDBOX_READY},
	}})
	if err != nil {
		return "", fmt.Errorf("look for the sandbox of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if len(answer.Items) == 0 {
		return "", apierrors.NewBadRequest(fmt.Sprintf("pod %s/%s has no network at present", pod.Namespace, pod.Name))
	}
	return answer.Items[0].Id, nil
}

// statuses is the part of the runtime that the reader of logs asks: whether the container still runs.
type statuses struct {
	criapi.RuntimeService
	runtime runtimeapi.RuntimeServiceClient
}

// ContainerStatus asks the runtime.
func (s statuses) ContainerStatus(ctx context.Context, id string, verbose bool) (*runtimeapi.ContainerStatusResponse, error) {
	return s.runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: id, Verbose: verbose})
}

// flushing sends every line on its way at once.
type flushing struct {
	io.Writer
	control *http.ResponseController
}

// Write writes and flushes.
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}
