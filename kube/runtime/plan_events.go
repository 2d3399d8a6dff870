package runtime

import (
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// stages orders a container's life: late news of an earlier stage is no news.
var stages = map[containers.State]int{containers.Created: 1, containers.Running: 2, containers.Exited: 3}

// Transition says what to tell the listeners when a container that was in the state before is found to be as in now. The
// news of its start may come after that of its exit; the listeners hear of both, in order.
func Transition(before containers.State, now containers.Status) []cri.ContainerEventType {
	var events []cri.ContainerEventType
	if before == containers.Created && !now.StartedAt.IsZero() {
		events = append(events, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
	}
	if before != containers.Exited && now.State == containers.Exited {
		events = append(events, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
	}
	return events
}
