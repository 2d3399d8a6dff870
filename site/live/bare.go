//go:build linux

package live

import (
	"context"
	"encoding/json"
	"errors"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/cluster"
)

// bareContainer is one that runs and that only its runtime knows of: no pod of the API has it. `kube cri run` makes such.
type bareContainer struct {
	about  string // container/NAMESPACE/POD/NAME
	cgroup string
	host   int // the first process of its node
}

// bare asks the runtimes of all nodes for the containers that run and are not among those that are known, by ID. A
// runtime that is dead for the moment is asked again the next time.
func (n networks) bare(ctx context.Context, spec cluster.Spec, list []cluster.Status, known func(id string) bool) (map[string]bareContainer, error) {
	found := map[string]bareContainer{}
	var failures []error
	for _, host := range list {
		if host.Role != cluster.Node || !host.Running {
			continue
		}
		network, err := n.of(spec, host)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		network.addBare(ctx, host.PID, known, found)
	}
	return found, errors.Join(failures...)
}

func (n *network) addBare(ctx context.Context, host int, known func(id string) bool, found map[string]bareContainer) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	runtime := cri.NewRuntimeServiceClient(n.runtime)
	running := &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	list, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{State: running}})
	if err != nil {
		return // its process is dead: that is told elsewhere
	}
	still := map[string]bareContainer{}
	for _, container := range list.Containers {
		if known(container.Id) {
			continue
		}
		one, asked := n.others[container.Id]
		if !asked {
			if one, err = describe(ctx, runtime, container); err != nil {
				continue // it has just ended
			}
		}
		one.host = host
		still[container.Id], found[container.Id] = one, one
	}
	n.others = still
}

// describe asks whose a container is, and where its cgroup lies: our runtime says that among what it tells beyond CRI.
func describe(ctx context.Context, runtime cri.RuntimeServiceClient, container *cri.Container) (bareContainer, error) {
	pod, err := runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: container.PodSandboxId})
	if err != nil {
		return bareContainer{}, err
	}
	status, err := runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: container.Id, Verbose: true})
	if err != nil {
		return bareContainer{}, err
	}
	var info struct{ Cgroup string }
	if err := json.Unmarshal([]byte(status.Info["info"]), &info); err != nil {
		return bareContainer{}, err
	}
	whose := pod.Status.Metadata
	return bareContainer{about: "container/" + whose.Namespace + "/" + whose.Name + "/" + container.Metadata.Name, cgroup: info.Cgroup}, nil
}
