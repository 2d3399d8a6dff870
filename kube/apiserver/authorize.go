package apiserver

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/apiserver/reviews"
)

// user is who sent a request.
type user struct {
	name      string
	groups    []string
	host      string       // that a part of the cluster runs on, by its certificate
	addresses []netip.Addr // that the certificate names
	uid       string
	extra     map[string]authenticationv1.ExtraValue // what else is known of it
	speaks    []string                               // the names by which a part of the cluster may speak in the causal record, its own first
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
	return user{name: access.AnonymousUser, groups: []string{access.UnauthenticatedGroup}}, nil
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
	if c.r.Header.Get("Impersonate-User") != "" || c.r.Header.Get("Impersonate-Group") != "" {
		return apierrors.NewForbidden(noResource, c.r.URL.Path, errors.New("kubelab has no impersonation yet: leave out --as and --as-group"))
	}
	asked := c.asked()
	asked.Relations = s.relations
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
		return forbidden(c, reason)
	}
	return nil
}

// asked is what a call asks for, as its path says it.
func (c *call) asked() access.Request {
	asked := access.Request{User: c.user.name, Groups: c.user.groups, Addresses: c.user.addresses, Verb: c.verb}
	if c.kind == nil {
		asked.Path = c.r.URL.Path
		return asked
	}
	asked.Group, asked.Resource, asked.Subresource = c.kind.Group, c.kind.Plural, c.subresource
	asked.Namespace, asked.Name, asked.Metadata = c.namespace, c.name, c.seesOnlyMetadata()
	return asked
}

// seesOnlyMetadata says whether a call learns nothing of an object but its metadata. A JSON patch can copy into it what stands elsewhere.
func (c *call) seesOnlyMetadata() bool {
	return c.view.OnlyMetadata() && request.ContentType(c.r) != string(types.JSONPatchType)
}

func forbidden(c *call, reason string) error {
	if c.user.name == access.AnonymousUser {
		c.w.Header().Set("Connection", "close") // nobody waits for what else a guest has to say
		return apierrors.NewUnauthorized("Unauthorized: send a client certificate of this cluster")
	}
	if c.kind == nil {
		return apierrors.NewForbidden(noResource, c.r.URL.Path, errors.New(reason))
	}
	//lint:ignore ST1005 it is the sentence that every Kubernetes says
	err := fmt.Errorf("User %q cannot %s resource %q in API group %q: %s", c.user.name, c.verb, c.resource(), c.kind.Group, reason)
	return apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, err)
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
	if err := s.Policy.Restrict(c.asked(), old, object); err != nil {
		return apierrors.NewForbidden(c.kind.Resource().GroupResource(), subject.GetName(), err)
	}
	return nil
}

// serveReview answers what a client asks about itself.
func (s *Server) serveReview(c *call) error {
	review, err := c.decodeBody()
	if err == nil {
		sender := reviews.Sender{Name: c.user.name, Groups: c.user.groups, UID: c.user.uid, Extra: c.user.extra}
		err = reviews.Answer(s.Policy, s.relations, sender, review)
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
