package apiserver

import (
	"errors"
	"net/http"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
)

// Server-side apply (KEP-555): the client sends only what it cares about, and the server remembers who
// cares about which field. Two appliers that want different things of one field are a conflict, and not a
// silent overwrite. The merging itself is a library's (structured-merge-diff).

// fieldManagers holds one merger per kind and subresource, made when it is first needed.
type fieldManagers struct {
	mu       sync.Mutex
	types    managedfields.TypeConverter
	managers map[string]*managedfields.FieldManager
}

func (f *fieldManagers) of(kind *api.Kind, subresource string) (*managedfields.FieldManager, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.types == nil {
		f.types = applyconfigurations.NewTypeConverter(api.Scheme)
		f.managers = map[string]*managedfields.FieldManager{}
	}
	id := kind.GroupVersionKind.String() + "/" + subresource
	if known := f.managers[id]; known != nil {
		return known, nil
	}
	manager, err := managedfields.NewDefaultFieldManager(f.types, runtime.UnsafeObjectConvertor(api.Scheme), defaulter{kind},
		api.Scheme, kind.GroupVersionKind, kind.GroupVersion(), subresource, nil)
	if err != nil {
		return nil, err
	}
	f.managers[id] = manager
	return manager, nil
}

// wellFormed refuses an intent that cannot be merged, as one with two elements of a list that have the same key, and
// names the paths. Upstream calls it an internal error.
func (f *fieldManagers) wellFormed(kind *api.Kind, intent *unstructured.Unstructured) error {
	_, err := f.types.ObjectToTyped(intent)
	var wrong typed.ValidationErrors
	if !errors.As(err, &wrong) {
		return err
	}
	var problems field.ErrorList
	for _, e := range wrong {
		problems = append(problems, &field.Error{Type: field.ErrorTypeInvalid, Field: strings.TrimPrefix(e.Path, "."), Detail: e.ErrorMessage, BadValue: field.OmitValueType{}})
	}
	return apierrors.NewInvalid(kind.GroupKind(), intent.GetName(), problems)
}

// defaulter fills in defaults after a merge.
type defaulter struct{ kind *api.Kind }

func (d defaulter) Default(object runtime.Object) {
	if typed, ok := object.(api.Object); ok && d.kind.Default != nil {
		d.kind.Default(typed)
	}
}

// track notes which fields a person's write changed. The cluster's own components are not tracked: nobody
// competes with them for their fields.
func (f *fieldManagers) track(c *call, current, object api.Object) error {
	if c.user.component() || c.verb == "patch" && c.contentType() == string(types.ApplyYAMLPatchType) {
		return nil
	}
	manager, err := f.of(c.kind, c.subresource)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	current.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
	object.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
	tracked := manager.UpdateNoErrors(current, object, managerOf(c))
	accessor, err := meta.Accessor(tracked)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	object.SetManagedFields(accessor.GetManagedFields())
	return nil
}

// managerOf is the name under which a client's fields are kept.
func managerOf(c *call) string {
	if c.write.FieldManager != "" {
		return c.write.FieldManager
	}
	name, _, _ := strings.Cut(c.r.UserAgent(), "/")
	return name[:min(len(name), validation.FieldManagerMaxLength)]
}

func (s *Server) serveApply(c *call, patch []byte) error {
	manager, err := s.fields.of(c.kind, c.subresource)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	intent, err := readIntent(c, patch)
	if err == nil {
		err = s.fields.wellFormed(c.kind, intent)
	}
	if err != nil {
		return err
	}
	force := c.write.Force != nil && *c.write.Force
	object, code, err := s.apply(c, func(current api.Object) (api.Object, error) {
		current.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
		merged, err := manager.Apply(current, intent.DeepCopyObject(), c.write.FieldManager, force)
		if err != nil {
			return nil, err
		}
		return merged.(api.Object), nil
	})
	if err != nil {
		return err
	}
	return s.writeObject(c, code, c.kind, object)
}

// apply merges an intent into the object, or where there is none into an empty one. Of two that apply first, one creates
// it, and the other finds it at its next try.
func (s *Server) apply(c *call, merge edit) (applied api.Object, code int, err error) {
	err = c.settle(func() error {
		current, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		switch {
		case err == nil:
			code = http.StatusOK
			applied, err = s.tryEdit(c, current, merge)
		case apierrors.IsNotFound(err) && c.subresource == "":
			code = http.StatusCreated
			applied, err = s.tryApplyFirst(c, merge)
		}
		return err
	})
	return applied, code, err
}

// tryApplyFirst creates what is not there yet, if the caller may create.
func (s *Server) tryApplyFirst(c *call, merge edit) (api.Object, error) {
	creating := *c
	creating.verb = "create"
	if err := s.allow(&creating); err != nil {
		return nil, err
	}
	object, err := merge(c.kind.New())
	if err != nil {
		return nil, err
	}
	if object.GetResourceVersion() != "" || object.GetUID() != "" { // it was meant for one that is gone
		return nil, conflict(c)
	}
	object.SetName(c.name)
	return object, s.tryCreate(c, object)
}

// readIntent reads what the applier wants, and nothing but that: no defaults.
func readIntent(c *call, patch []byte) (*unstructured.Unstructured, error) {
	wanted := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(patch, &wanted.Object); err != nil {
		return nil, apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	if wanted.GroupVersionKind() != c.kind.GroupVersionKind {
		return nil, apierrors.NewBadRequest("apiVersion, kind: they must be those of the resource: " + describe(c.kind.GroupVersionKind))
	}
	if wanted.GetName() == "" { // whoever applies need not say it twice
		wanted.SetName(c.name)
	}
	if err := c.sameName(c.kind.Kind, wanted); err != nil {
		return nil, err
	}
	if wanted.GetManagedFields() != nil {
		return nil, apierrors.NewBadRequest("metadata.managedFields must be nil")
	}
	return wanted, strictly(c, patch)
}

// strictly reports fields that the kind does not have, which a merge would refuse with less clear words.
func strictly(c *call, patch []byte) error {
	encoded, err := yaml.YAMLToJSON(patch)
	if err != nil {
		return apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	return decodeBytes(c, encoded, runtime.ContentTypeJSON, c.kind.New(), c.kind.GroupVersionKind)
}

func describe(gvk schema.GroupVersionKind) string {
	return metav1.GroupVersion{Group: gvk.Group, Version: gvk.Version}.String() + " " + gvk.Kind
}
