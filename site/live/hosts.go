//go:build linux

package live

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"kubelab/kube/cluster"
	"kubelab/kube/trace"
	"kubelab/site/record"
)

// hosts tells what only the hosts know. What the API server tells others says when to look.
type hosts struct {
	cluster    string
	facts      *facts
	processes  processes
	containers containers
	networks   networks
	pids       map[string]int // of the first processes of hosts that were on when they were last looked at

	mu      sync.Mutex
	pods    map[trace.Ref]*corev1.Pod // that are on a host
	ranges  map[string]string         // of the nodes' pods
	touched map[string]bool           // hosts whose network may have changed
	poke    chan struct{}
}

func newHosts(name string, tell func(record.Frame)) *hosts {
	return &hosts{
		cluster: name, facts: newFacts(tell), containers: containers{}, networks: networks{}, pids: map[string]int{},
		pods: map[trace.Ref]*corev1.Pod{}, ranges: map[string]string{}, touched: map[string]bool{}, poke: make(chan struct{}, 1),
	}
}

// look takes note of an object that says something about a host.
func (h *hosts) look(object *unstructured.Unstructured) {
	switch object.GetKind() {
	case "Pod":
		var pod corev1.Pod
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod) == nil && pod.Spec.NodeName != "" {
			h.note(func() { h.pods[refOf("pods", object)] = &pod })
		}
	case "Node":
		podRange, _, _ := unstructured.NestedString(object.Object, "spec", "podCIDR")
		h.note(func() { h.ranges[object.GetName()] = podRange })
	}
}

// gone takes note of the end of an object.
func (h *hosts) gone(ref trace.Ref) {
	switch ref.Resource {
	case "pods":
		h.note(func() { delete(h.pods, ref) })
	case "nodes":
		h.note(func() { delete(h.ranges, ref.Name) })
	}
}

// step takes note of a step that may have changed a host's network: the runtime plugs pods in, the proxy writes rules
// and routes.
func (h *hosts) step(step trace.Step) {
	if step.Host != "" && (step.Component == "runtime" || step.Component == "proxy") {
		h.note(func() { h.touched[step.Host] = true })
	}
}

// note changes what is known, and lets the hosts be looked at.
func (h *hosts) note(change func()) {
	h.mu.Lock()
	change()
	h.mu.Unlock()
	select {
	case h.poke <- struct{}{}:
	default:
	}
}

// The pace of looking. What happens at once is looked at once.
const (
	surveyEvery = time.Second
	settle      = 100 * time.Millisecond
)

// run looks at the hosts until ctx is done.
func (h *hosts) run(ctx context.Context) {
	defer h.networks.close()
	failure := "" // the last one, which is not said again
	for ctx.Err() == nil {
		said := ""
		if err := h.survey(ctx); err != nil {
			said = err.Error()
		}
		if said != failure && said != "" && ctx.Err() == nil {
			slog.Warn("the picture of the hosts is incomplete", "error", said)
		}
		failure = said
		select {
		case <-ctx.Done():
		case <-time.After(surveyEvery):
		case <-h.poke:
			select {
			case <-ctx.Done():
			case <-time.After(settle):
			}
		}
	}
}

// survey looks at all hosts: at processes always, at networks where something has touched them.
func (h *hosts) survey(ctx context.Context) error {
	spec, list, err := cluster.List(h.cluster)
	if err != nil {
		return err
	}
	h.mu.Lock()
	pods, ranges, touched := maps.Clone(h.pods), maps.Clone(h.ranges), h.touched
	h.touched = map[string]bool{}
	h.mu.Unlock()

	changed := false
	for _, host := range list {
		pid := 0
		if host.Running {
			pid = host.PID
		}
		if h.pids[host.Name] != pid {
			h.pids[host.Name], touched[host.Name], changed = pid, true, true
		}
	}
	if err := h.facts.update("host", hostFacts(list, ranges)); err != nil {
		return err
	}
	running, err := h.processes.look(h.cluster, changed)
	if err != nil {
		return err
	}
	if err := h.facts.update("process", running); err != nil {
		return err
	}
	var deaf error
	bare := func(known func(id string) bool) map[string]bareContainer {
		found, err := h.networks.bare(ctx, spec, list, known)
		deaf = err
		return found
	}
	if err := h.facts.update("container", h.containers.look(spec, list, pods, bare)); err != nil {
		return err
	}
	return errors.Join(deaf, h.lookAtNetworks(ctx, spec, list, touched))
}

// hostFact is what is told of a host.
type hostFact struct {
	Addresses []string `json:"addresses"`
	State     string   `json:"state"` // up, cut (its cable is out) or off
	PodCIDR   string   `json:"podCIDR,omitempty"`
}

func hostFacts(list []cluster.Status, ranges map[string]string) map[string]any {
	now := map[string]any{}
	for _, host := range list {
		fact := hostFact{Addresses: []string{host.Address.String()}, State: "up", PodCIDR: ranges[host.Name]}
		switch {
		case !host.Running:
			fact.State = "off"
		case host.Cut:
			fact.State = "cut"
		}
		now["host/"+host.Name] = fact
	}
	return now
}
