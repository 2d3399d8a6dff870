//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/volumes"
)

// volumesOf is where a pod's volumes lie.
func (n files) volumesOf(uid string) volumes.Directory {
	return volumes.Directory{Path: n.PodDirectory(uid)}
}

// gatherVolumes puts into have what the pod's volumes are to be now.
func (o *Operator) gatherVolumes(key operator.Key, pod *corev1.Pod, have *Current) error {
	if pod == nil || len(pod.Spec.Volumes) == 0 {
		return nil
	}
	if api.PodEnded(pod) || pod.DeletionTimestamp != nil {
		have.Volumes.Left = o.files.volumesOf(string(pod.UID)).Exist()
		return nil
	}
	from := volumes.Sources{Objects: map[podspec.Object]map[string]string{}, Node: o.node.Capacity()}
	for _, ref := range podspec.References(&pod.Spec) {
		if ref.Container != "" || ref.Pulls || ref.Resource != podspec.ConfigMaps && ref.Resource != podspec.Secrets {
			continue
		}
		object, seen, err := o.objects.get(key, reference{ref.Resource, key.Namespace, ref.Name})
		if err != nil {
			return err
		}
		have.Volumes.Awaited = have.Volumes.Awaited || !seen
		switch is := object.(type) {
		case *corev1.ConfigMap:
			from.Objects[ref.Object] = orEmpty(is.Data)
			if len(is.BinaryData) > 0 {
				from.Objects[ref.Object] = with(is.Data, is.BinaryData)
			}
		case *corev1.Secret:
			from.Objects[ref.Object] = plain(is.Data)
		}
	}
	have.Volumes.Wanted = volumes.Plan(pod, from)
	return nil
}

// with is all that a ConfigMap holds.
func with(texts map[string]string, data map[string][]byte) map[string]string {
	all := plain(data)
	for key, text := range texts {
		all[key] = text
	}
	return all
}

// mountVolumes makes the pod's volumes, as far as they can be made. It tells of each that cannot.
func (o *Operator) mountVolumes(ctx context.Context, w work) error {
	if err := o.files.makeDirectories(w.pod); err != nil {
		return err
	}
	wanted, at := w.have.Volumes.Wanted, o.files.volumesOf(string(w.uid))
	problems := wanted.Problems
	for _, v := range wanted.Volumes {
		tokens, err := o.tokensOf(ctx, w, v, w.life.tokens)
		if err == nil {
			err = at.SetUp(v, tokens)
		}
		if err != nil {
			problems = append(problems, volumes.Problem{Volume: v.Name, Message: err.Error()})
		}
	}
	var failed []error
	for _, problem := range problems {
		o.event(ctx, w, "", corev1.EventTypeWarning, "FailedMount", "%v", problem)
		failed = append(failed, problem)
	}
	return errors.Join(failed...)
}

// mountsOf are a container's mounts of the pod's volumes.
func (o *Operator) mountsOf(w work, c *corev1.Container, subPaths []string) ([]*runtimeapi.Mount, error) {
	mounts, err := volumes.Mounts(&w.pod.Spec, c, subPaths)
	if err != nil {
		return nil, err
	}
	made := map[string]volumes.Volume{}
	for _, v := range w.have.Volumes.Made {
		made[v.Name] = v
	}
	var all []*runtimeapi.Mount
	for _, m := range mounts {
		v, there := made[m.Volume]
		if !there {
			return nil, fmt.Errorf("volume %s is not there", m.Volume)
		}
		source, err := o.files.volumesOf(string(w.uid)).Source(v, m, c.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, cri.Mount(m, source))
	}
	return all, nil
}
