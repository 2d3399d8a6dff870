package access

import (
	"iter"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// Objects are what relations are found in: what the API server has.
type Objects interface {
	// Find is the object of a resource by its name, or nil. The resource is named with its group: deployments.apps.
	Find(resource, namespace, name string) api.Object
	// Each are the objects of a resource in a namespace, as the server last heard of them.
	Each(resource, namespace string) iter.Seq[api.Object]
}

// In are the relations among objects.
func In(objects Objects) Relations { return relationsIn{objects} }

type relationsIn struct{ objects Objects }

// PodIsOn says whether a pod is bound to a node.
func (r relationsIn) PodIsOn(node, namespace, name string) bool {
	pod, ok := r.objects.Find("pods", namespace, name).(*corev1.Pod)
	return ok && pod.Spec.NodeName == node
}

// PodNeeds says whether a pod that is bound to a node names a Secret or a ConfigMap.
func (r relationsIn) PodNeeds(node, resource, namespace, name string) bool {
	needed := podspec.Object{Resource: resource, Name: name}
	for object := range r.objects.Each("pods", namespace) {
		pod, ok := object.(*corev1.Pod)
		if !ok || pod.Spec.NodeName != node {
			continue
		}
		for _, ref := range podspec.References(&pod.Spec) {
			if ref.Object == needed {
				return true
			}
		}
	}
	return false
}
