package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"kubelab/kube/api"
)

// servePatch changes parts of an object. The four kinds of patch differ in how they say which.
func (s *Server) servePatch(c *call) error {
	patch, kind, err := readPatch(c)
	if err != nil {
		return err
	}
	if kind == types.ApplyYAMLPatchType {
		return s.serveApply(c, patch)
	}
	updated, err := s.update(c, func(current api.Object) (api.Object, error) {
		object, err := patched(c, kind, patch, current)
		if err != nil {
			return nil, err
		}
		return object, c.sameName(c.kind.Kind, object)
	})
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusOK, c.kind, updated)
}

func readPatch(c *call) ([]byte, types.PatchType, error) {
	mediaType := c.contentType()
	switch kind := types.PatchType(mediaType); kind {
	case types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType, types.ApplyYAMLPatchType:
		patch, err := readAll(c, mediaType)
		return patch, kind, err
	}
	return nil, "", unsupportedMediaType(mediaType)
}

// patched is the object with the patch applied. A patch that names a resourceVersion carries it into the object,
// so that the update is refused if that is not the current one.
func patched(c *call, kind types.PatchType, patch []byte, current api.Object) (api.Object, error) {
	before, err := json.Marshal(current)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	after, err := patchBytes(kind, patch, before, c.kind.New())
	if err == nil {
		err = checkSize(after, runtime.ContentTypeJSON)
	}
	if err != nil {
		return nil, err
	}
	object := c.kind.New()
	if err := decodeBytes(c, after, runtime.ContentTypeJSON, object, c.kind.GroupVersionKind); err != nil {
		wrong := field.Invalid(field.NewPath("patch"), string(patch), err.Error())
		return nil, apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{wrong})
	}
	return object, nil
}

func patchBytes(kind types.PatchType, patch, before []byte, schemaOf any) ([]byte, error) {
	var after []byte
	var err error
	switch kind {
	case types.JSONPatchType:
		var operations jsonpatch.Patch
		if operations, err = jsonpatch.DecodePatch(patch); err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("read JSON patch: %v", err))
		}
		if len(operations) > maxOperations {
			return nil, tooLarge("The allowed maximum operations in a JSON patch is %d, got %d", maxOperations, len(operations))
		}
		if after, err = operations.Apply(before); err != nil {
			invalid := apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", noResource, "", "", 0, false)
			invalid.ErrStatus.Message += ": " + err.Error() // upstream keeps to itself what the error is
			return nil, invalid
		}
		return after, nil
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, patch)
	default:
		after, err = strategicpatch.StrategicMergePatch(before, patch, schemaOf)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("apply patch: %v", err))
	}
	return after, nil
}

// scaleEdit reads what a request wants of a scale: all of it (PUT), or a change (PATCH).
func scaleEdit(c *call) (func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error), error) {
	if c.verb == "update" {
		wanted := &autoscalingv1.Scale{}
		if err := decodeInto(c, wanted, autoscalingv1.SchemeGroupVersion.WithKind("Scale")); err != nil {
			return nil, err
		}
		return func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error) { return wanted, c.sameName("Scale", wanted) }, nil
	}
	patch, kind, err := readPatch(c)
	if err != nil {
		return nil, err
	}
	return func(current *autoscalingv1.Scale) (*autoscalingv1.Scale, error) {
		before, err := json.Marshal(current)
		if err != nil {
			return nil, apierrors.NewInternalError(err)
		}
		after, err := patchBytes(kind, patch, before, &autoscalingv1.Scale{})
		if err != nil {
			return nil, err
		}
		wanted := &autoscalingv1.Scale{}
		if err := json.Unmarshal(after, wanted); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return wanted, c.sameName("Scale", wanted)
	}, nil
}

// change edits an object past the rules of an ordinary update: the writes that a subresource exists for.
func (s *Server) change(c *call, edit func(api.Object) error) error {
	return c.settle(func() error {
		current, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		if err != nil {
			return err
		}
		object := current.DeepCopyObject().(api.Object)
		if err := edit(object); err != nil {
			return err
		}
		w := &mutation{c: c, old: current, new: object, revision: revisionOf(current)}
		if err := s.claim(w); err != nil {
			return err
		}
		if gone(c.kind, object) {
			w.new, w.claims = nil, nil
		}
		return s.commit(w)
	})
}
