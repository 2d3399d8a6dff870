package apiserver

import (
	"net/http"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
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
	if c.user.component() || c.verb == "patch" && c.r.Header.Get("Content-Type") == applyType {
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

const applyType = "application/apply-patch+yaml"

// managerOf is the name under which a client's fields are kept.
func managerOf(c *call) string {
	if name := c.query("fieldManager"); name != "" {
		return name
	}
	name, _, _ := strings.Cut(c.r.UserAgent(), "/")
	return name
}

func (s *Server) serveApply(c *call, patch []byte) error {
	if c.query("fieldManager") == "" {
		return apierrors.NewBadRequest("fieldManager: Required value: apply needs to know who applies")
	}
	manager, err := s.fields.of(c.kind, c.subresource)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	intent, err := readIntent(c, patch)
	if err != nil {
		return err
	}
	force := c.query("force") == "true"
	apply := func(current api.Object) (api.Object, error) {
		current.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
		merged, err := manager.Apply(current, intent.DeepCopyObject(), c.query("fieldManager"), force)
		if err != nil {
			return nil, err
		}
		return merged.(api.Object), nil
	}
	updated, err := s.update(c, apply)
	if !apierrors.IsNotFound(err) || c.subresource != "" {
		if err != nil {
			return err
		}
		return s.writeObject(c, http.StatusOK, c.kind, updated)
	}
	object, err := apply(c.kind.New())
	if err != nil {
		return err
	}
	object.SetName(c.name)
	created, err := s.create(c, object)
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusCreated, c.kind, created)
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
	if name := wanted.GetName(); name != "" && name != c.name {
		return nil, apierrors.NewBadRequest("metadata.name: it does not match the name in the URL")
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
	_, err = decodeBytes(c, c.kind, encoded, jsonInfo)
	return err
}

func describe(gvk schema.GroupVersionKind) string {
	return metav1.GroupVersion{Group: gvk.Group, Version: gvk.Version}.String() + " " + gvk.Kind
}
