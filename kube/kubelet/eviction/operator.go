//go:build linux

package eviction

import (
	"context"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/pods/cri"
	"kubelab/kube/volumes"
)

// interval is how often volumes are measured. Upstream looks as often, at figures that may be a minute old.
const interval = 10 * time.Second

// Run measures the volumes of the node's pods until ctx is done, and has those evicted that exceed a limit of theirs.
func Run(ctx context.Context, node cri.Node, pods corelisters.PodLister, evict func(ctx context.Context, pod *corev1.Pod, message string)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		all, err := pods.List(labels.Everything())
		if err != nil {
			continue // the watch's memory has no errors
		}
		for _, pod := range all {
			if message := Plan(pod, measure(node, pod)); message != "" {
				evict(ctx, pod, message)
			}
		}
	}
}

// measure is how many bytes the volumes of a pod take that have a limit.
func measure(node cri.Node, pod *corev1.Pod) map[string]int64 {
	used := map[string]int64{}
	for _, v := range Limited(pod) {
		bytes, err := volumes.Directory{Path: node.PodDirectory(string(pod.UID))}.Used(v.Name, v.EmptyDir.SizeLimit.Value())
		if err != nil {
			slog.Warn("a volume cannot be measured, so its limit does not hold", "pod", pod.Namespace+"/"+pod.Name, "volume", v.Name, "error", err)
		}
		used[v.Name] = bytes
	}
	return used
}
