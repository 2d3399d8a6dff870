package api

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Subresource is something that can be done with an object under a name of its own: pods/binding, pods/log. Status and scale are
// declared otherwise, for every kind may have them. One of Change, Delete, Connect and
// Issues is set, and says what is done.
type Subresource struct {
	Name  string
	Body  schema.GroupVersionKind // of what a request brings, or of what it gets
	Verbs []string                // "create", "get", "update", and "patch" where the body is an object of the kind itself

	// Validate says what is wrong with a body. Nil: nothing can be.
	Validate func(body Object) field.ErrorList
	// Change edits an object, which is nobody else's, as a body asks for it. Its errors are Statuses.
	Change func(object, body Object) error
	// Delete makes of a body the options with which the object is deleted. Nil: the usual ones.
	Delete func(body Object) *metav1.DeleteOptions
	// Issues has the server answer with a token: proof that its holder is the object, a service account.
	Issues bool
	// Connect says who answers in the server's stead. Its errors are Statuses.
	Connect func(object Object, query url.Values, find Lookup) (Target, error)
}

// Session says whether a connection is opened through it, which whoever may only look may not.
func (s *Subresource) Session() bool {
	return s != nil && s.Connect != nil && slices.Contains(s.Verbs, "create")
}

// Target is another server, and what it is asked.
type Target struct {
	Name    string // that its certificate must show
	Role    string // as people are told: the kubelet of node
	Address netip.AddrPort
	Path    string
	Query   url.Values
	Session bool // bytes go both ways, so that the connection is taken over
}

// Unreachable is the answer where a target could not be asked. The reason is for the log only: a node chooses what is tried, and who
// asks for a log of a pod there would learn from the reason what listens where.
func (t Target) Unreachable(reason error) error {
	slog.Warn("another server cannot be reached", "role", t.Role, "name", t.Name, "address", t.Address, "error", reason)
	return apierrors.NewInternalError(fmt.Errorf("%s %q cannot be reached", t.Role, t.Name))
}

// Subresource is one of the kind's by its name, or nil.
func (k *Kind) Subresource(name string) *Subresource {
	for i := range k.Subresources {
		if k.Subresources[i].Name == name {
			return &k.Subresources[i]
		}
	}
	return nil
}
