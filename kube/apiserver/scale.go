package apiserver

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apply"
	"kubelab/kube/apiserver/request"
)

// scaleKind is the view of an object in which it has nothing but replicas.
var scaleKind = autoscalingv1.SchemeGroupVersion.WithKind("Scale")

// wantsScale is that the replicas of an object be set as if it had nothing else: all of its scale is given (PUT), or a change (PATCH).
func (s *Server) wantsScale(c *call) (intent, error) {
	if c.verb == "update" {
		wanted := &autoscalingv1.Scale{}
		err := c.decodeInto(wanted, scaleKind)
		return c.scaling(func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error) { return wanted, nil }), err
	}
	patch, err := apply.Read(c.w, c.r)
	if err != nil {
		return intent{}, err
	}
	if patch.Type == types.ApplyYAMLPatchType {
		return s.wantsAppliedScale(c, patch.Body)
	}
	return c.scaling(func(have *autoscalingv1.Scale) (*autoscalingv1.Scale, error) {
		wanted := &autoscalingv1.Scale{}
		return wanted, patch.Into(wanted, scaleKind, have, c.options.Write.FieldValidation, c.warn)
	}), nil
}

// scaling is the edit that sets the replicas that a scale has after a change.
func (c *call) scaling(change func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error)) intent {
	return intent{act: Update, edit: func(have api.Object) (api.Object, error) {
		wanted, err := change(scaleOf(c.kind, have))
		if err == nil {
			err = c.checkScale(wanted)
		}
		if err != nil {
			return nil, err
		}
		object := have.DeepCopyObject().(api.Object)
		object.SetResourceVersion(wanted.ResourceVersion)
		if wanted.UID != "" {
			object.SetUID(wanted.UID)
		}
		c.kind.Scale.Set(object, wanted.Spec.Replicas)
		return object, nil
	}}
}

// checkScale refuses a scale of another object, and one of less than nothing.
func (c *call) checkScale(scale *autoscalingv1.Scale) error {
	if err := c.sameName("Scale", scale); err != nil {
		return err
	}
	var problems field.ErrorList
	if scale.Spec.Replicas < 0 {
		problems = append(problems, field.Invalid(field.NewPath("spec", "replicas"), scale.Spec.Replicas, apivalidation.IsNegativeErrorMsg))
	}
	return invalid(scaleKind.GroupKind(), c.name, problems)
}

// wantsAppliedScale is that a manager wants replicas. The field that it manages is the object's own: spec.replicas.
func (s *Server) wantsAppliedScale(c *call, patch []byte) (intent, error) {
	var given unstructured.Unstructured
	document, err := yaml.YAMLToJSON(patch)
	if err == nil {
		err = yaml.Unmarshal(patch, &given.Object)
	}
	if err != nil {
		return intent{}, apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	scale := &autoscalingv1.Scale{}
	if err := request.Decode(document, runtime.ContentTypeJSON, scale, scaleKind, c.options.Write.FieldValidation, c.warn); err != nil {
		return intent{}, err
	}
	if scale.Name == "" { // whoever applies need not say it twice
		scale.Name = c.name
	}
	if err := c.checkScale(scale); err != nil {
		return intent{}, err
	}
	wanted := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": c.name}}}
	wanted.SetGroupVersionKind(c.kind.GroupVersionKind)
	if _, says, _ := unstructured.NestedFieldNoCopy(given.Object, "spec", "replicas"); says {
		wanted.Object["spec"] = map[string]any{"replicas": int64(scale.Spec.Replicas)}
	}
	force := c.options.Write.Force != nil && *c.options.Write.Force
	return intent{act: Update, edit: func(have api.Object) (api.Object, error) {
		object, err := s.managers.Apply(c.kind, c.subresource, c.options.Write.FieldManager, have, wanted, force)
		if err != nil {
			return nil, err
		}
		object.SetResourceVersion(scale.ResourceVersion)
		if scale.UID != "" {
			object.SetUID(scale.UID)
		}
		return object, nil
	}}, nil
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
