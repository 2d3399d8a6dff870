package api

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
)

// Object is any object of the API.
type Object interface {
	runtime.Object
	metav1.Object
}

// Scheme knows the Go type of every kind.
var Scheme = scheme.Scheme

// Kind is all that the API server knows of one kind of object. [Type] makes it.
type Kind struct {
	schema.GroupVersionKind
	Names
	Columns []Column

	Default        func(Object)                          // fills in what was left out
	Admit          func(Object, Lookup) error            // fills in or refuses what depends on other objects, on create
	Prepare        func(new, old Object)                 // sets what the server owns, on create (old is nil) and update
	Validate       func(Object) field.ErrorList          // what is wrong with it
	ValidateUpdate func(new, old Object) field.ErrorList // what may not change
	Warn           func(Object) []string                 // what is allowed and yet hardly meant
	GracePeriod    func(Object, *int64) int64            // seconds from a delete to the end; asked for may be nil
	Held           func(Object) bool                     // a deleted one must stay, finalizers apart
	Protect        func(Object) string                   // why it may not be deleted; empty: it may
	Scale          *Scale                                // nil: it has no replicas
	Claim          func(Object, Taken) ([]string, error)
	Subresources   []Subresource
}

// Names are what a kind is called in URLs and on the command line.
type Names struct {
	Plural     string
	Singular   string // empty: the kind in lower case
	Short      []string
	Categories []string // "all" puts it into kubectl get all
	Namespaced bool
	HasStatus  bool // it has a status, written through its own subresource
	// KeepsStatus: the status may already be set on create (a node reports itself).
	KeepsStatus bool
	// Orphans: when one is deleted, what it owns stays, unless the request says otherwise.
	Orphans   bool
	Transient bool // it expires after an hour
	Quiet     bool // its writes leave no steps: heartbeats, messages
	Unstored  bool // it is answered and not kept: all that can be done is to create it
	// NameRule says what is wrong with a name. Nil: it must be a DNS subdomain.
	NameRule validation.ValidateNameFunc
}

// Lookup finds another object by its resource: the plural, and after a dot its group unless that is core (nodes, deployments.apps). It
// returns nil where there is none.
type Lookup func(resource, namespace, name string) Object

// Taken says whether a claim (an address, a port) is held by another object.
type Taken func(claim string) bool

// Scale is how replicas are read and set from outside (kubectl scale, an autoscaler).
type Scale struct {
	Get func(Object) (wanted, actual int32, selector string)
	Set func(Object, int32)
}

// Column is one column of kubectl get. Wide columns show with -o wide only.
type Column struct {
	Name, Type string // Type is an OpenAPI type: "string", "integer", "date"
	Wide       bool
	Value      func(Object) any
}

// Type declares a kind whose objects are of Go type T. What is left out takes the plain course.
type Type[T Object] struct {
	Names
	Default        func(T)
	Admit          func(T, Lookup) error
	Prepare        func(new, old T) // old is nil on create
	Validate       func(T) field.ErrorList
	ValidateUpdate func(new, old T) field.ErrorList
	Warn           func(T) []string
	GracePeriod    func(T, *int64) int64
	Held           func(T) bool
	Protect        func(T) string
	Scale          *Scale
	// Claim returns what must be the object's alone in the whole cluster, after allocating what it
	// still lacks. The claims are held as long as the object exists.
	Claim        func(T, Taken) ([]string, error)
	Subresources []Subresource
	Columns      []ColumnOf[T]
}

// ColumnOf is a [Column] over T.
type ColumnOf[T Object] struct {
	Name, Type string
	Wide       bool
	Value      func(T) any
}

// Kind makes the declaration into what the server reads. It panics if T is not in [Scheme].
func (t Type[T]) Kind() Kind {
	gvk := kindOf(newObject[T]())
	k := Kind{GroupVersionKind: gvk, Names: t.Names, Scale: t.Scale, Subresources: t.Subresources}
	if k.Singular == "" {
		k.Singular = strings.ToLower(gvk.Kind)
	}
	for _, c := range t.Columns {
		k.Columns = append(k.Columns, Column{c.Name, c.Type, c.Wide, func(o Object) any { return c.Value(o.(T)) }})
	}
	if t.Default != nil {
		k.Default = func(o Object) { t.Default(o.(T)) }
	}
	if t.Admit != nil {
		k.Admit = func(o Object, find Lookup) error { return t.Admit(o.(T), find) }
	}
	if t.Prepare != nil {
		k.Prepare = func(new, old Object) {
			before, _ := old.(T) // on create old is nil, and so is before
			t.Prepare(new.(T), before)
		}
	}
	if t.Validate != nil {
		k.Validate = func(o Object) field.ErrorList { return t.Validate(o.(T)) }
	}
	if t.ValidateUpdate != nil {
		k.ValidateUpdate = func(new, old Object) field.ErrorList { return t.ValidateUpdate(new.(T), old.(T)) }
	}
	if t.Warn != nil {
		k.Warn = func(o Object) []string { return t.Warn(o.(T)) }
	}
	if t.GracePeriod != nil {
		k.GracePeriod = func(o Object, asked *int64) int64 { return t.GracePeriod(o.(T), asked) }
	}
	if t.Held != nil {
		k.Held = func(o Object) bool { return t.Held(o.(T)) }
	}
	if t.Protect != nil {
		k.Protect = func(o Object) string { return t.Protect(o.(T)) }
	}
	if t.Claim != nil {
		k.Claim = func(o Object, taken Taken) ([]string, error) { return t.Claim(o.(T), taken) }
	}
	return k
}

// New makes an empty object of the kind.
func (k Kind) New() Object {
	o, err := Scheme.New(k.GroupVersionKind)
	if err != nil {
		panic(fmt.Sprintf("kind %s is not in the scheme: %v", k.Kind, err))
	}
	return o.(Object)
}

// NewList makes an empty list of the kind.
func (k Kind) NewList() runtime.Object {
	o, err := Scheme.New(k.GroupVersion().WithKind(k.Kind + "List"))
	if err != nil {
		panic(fmt.Sprintf("list of kind %s is not in the scheme: %v", k.Kind, err))
	}
	return o
}

// Resource is the kind's group and plural.
func (k Kind) Resource() schema.GroupVersionResource { return k.GroupVersion().WithResource(k.Plural) }

func newObject[T Object]() T {
	var zero T
	return reflect.New(reflect.TypeOf(zero).Elem()).Interface().(T)
}

func kindOf(o runtime.Object) schema.GroupVersionKind {
	kinds, _, err := Scheme.ObjectKinds(o)
	if err != nil {
		panic(fmt.Sprintf("%T is not in the scheme: %v", o, err))
	}
	return kinds[0]
}

// NotYet is what is said of a field that Kubernetes has and kubelab does not.
const NotYet = "kubelab does not have this yet"
