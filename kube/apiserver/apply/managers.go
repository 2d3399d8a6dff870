package apply

import (
	"errors"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"kubelab/kube/api"
)

// Managers remember who manages which field. There is one merger per kind and subresource, made when it is first needed. The zero value
// is ready; any number of goroutines may use it.
type Managers struct {
	mu      sync.Mutex
	types   managedfields.TypeConverter
	mergers map[managed]*managedfields.FieldManager
}

// managed is what a merger merges.
type managed struct {
	kind        *api.Kind
	subresource string
}

func (m *Managers) of(kind *api.Kind, subresource string) (*managedfields.FieldManager, error) {
	types := m.converter()
	m.mu.Lock()
	defer m.mu.Unlock()
	is := managed{kind, subresource}
	if known := m.mergers[is]; known != nil {
		return known, nil
	}
	merger, err := managedfields.NewDefaultFieldManager(types, runtime.UnsafeObjectConvertor(api.Scheme), defaulter{kind},
		api.Scheme, kind.GroupVersionKind, kind.GroupVersion(), subresource, nil)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	if m.mergers == nil {
		m.mergers = map[managed]*managedfields.FieldManager{}
	}
	m.mergers[is] = merger
	return merger, nil
}

// Forget forgets the mergers of kinds that are served no more.
func (m *Managers) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mergers = nil
}

// converter knows the types of all fields. It takes a while to make.
func (m *Managers) converter() managedfields.TypeConverter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.types == nil {
		m.types = applyconfigurations.NewTypeConverter(api.Scheme)
	}
	return m.types
}

// defaulter fills in defaults after a merge.
type defaulter struct{ kind *api.Kind }

func (d defaulter) Default(object runtime.Object) {
	if typed, ok := object.(api.Object); ok && d.kind.Default != nil {
		d.kind.Default(typed)
	}
}

// Track notes in object that a manager changed what differs from current. Its errors are Statuses.
func (m *Managers) Track(kind *api.Kind, subresource, manager string, current, object api.Object) error {
	merger, err := m.of(kind, subresource)
	if err != nil {
		return err
	}
	current.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind)
	object.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind)
	tracked, err := meta.Accessor(merger.UpdateNoErrors(current, object, manager))
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	object.SetManagedFields(tracked.GetManagedFields())
	return nil
}

// Apply merges what a manager wants into the current object, which it does not change. Where another manages a field that it wants
// otherwise, that is a conflict (a Status), unless it is forced.
func (m *Managers) Apply(kind *api.Kind, subresource, manager string, current api.Object, intent *unstructured.Unstructured, force bool) (api.Object, error) {
	merger, err := m.of(kind, subresource)
	if err != nil {
		return nil, err
	}
	current.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind)
	merged, err := merger.Apply(current, intent.DeepCopyObject(), manager, force)
	if refused := apierrors.APIStatus(nil); err != nil && !errors.As(err, &refused) {
		return nil, apierrors.NewInternalError(err)
	}
	if err != nil {
		return nil, err
	}
	return merged.(api.Object), nil
}

// maxWrong is how many places of an intent are named that cannot be merged.
const maxWrong = 100

// wellFormed refuses an intent that cannot be merged, as one with two elements of a list that have the same key, and
// names the paths. Upstream calls it an internal error.
func (m *Managers) wellFormed(kind *api.Kind, intent *unstructured.Unstructured) error {
	_, err := m.converter().ObjectToTyped(intent)
	var wrong typed.ValidationErrors
	if !errors.As(err, &wrong) {
		return err
	}
	var problems field.ErrorList
	for _, e := range wrong[:min(len(wrong), maxWrong)] {
		problems = append(problems, &field.Error{Type: field.ErrorTypeInvalid, Field: strings.TrimPrefix(e.Path, "."), Detail: e.ErrorMessage, BadValue: field.OmitValueType{}})
	}
	return apierrors.NewInvalid(kind.GroupKind(), intent.GetName(), problems)
}
