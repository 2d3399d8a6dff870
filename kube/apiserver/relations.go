package apiserver

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/store"
)

// PodIsOn says whether a pod is bound to a node.
func (s *Server) PodIsOn(node, namespace, name string) bool {
	pod, ok := s.lookup(context.Background())("pods", namespace, name).(*corev1.Pod)
	return ok && pod.Spec.NodeName == node
}

// PodNeeds says whether a pod that is bound to a node names a Secret or a ConfigMap.
func (s *Server) PodNeeds(node, resource, namespace, name string) bool {
	items, _ := s.cache.List(prefix(s.byKey["pods"], namespace))
	return slices.ContainsFunc(items, func(item *store.Item) bool {
		is, ok := item.Object.(*stored)
		if !ok {
			return false
		}
		pod := is.object.(*corev1.Pod)
		return pod.Spec.NodeName == node && slices.ContainsFunc(podspec.References(&pod.Spec), func(ref podspec.Reference) bool {
			return ref.Object == podspec.Object{Resource: resource, Name: name}
		})
	})
}

// restrict keeps a part of the cluster to what is its own, now that the object is known: old is nil on create, object on delete.
func (s *Server) restrict(c *call, object, old api.Object) error {
	subject := cmp.Or(object, old)
	if err := s.Policy.Restrict(c.asked(), old, object); err != nil {
		return apierrors.NewForbidden(c.kind.Resource().GroupResource(), subject.GetName(), err)
	}
	return nil
}
