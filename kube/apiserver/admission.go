package apiserver

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
)

// place puts the object where the URL says, and refuses one that says otherwise.
func (c *call) place(object api.Object) error {
	if !c.kind.Namespaced {
		object.SetNamespace("")
		return nil
	}
	if in := object.GetNamespace(); in != "" && in != c.namespace {
		return apierrors.NewBadRequest(fmt.Sprintf("the namespace of the provided object does not match the namespace sent on the request: metadata.namespace is %q, the URL says %q", in, c.namespace))
	}
	object.SetNamespace(c.namespace)
	return nil
}

var namespaces = schema.GroupResource{Resource: "namespaces"}

// namespaceOpen refuses new objects in a namespace that does not exist or is going away. It returns the namespace
// as it saw it: the write holds only if that is still so.
func (s *Server) namespaceOpen(c *call, name string) (api.Object, error) {
	if name == "" {
		return nil, nil
	}
	namespace := s.lookup(c.r.Context())("namespaces", "", name)
	if namespace != nil && namespace.GetDeletionTimestamp() != nil { // the cache may not know yet that another has come to bear the name
		namespace = s.stored(c.r.Context(), "namespaces", "", name)
	}
	if namespace == nil {
		return nil, apierrors.NewNotFound(namespaces, name)
	}
	if namespace.GetDeletionTimestamp() != nil {
		err := apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", name))
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
			Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", name), Field: "metadata.namespace"})
		return nil, err
	}
	return namespace, nil
}

// validate says everything that is wrong with an object, in one answer. old is nil on create.
func validate(kind *api.Kind, object, old api.Object) error {
	path := field.NewPath("metadata")
	var problems field.ErrorList
	if old == nil {
		rule := kind.NameRule
		if rule == nil {
			rule = validation.NameIsDNSSubdomain
		}
		problems = validation.ValidateObjectMetaAccessor(object, kind.Namespaced, rule, path)
		if len(problems) == 0 {
			problems = validatePlainName(object.GetName(), path.Child("name"))
		}
	} else {
		problems = validation.ValidateObjectMetaAccessorUpdate(object, old, path)
	}
	if kind.Validate != nil {
		problems = append(problems, kind.Validate(object)...)
	}
	if old != nil && kind.ValidateUpdate != nil {
		problems = append(problems, kind.ValidateUpdate(object, old)...)
	}
	return invalid(kind.GroupKind(), object.GetName(), problems)
}

// validatePlainName says what no name may have, whatever the rule of its kind allows: it stands in paths, in keys and in terminals.
func validatePlainName(name string, path *field.Path) field.ErrorList {
	switch {
	case len(name) > utilvalidation.DNS1123SubdomainMaxLength:
		return field.ErrorList{field.TooLong(path, "", utilvalidation.DNS1123SubdomainMaxLength)}
	case !utf8.ValidString(name):
		return field.ErrorList{field.Invalid(path, strings.ToValidUTF8(name, "\ufffd"), "must be UTF-8")}
	case strings.ContainsFunc(name, unicode.IsControl):
		return field.ErrorList{field.Invalid(path, name, "may have no control characters")}
	}
	return nil
}

// maxProblems is how many problems are told of at once: what makes them into one text takes as many times as long as there are of them.
const maxProblems = 100

// invalid tells what is wrong with an object, or is nil where nothing is.
func invalid(kind schema.GroupKind, name string, problems field.ErrorList) error {
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(kind, name, problems[:min(len(problems), maxProblems)])
}

// warnAbout tells the client what the kind has to say of an object, on create (old is nil) and when its spec changes.
func (c *call) warnAbout(object, old api.Object) {
	if c.kind.Warn == nil || c.subresource != "" || old != nil && sameSpec(object, old) {
		return
	}
	for _, warning := range c.kind.Warn(object) {
		c.warn(warning)
	}
}

// track notes which fields a person's write changed; of an apply, the merge has. The cluster's own components are not tracked: nobody
// competes with them for their fields.
func (s *Server) track(c *call, old, object api.Object) error {
	if c.user.component() || c.verb == "patch" && request.ContentType(c.r) == string(types.ApplyYAMLPatchType) {
		return nil
	}
	if old == nil {
		old = c.kind.New()
	}
	return s.managers.Track(c.kind, c.subresource, c.manager(), old, object)
}
