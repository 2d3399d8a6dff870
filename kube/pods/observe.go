//go:build linux

package pods

import (
	"context"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods/observed"
)

// Hear takes in an event of the runtime, and has the pods looked at of which it is news.
func (o *Operator) Hear(ctx context.Context, event *runtimeapi.ContainerEventResponse) error {
	listed := o.observed.Listed()
	news, err := o.observed.Hear(ctx, event)
	o.listed(listed)
	for pod, n := range news {
		o.changed(pod, n)
	}
	return err
}

// changed has a pod looked at that the runtime has told of. What it tells of a job's doing can wait for the job's end. An end cannot, in whichever
// event it was told of: all that tell of it after that are no news.
func (o *Operator) changed(pod operator.Key, n observed.News) {
	if n == observed.End || n == observed.Work && !o.works(pod) {
		o.loop.Add(pod)
	}
}

// Relist takes in all that the runtime has. It is called whenever events may have been missed, and before any pod is begun with.
func (o *Operator) Relist(ctx context.Context) error {
	found, err := o.look(ctx, nil)
	for pod := range found {
		o.loop.Add(pod)
	}
	return err
}

// Lost tells that the runtime is not listened to any more. Until the next Relist nothing is done.
func (o *Operator) Lost() { o.observed.Lost() }

// look asks the runtime what it has, or what it has under a pod's name, and says what is news of which pods.
func (o *Operator) look(ctx context.Context, only *operator.Key) (map[operator.Key]observed.News, error) {
	listed := o.observed.Listed()
	found, err := o.observed.Look(ctx, only)
	o.listed(listed)
	return found, err
}

// listed has all pods looked at after the first list of everything, whoever asked for it: they could not be before.
func (o *Operator) listed(before bool) {
	if !before && o.observed.Listed() {
		o.wakeAll()
	}
}
