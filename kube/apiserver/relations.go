package apiserver

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/api"
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
		return pod.Spec.NodeName == node && slices.Contains(references(&pod.Spec)[resource], name)
	})
}

// references are the Secrets and ConfigMaps that a pod names: those of its environment, for a pod with volumes is refused.
func references(spec *corev1.PodSpec) map[string][]string {
	found := map[string][]string{}
	config := func(name string) { found["configmaps"] = append(found["configmaps"], name) }
	secret := func(name string) { found["secrets"] = append(found["secrets"], name) }
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				config(from.ConfigMapRef.Name)
			}
			if from.SecretRef != nil {
				secret(from.SecretRef.Name)
			}
		}
		for _, variable := range c.Env {
			if from := variable.ValueFrom; from != nil && from.ConfigMapKeyRef != nil {
				config(from.ConfigMapKeyRef.Name)
			} else if from != nil && from.SecretKeyRef != nil {
				secret(from.SecretKeyRef.Name)
			}
		}
	}
	return found
}

// restrict keeps a part of the cluster to what is its own, now that the object is known: old is nil on create, object on delete.
func (s *Server) restrict(c *call, object, old api.Object) error {
	subject := cmp.Or(object, old)
	if err := s.Policy.Restrict(c.asked(), old, object); err != nil {
		return apierrors.NewForbidden(c.kind.Resource().GroupResource(), subject.GetName(), err)
	}
	return nil
}
