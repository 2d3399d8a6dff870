package apiserver

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/apiserver/reviews"
)

// user is who sent a request.
type user struct {
	name      string
	groups    []string
	own       bool         // it is the server itself, which no request can be
	guest     bool         // the request brings nothing that says who sends it
	host      string       // that a part of the cluster runs on, by its certificate
	addresses []netip.Addr // that the certificate names
	uid       string
	extra     map[string]authenticationv1.ExtraValue // what else is known of it
	speaks    []string                               // the names by which a part of the cluster may speak in the causal record, its own first
	sender    string                                 // who sends the request and acts as this user; empty: the user does
}

// component says whether the user is a part of the cluster: its word about causes is believed, and its
// writes are not managed field by field.
func (u user) component() bool { return len(u.speaks) > 0 }

// authenticate says who the caller is: by the client certificate, which TLS has verified, or else by the token that the request brings. Who
// has neither is a guest; who brings a token that is worth nothing is refused.
func (s *Server) authenticate(r *http.Request) (user, error) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return s.byCertificate(r), nil
	}
	if token, brought := bearer(r); brought && s.Tokens != nil {
		return s.byToken(r, token)
	}
	return user{name: access.AnonymousUser, groups: []string{access.UnauthenticatedGroup}, guest: true}, nil
}

// byCertificate reads the caller's name and groups from its certificate: the common name is the user, each organization a group.
func (s *Server) byCertificate(r *http.Request) user {
	shown := r.TLS.PeerCertificates[0]
	var addresses []netip.Addr
	for _, ip := range shown.IPAddresses {
		if address, ok := netip.AddrFromSlice(ip); ok {
			addresses = append(addresses, address.Unmap())
		}
	}
	is := user{
		name: shown.Subject.CommonName, groups: append([]string{access.AuthenticatedGroup}, shown.Subject.Organization...),
		host: access.HostOf(shown.Subject.CommonName, shown.Subject.Organization, shown.DNSNames), addresses: addresses,
	}
	is.speaks = s.Policy.Components(is.name, is.groups)
	return is
}

// authorize asks whether the caller may do this.
func (s *Server) authorize(c *call) error {
	asked := s.asked(c)
	if c.kind != nil {
		if slices.Contains(access.SelectingVerbs, c.verb) && c.name == "" {
			if selected, err := fields.ParseSelector(c.query("fieldSelector")); err == nil {
				asked.Name, _ = selected.RequiresExactMatch("metadata.name") // who lists one object reads that one
				asked.NodeName, _ = selected.RequiresExactMatch("spec.nodeName")
			}
		}
		if c.sub.Session() {
			asked.Verb = "create" // also over a websocket, which begins with a GET: to look is not to touch
		}
	}
	if allowed, reason := s.Policy.Authorize(asked); !allowed {
		return forbidden(c, asked, reason)
	}
	return nil
}

// asked is what a call asks for, as its path says it.
func (s *Server) asked(c *call) access.Request {
	asked := access.Request{Addresses: c.user.addresses, Own: c.user.own, Relations: s.relations, Roles: s.roles()}
	asked.User, asked.Groups, asked.Verb = c.user.name, c.user.groups, c.verb
	if c.kind == nil {
		asked.NonResource, asked.Path = true, c.r.URL.Path
		return asked
	}
	asked.Group, asked.Resource, asked.Subresource = c.kind.Group, c.kind.Plural, c.subresource
	asked.Namespace, asked.Name, asked.Metadata = c.namespace, c.name, c.seesOnlyMetadata()
	if c.kind.Kind == "Namespace" {
		asked.Namespace = c.name // a role in a namespace may allow to see that one
	}
	return asked
}

// roles are where the roles and bindings are. A server that does not serve these kinds has those of every cluster.
func (s *Server) roles() rbac.Objects {
	if s.serves.Load().byKey["clusterrolebindings."+rbacv1.GroupName] == nil {
		return nil
	}
	return s
}

// storedRoles are the roles and bindings of a server's memory, and of the store where that has not heard of a role.
type storedRoles struct{ *Server }

// Known is the object of a resource by its name, or nil.
func (s storedRoles) Known(resource, namespace, name string) api.Object {
	return s.Find(resource, namespace, name)
}

// seesOnlyMetadata says whether a call learns nothing of an object but its metadata. A JSON patch can copy into it what stands elsewhere.
func (c *call) seesOnlyMetadata() bool {
	return c.view.OnlyMetadata() && request.ContentType(c.r) != string(types.JSONPatchType)
}

// forbidden tells who may not do what, in the words of every Kubernetes. A guest is told to say who it is; who only acts as one has done so.
func forbidden(c *call, asked access.Request, reason string) error {
	if c.user.guest {
		c.w.Header().Set("Connection", "close") // nobody waits for what else a guest has to say
		return apierrors.NewUnauthorized("Unauthorized: send a client certificate of this cluster")
	}
	text := fmt.Sprintf("User %q cannot %s path %q", asked.User, asked.Verb, asked.Path)
	if c.kind != nil {
		text = fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", asked.User, asked.Verb, c.resource(), asked.Group, scopeOf(asked.Namespace))
	}
	if reason != "" {
		text += ": " + reason
	}
	if c.kind == nil {
		return apierrors.NewForbidden(noResource, "", errors.New(text))
	}
	return apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, errors.New(text))
}

func scopeOf(namespace string) string {
	if namespace == "" {
		return "at the cluster scope"
	}
	return fmt.Sprintf("in the namespace %q", namespace)
}

// mayCreate asks whether a caller may create what it wants to change, where that is not there yet.
func (s *Server) mayCreate(c *call) error {
	if c.verb == "create" {
		return nil
	}
	creating := *c
	creating.verb = "create"
	return s.authorize(&creating)
}

// restrict keeps a part of the cluster to what is its own, now that the object is known: old is nil on create, object on delete.
func (s *Server) restrict(c *call, object, old api.Object) error {
	subject := cmp.Or(object, old)
	asked := s.asked(c)
	if asked.Roles != nil {
		asked.Roles = storedRoles{s} // a role that a binding names may have been made just before
	}
	var status apierrors.APIStatus
	if err := s.Policy.Restrict(asked, old, object); errors.As(err, &status) {
		return err
	} else if err != nil {
		return apierrors.NewForbidden(c.kind.Resource().GroupResource(), subject.GetName(), err)
	}
	return nil
}

// serveReview answers what a client asks about itself.
func (s *Server) serveReview(c *call) error {
	review, err := c.decodeBody()
	if err == nil {
		sender := reviews.Sender{Name: c.user.name, Groups: c.user.groups, UID: c.user.uid, Extra: c.user.extra}
		err = reviews.Answer(s.Policy, s.asked(c), sender, review)
	}
	if of, is := review.(*authenticationv1.TokenReview); is && err == nil && s.Tokens != nil {
		s.reviewToken(c.r.Context(), of)
	}
	if err != nil {
		return err
	}
	review.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind) // a client need not say in the body what the URL says
	return c.view.Write(c.w, http.StatusCreated, nil, review)           // an answer is no row of a table
}
