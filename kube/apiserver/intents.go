package apiserver

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apply"
	"kubelab/kube/apiserver/request"
)

// decode reads what a write wants. Clients say it in many ways; all of them come to an edit.
func (s *Server) decode(c *call) (intent, error) {
	switch {
	case c.sub != nil && c.verb == "patch":
		return s.wantsPatchedChange(c)
	case c.sub != nil:
		return c.wantsChange()
	case c.scales():
		return s.wantsScale(c)
	case c.verb == "create":
		object, err := c.decodeBody()
		if err != nil {
			return intent{}, err
		}
		return c.wantsNew(object)
	case c.verb == "update":
		object, err := c.decodeBody()
		if err == nil {
			err = c.sameName(c.kind.Kind, object)
		}
		return intent{act: c.actOfUpdate(), edit: func(api.Object) (api.Object, error) { return object.DeepCopyObject().(api.Object), nil }}, err
	case c.verb == "patch":
		return s.wantsPatch(c)
	}
	return intent{act: Delete}, nil
}

func (c *call) actOfUpdate() Act {
	if c.subresource == "status" {
		return UpdateStatus
	}
	return Update
}

// decodeBody reads an object of the call's kind.
func (c *call) decodeBody() (api.Object, error) {
	object := c.kind.New()
	return object, c.decodeInto(object, c.kind.GroupVersionKind)
}

// decodeInto reads a body of a kind that need not be the resource's.
func (c *call) decodeInto(object runtime.Object, gvk schema.GroupVersionKind) error {
	body, mediaType, err := request.ReadBody(c.w, c.r)
	if err != nil {
		return err
	}
	return request.Decode(body, mediaType, object, gvk, c.options.Write.FieldValidation, c.warn)
}

// nameAttempts bounds how many names are made up for one object.
const nameAttempts = 8

// wantsNew is that an object be created. Where the server makes up the name, one that is taken is made up again.
func (c *call) wantsNew(wanted api.Object) (intent, error) {
	if wanted.GetResourceVersion() != "" {
		return intent{}, apierrors.NewBadRequest("metadata.resourceVersion: it should not be set on objects to be created")
	}
	madeUp, names := wanted.GetName() == "" && wanted.GetGenerateName() != "", 0
	is := intent{act: Create}
	is.edit = func(api.Object) (api.Object, error) {
		object := wanted.DeepCopyObject().(api.Object)
		if madeUp {
			object.SetName(generateName(object.GetGenerateName()))
			names++
		}
		return object, nil
	}
	is.taken = func(name string) error {
		switch {
		case !madeUp:
			return apierrors.NewAlreadyExists(c.kind.Resource().GroupResource(), name)
		case names == nameAttempts:
			return apierrors.NewGenerateNameConflict(c.kind.Resource().GroupResource(), name, 1)
		}
		return nil
	}
	return is, nil
}

// generateName adds five letters to a prefix, which is cut so that the whole stays a valid name.
func generateName(prefix string) string {
	const longest = 63 - 5
	return prefix[:min(len(prefix), longest)] + rand.String(5)
}

// wantsPatch is that parts of an object be changed.
func (s *Server) wantsPatch(c *call) (intent, error) {
	patch, err := apply.Read(c.w, c.r)
	if err != nil {
		return intent{}, err
	}
	if patch.Type == types.ApplyYAMLPatchType {
		return s.wantsApplied(c, patch.Body)
	}
	return intent{act: c.actOfUpdate(), edit: func(have api.Object) (api.Object, error) {
		object, err := patch.Object(c.kind, have, c.options.Write.FieldValidation, c.warn)
		if err != nil {
			return nil, err
		}
		return object, c.sameName(c.kind.Kind, object)
	}}, nil
}

// wantsApplied is that what one manager wants be merged into the object, or where there is none into an empty one. Of two that apply
// first, one creates it, and the other finds it at its next try.
func (s *Server) wantsApplied(c *call, patch []byte) (intent, error) {
	wanted, err := s.managers.Intent(c.kind, c.name, patch, c.options.Write.FieldValidation, c.warn)
	if err == nil {
		err = c.sameName(c.kind.Kind, wanted)
	}
	if err != nil {
		return intent{}, err
	}
	force := c.options.Write.Force != nil && *c.options.Write.Force
	return c.merging(func(have api.Object) (api.Object, error) {
		return s.managers.Apply(c.kind, c.subresource, c.options.Write.FieldManager, have, wanted, force)
	}), nil
}

// merging is that something be merged into the object, which is created where it is missing.
func (c *call) merging(merge edit) intent {
	is := intent{act: c.actOfUpdate(), orCreate: c.subresource == ""}
	is.edit = func(have api.Object) (api.Object, error) {
		if have != nil {
			return merge(have)
		}
		object, err := merge(c.kind.New())
		if err != nil {
			return nil, err
		}
		if object.GetResourceVersion() != "" || object.GetUID() != "" { // it was meant for one that is gone
			return nil, modified(c.kind, c.name)
		}
		object.SetName(c.name)
		return object, nil
	}
	is.taken = func(string) error { return nil }
	return is
}

// sameName refuses a body that names another object than the path does, whose name is the one that access was granted to.
func (c *call) sameName(kind string, body metav1.Object) error {
	switch name, namespace := body.GetName(), body.GetNamespace(); {
	case name != c.name && c.verb == "create":
		return apierrors.NewBadRequest(fmt.Sprintf("name in URL does not match name in %s object: %q, %q", kind, c.name, name))
	case name != c.name:
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", name, c.name))
	case c.namespace != "" && namespace != "" && namespace != c.namespace:
		return apierrors.NewBadRequest(fmt.Sprintf("the namespace of the object (%s) does not match the namespace on the request (%s)", namespace, c.namespace))
	}
	body.SetNamespace(c.namespace)
	return nil
}
