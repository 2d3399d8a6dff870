package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// serveChange says what the write of a step did to its object. Nothing is kept for it: etcd still has both revisions,
// for ten to twenty minutes.
func (s *Server) serveChange(c *call, id trace.ID) error {
	if err := s.cache.Fresh(c.r.Context()); err != nil {
		return err
	}
	steps := stepsOf(s.cache.Log().All())
	i := slices.IndexFunc(steps, func(step *trace.Step) bool { return step.ID == id })
	if i < 0 || steps[i].Revision == 0 {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "steps that wrote an object"}, string(id)) // a step expires
	}
	var change trace.Change
	at := store.Revision(steps[i].Revision)
	err := errors.Join(s.past(c.r.Context(), steps[i].Object, at-1, &change.Before), s.past(c.r.Context(), steps[i].Object, at, &change.After))
	if errors.Is(err, store.ErrTooOld) {
		return apierrors.NewResourceExpired(fmt.Sprintf("the store has forgotten revision %d: it knows what objects were like for ten to twenty minutes", at))
	}
	if err != nil {
		return err
	}
	hide(change.Before, change.After)
	answer.JSON(c.w, c.r, http.StatusOK, change)
	return nil
}

// past reads an object as it was at a revision. One that did not exist leaves into as it is.
func (s *Server) past(ctx context.Context, object trace.Ref, at store.Revision, into *map[string]any) error {
	kinds := s.serves.Load().kinds
	i := slices.IndexFunc(kinds, func(kind api.Kind) bool { return kind.Plural == object.Resource })
	if i < 0 {
		return fmt.Errorf("no kind is called %s", object.Resource)
	}
	name := key(&kinds[i], object.Namespace, object.Name)
	page, err := s.Store.List(ctx, name, 1, "", at) // of all keys that begin like it, the key itself comes first
	if err != nil || len(page.Records) == 0 || page.Records[0].Key != name {
		return err
	}
	return json.Unmarshal(page.Records[0].Value, into)
}

// hide leaves out what a reader of a change must not see, or gains nothing from. Of a Secret the values are masked, and
// the annotations, where tools keep all of an object.
func hide(before, after map[string]any) {
	for _, object := range []map[string]any{before, after} {
		unstructured.RemoveNestedField(object, "metadata", "managedFields")
		unstructured.RemoveNestedField(object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	}
	mask(secretPart(before, "data"), secretPart(after, "data"))
	mask(secretPart(before, "metadata", "annotations"), secretPart(after, "metadata", "annotations"))
}

// mask masks values so that one can tell which of them changed.
func mask(old, new map[string]any) {
	for name, value := range new {
		if was, had := old[name]; had && was == value {
			old[name], new[name] = "***", "***"
		} else {
			new[name] = "*** (after)"
		}
	}
	for name := range old {
		if old[name] != "***" {
			old[name] = "*** (before)"
		}
	}
}

// secretPart is a part of an object if that is a Secret: the part itself, no copy.
func secretPart(object map[string]any, path ...string) map[string]any {
	if object["kind"] != "Secret" {
		return nil
	}
	part, _, _ := unstructured.NestedFieldNoCopy(object, path...) // of another type it is none
	values, _ := part.(map[string]any)
	return values
}
