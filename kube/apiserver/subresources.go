package apiserver

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// subresource is a part of an object, or something that can be done with it, under a name of its own.
type subresource struct {
	kind  string // of the body
	group string // the group and version of that kind, where it is not the resource's own
	verbs []string
	serve func(*Server, *call) error
}

// subresources are those of one kind only; status and scale come with the declaration of a kind.
var subresources = map[string]subresource{
	"pods/binding":        {kind: "Binding", verbs: []string{"create"}, serve: (*Server).serveBinding},
	"pods/eviction":       {kind: "Eviction", group: "policy/v1", verbs: []string{"create"}, serve: (*Server).serveEviction},
	"pods/log":            {kind: "Pod", verbs: []string{"get"}, serve: (*Server).serveKubelet},
	"pods/exec":           {kind: "PodExecOptions", verbs: []string{"create", "get"}, serve: (*Server).serveKubelet},
	"pods/attach":         {kind: "PodAttachOptions", verbs: []string{"create", "get"}, serve: (*Server).serveKubelet},
	"pods/portforward":    {kind: "PodPortForwardOptions", verbs: []string{"create", "get"}, serve: (*Server).serveKubelet},
	"namespaces/finalize": {kind: "Namespace", verbs: []string{"update"}, serve: (*Server).serveFinalize},
}

func (s *Server) serveSubresource(c *call) error {
	switch {
	case c.subresource == "status" && c.kind.HasStatus:
		return s.serveStatus(c)
	case c.subresource == "scale" && c.kind.Scale != nil:
		return s.serveScale(c)
	}
	if sub, known := subresources[c.resource()]; known && c.kind.Group == "" {
		return sub.serve(s, c)
	}
	return noSuchPath()
}

func (s *Server) serveStatus(c *call) error {
	switch c.verb {
	case "get":
		return s.serveGet(c)
	case "update":
		return s.serveUpdate(c)
	case "patch":
		return s.servePatch(c)
	}
	return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
}

// serveBinding puts a pod on a node: the one thing that a scheduler does.
func (s *Server) serveBinding(c *call) error {
	if c.verb != "create" {
		return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
	}
	var binding corev1.Binding
	if err := decodeInto(c, &binding, corev1.SchemeGroupVersion.WithKind("Binding")); err != nil {
		return err
	}
	err := c.sameName("Binding", &binding)
	if err == nil {
		err = checkBinding(&binding)
	}
	if err != nil {
		return err
	}
	err = s.change(c, func(object api.Object) error {
		pod := object.(*corev1.Pod)
		switch {
		case binding.UID != "" && binding.UID != pod.UID:
			return sameUID(c, c.name, &binding.UID, pod.UID)
		case pod.DeletionTimestamp != nil:
			return apierrors.NewConflict(c.kind.Resource().GroupResource(), c.name, fmt.Errorf("pod %s is being deleted, cannot be assigned to a host", c.name))
		case pod.Spec.NodeName != "":
			return apierrors.NewConflict(c.kind.Resource().GroupResource(), c.name, fmt.Errorf("pod %s is already assigned to node %q", c.name, pod.Spec.NodeName))
		}
		pod.Spec.NodeName = binding.Target.Name
		setScheduled(pod)
		return nil
	})
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusCreated, nil, success())
}

func checkBinding(binding *corev1.Binding) error {
	var errs field.ErrorList
	target := field.NewPath("target")
	if kind := binding.Target.Kind; kind != "" && kind != "Node" {
		errs = append(errs, field.NotSupported(target.Child("kind"), kind, []string{"Node", "<empty>"}))
	}
	if binding.Target.Name == "" {
		errs = append(errs, field.Required(target.Child("name"), ""))
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Binding").GroupKind(), binding.Name, errs)
}

func setScheduled(pod *corev1.Pod) {
	scheduled := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: time.Now().Truncate(time.Second)}}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.PodScheduled {
			pod.Status.Conditions[i] = scheduled
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, scheduled)
}

// serveEviction asks for a pod to leave. It is a delete that a disruption budget may refuse; there are no budgets yet.
func (s *Server) serveEviction(c *call) error {
	var eviction policyv1.Eviction
	if err := decodeInto(c, &eviction, policyv1.SchemeGroupVersion.WithKind("Eviction")); err != nil {
		return err
	}
	if err := c.sameName("Eviction", &eviction); err != nil {
		return err
	}
	options, err := optionsOf(&eviction, c.write.DryRun)
	if err != nil {
		return err
	}
	inner := *c
	inner.verb, inner.subresource, inner.deletion = "delete", "", options
	if _, _, err := s.delete(&inner); err != nil {
		return err
	}
	return s.writeObject(c, http.StatusCreated, nil, success())
}

// optionsOf are the options of the delete that an eviction is. A dry run may be asked for in the body or in the query.
func optionsOf(eviction *policyv1.Eviction, dryRun []string) (metav1.DeleteOptions, error) {
	if eviction.DeleteOptions == nil {
		return metav1.DeleteOptions{DryRun: dryRun}, nil
	}
	options := *eviction.DeleteOptions
	if len(options.DryRun) == 0 {
		options.DryRun = dryRun
	}
	if len(dryRun) > 0 && !slices.Equal(options.DryRun, dryRun) {
		return options, apierrors.NewBadRequest(fmt.Sprintf("Non-matching dry-run options in request and content: %v and %v", dryRun, options.DryRun))
	}
	return options, invalidOptions("DeleteOptions", validation.ValidateDeleteOptions(&options))
}

// serveFinalize sets the finalizers in a namespace's spec, and nothing else. When the last is off, the namespace is gone.
func (s *Server) serveFinalize(c *call) error {
	object, err := decodeBody(c, c.kind)
	if err == nil {
		err = c.sameName(c.kind.Kind, object)
	}
	if err != nil {
		return err
	}
	var result *corev1.Namespace
	err = s.change(c, func(current api.Object) error {
		result = current.(*corev1.Namespace)
		result.Spec.Finalizers = object.(*corev1.Namespace).Spec.Finalizers
		return nil
	})
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusOK, c.kind, result)
}

func success() *metav1.Status {
	return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}
}

// serveScale shows and sets the replicas of an object as if it had nothing else.
func (s *Server) serveScale(c *call) error {
	switch c.verb {
	case "get":
		object, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		if err != nil {
			return err
		}
		return s.writeObject(c, http.StatusOK, nil, scaleOf(c.kind, object))
	case "update", "patch":
		return s.setScale(c)
	}
	return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
}

func (s *Server) setScale(c *call) error {
	wantScale, err := scaleEdit(c)
	if err != nil {
		return err
	}
	updated, err := s.update(c, func(current api.Object) (api.Object, error) {
		scale, err := wantScale(scaleOf(c.kind, current))
		if err != nil {
			return nil, err
		}
		if scale.Spec.Replicas < 0 {
			wrong := field.Invalid(field.NewPath("spec", "replicas"), scale.Spec.Replicas, apivalidation.IsNegativeErrorMsg)
			return nil, apierrors.NewInvalid(autoscalingv1.SchemeGroupVersion.WithKind("Scale").GroupKind(), c.name, field.ErrorList{wrong})
		}
		object := current.DeepCopyObject().(api.Object)
		object.SetResourceVersion(scale.ResourceVersion)
		c.kind.Scale.Set(object, scale.Spec.Replicas)
		return object, nil
	})
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusOK, nil, scaleOf(c.kind, updated))
}

func scaleOf(kind *api.Kind, object api.Object) *autoscalingv1.Scale {
	wanted, actual, selector := kind.Scale.Get(object)
	return &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
		ObjectMeta: metav1.ObjectMeta{
			Name: object.GetName(), Namespace: object.GetNamespace(), UID: object.GetUID(),
			ResourceVersion: object.GetResourceVersion(), CreationTimestamp: object.GetCreationTimestamp(),
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: wanted},
		Status: autoscalingv1.ScaleStatus{Replicas: actual, Selector: selector},
	}
}
