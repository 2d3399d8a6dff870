//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/podnet"
	"kubelab/kube/runtime/spec"
	"kubelab/kube/runtime/steps"
)

// What a kubelet finds out about the runtime before it runs pods, and what it tells it: the range of the node's pods.

// Version says who we are.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: "kubelab", RuntimeVersion: "0.1.0", RuntimeApiVersion: "v1"}, nil
}

// Status says whether pods can run.
func (r *Runtime) Status(_ context.Context, request *cri.StatusRequest) (*cri.StatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	network := &cri.RuntimeCondition{Type: cri.NetworkReady, Status: r.network != nil}
	if r.network == nil {
		network.Reason, network.Message = "NoPodCIDR", "the node has no range of pod addresses yet"
	}
	response := &cri.StatusResponse{
		Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{{Type: cri.RuntimeReady, Status: true}, network}},
	}
	if request.GetVerbose() {
		response.Info = info(map[string]any{"root": r.config.Root, "podCIDR": r.podCIDR, "shim": r.config.Shim})
	}
	return response, nil
}

// UpdateRuntimeConfig takes the range of the node's pods from the kubelet, and remembers it for the next start.
func (r *Runtime) UpdateRuntimeConfig(_ context.Context, request *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	text := request.GetRuntimeConfig().GetNetworkConfig().GetPodCidr()
	if text == "" {
		return &cri.UpdateRuntimeConfigResponse{}, nil
	}
	podCIDR, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "pod range %q: want one such as 10.244.1.0/24", text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.network != nil && r.podCIDR == podCIDR {
		return &cri.UpdateRuntimeConfigResponse{}, nil
	}
	for _, sb := range r.sandboxes {
		if sb.record.IP != "" && sb.ready {
			return nil, status.Errorf(codes.FailedPrecondition, "the pod range cannot change from %s to %s while pods use it: stop them first", r.podCIDR, podCIDR)
		}
	}
	if err := r.openNetwork(podCIDR, nil); err != nil {
		return nil, err
	}
	if err := writeRecord(r.rangeFile(), podCIDR); err != nil {
		return nil, fmt.Errorf("remember the pod range: %w", err)
	}
	return &cri.UpdateRuntimeConfigResponse{}, nil
}

func (r *Runtime) rangeFile() string { return filepath.Join(r.config.Root, "pod-cidr.json") }

// rememberedRange is the range to begin with; the zero value if there is none yet.
func (r *Runtime) rememberedRange() netip.Prefix {
	podCIDR := r.config.PodCIDR
	if podCIDR.IsValid() {
		return podCIDR
	}
	if err := readRecord(r.rangeFile(), &podCIDR); err != nil && !errors.Is(err, os.ErrNotExist) {
		slog.Error("the range of the node's pods cannot be read: a kubelet will tell it again", "file", r.rangeFile(), "error", err)
		return netip.Prefix{}
	}
	return podCIDR
}

// openNetwork makes the pod network usable; pods are the sandboxes that keep their place in it, and their addresses. The lock is held, or
// nobody else is there yet.
func (r *Runtime) openNetwork(podCIDR netip.Prefix, pods map[string]netip.Addr) error {
	network, err := podnet.Open(podnet.Config{
		Dir: filepath.Join(r.config.Root, "network"), PodCIDR: podCIDR, ClusterCIDR: r.config.ClusterCIDR, Pods: pods,
	})
	if err != nil {
		return err
	}
	r.closeNetwork()
	r.network, r.podCIDR = network, podCIDR
	return nil
}

func (r *Runtime) closeNetwork() {
	if r.network != nil {
		r.network.Close()
	}
}

func (r *Runtime) podNetwork() *podnet.Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.network
}

// plugIn gives a sandbox its place in the pod network, if it is not to be in the node's.
func (r *Runtime) plugIn(ctx context.Context, record *sandboxRecord) error {
	if spec.Namespaces(record.Config).GetNetwork() == cri.NamespaceMode_NODE {
		return nil
	}
	network := r.podNetwork()
	if network == nil {
		return status.Error(codes.FailedPrecondition, "the node has no range of pod addresses yet, so only pods with hostNetwork can run: give one with --pod-cidr, or have a kubelet call UpdateRuntimeConfig")
	}
	place, err := network.Attach(ctx, record.ID)
	if err != nil {
		return err
	}
	record.IP, record.NetNS = place.IP.String(), place.NetNS
	steps.Note(ctx, "create netns", "%s", place.NetNS)
	steps.Note(ctx, "attach veth", "%s: eth0 in the pod, %s on the node", place.IP, place.HostVeth)
	return nil
}

// unplug takes that place back. A sandbox that has none is no error.
func (r *Runtime) unplug(ctx context.Context, id string) error {
	network := r.podNetwork()
	if network == nil {
		return nil
	}
	place, attached := network.Get(id)
	if err := network.Detach(ctx, id); err != nil {
		return err
	}
	if attached {
		steps.Note(ctx, "detach veth", "%s is free again", place.IP)
	}
	return nil
}

// text is what an error says, empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// info is what crictl shows of a verbose answer: JSON below a key.
func info(about map[string]any) map[string]string {
	text, err := json.Marshal(about)
	if err != nil {
		return nil
	}
	return map[string]string{"info": string(text)}
}
