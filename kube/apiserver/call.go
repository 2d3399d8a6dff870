package apiserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/access"
	"kubelab/kube/api"
)

// call is a request, understood.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	user user

	kind        *api.Kind // nil: the path is no resource's
	verb        string    // "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"
	namespace   string
	name        string // empty: the call is about all of them
	subresource string // "status", "log", …
	rest        string // what follows the subresource

	view view // in which the answer is wanted
	options
}

// user is who sent a request.
type user struct {
	name      string
	groups    []string
	host      string       // that a part of the cluster runs on, by its certificate
	addresses []netip.Addr // that the certificate names
	speaks    []string     // the names by which a part of the cluster may speak in the causal record, its own first
}

var noResource schema.GroupResource

// component says whether the user is a part of the cluster: its word about causes is believed, and its
// writes are not managed field by field.
func (u user) component() bool { return len(u.speaks) > 0 }

// authenticate reads the caller's name and groups from the client certificate, which TLS has verified:
// the common name is the user, each organization a group.
func (s *Server) authenticate(r *http.Request) user {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return user{name: access.AnonymousUser, groups: []string{access.UnauthenticatedGroup}}
	}
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

// parse reads what a request asks for from its method and path:
//
//	/api/v1/namespaces/NAMESPACE/PLURAL/NAME/SUBRESOURCE
//	/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/SUBRESOURCE
//
// where the namespace, the name and the subresource may be absent.
func (s *Server) parse(w http.ResponseWriter, r *http.Request) (*call, error) {
	c := &call{w: w, r: r, user: s.authenticate(r), verb: strings.ToLower(r.Method)}
	version, parts, ok := splitPath(r.URL.Path)
	if !ok || len(parts) == 0 {
		return c, nil
	}
	if parts[0] == "namespaces" && len(parts) >= 3 && s.kinds[version+"/"+parts[2]] != nil {
		c.namespace, parts = parts[1], parts[2:]
	}
	c.kind = s.kinds[version+"/"+parts[0]]
	if c.kind == nil {
		return c, noSuchPath()
	}
	if !c.kind.Namespaced && c.namespace != "" {
		return c, noSuchPath()
	}
	for i, field := range []*string{&c.name, &c.subresource} {
		if len(parts) > i+1 {
			*field = parts[i+1]
		}
	}
	if len(parts) > 3 {
		c.rest = "/" + strings.Join(parts[3:], "/")
	}
	c.verb = verbOf(r, c.name != "")
	return c, c.checkNamespace()
}

// checkNamespace refuses to name an object, or to make one, without saying where.
func (c *call) checkNamespace() error {
	if c.kind.Namespaced && c.namespace == "" && (c.name != "" || c.verb == "create") {
		return apierrors.NewBadRequest("a namespace is needed: /namespaces/NAMESPACE/" + c.kind.Plural)
	}
	return nil
}

// splitPath takes the group and version off a resource's path.
func splitPath(path string) (version string, parts []string, ok bool) {
	parts = strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	switch {
	case len(parts) >= 2 && parts[0] == "api":
		return parts[1], parts[2:], true
	case len(parts) >= 3 && parts[0] == "apis":
		return parts[1] + "/" + parts[2], parts[3:], true
	}
	return "", nil, false
}

func verbOf(r *http.Request, named bool) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		switch {
		case named:
			return "get"
		case isTrue(r.URL.Query()["watch"]):
			return "watch"
		}
		return "list"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if named {
			return "delete"
		}
		return "deletecollection"
	}
	return strings.ToLower(r.Method)
}

// resource is what the call is about, as an access rule names it: pods, pods/log.
func (c *call) resource() string {
	if c.subresource == "" {
		return c.kind.Plural
	}
	return c.kind.Plural + "/" + c.subresource
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// contentType is what the body says it is, without parameters.
func (c *call) contentType() string {
	mediaType, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(mediaType)
}

// streams says whether the answer has no end of its own.
func (c *call) streams() bool {
	if c.kind == nil {
		return c.r.URL.Path == stepsPath && isTrue(c.r.URL.Query()["watch"])
	}
	return c.verb == "watch" || c.toKubelet()
}

// toKubelet says whether a kubelet gives the answer.
func (c *call) toKubelet() bool {
	return slices.Contains([]string{"log", "exec", "attach", "portforward"}, c.subresource)
}

// keyPart is how a kind's keys in the store begin, after /registry/: pods, deployments.apps.
func keyPart(kind *api.Kind) string { return kind.Resource().GroupResource().String() }

// key is where an object lies in the store.
func key(kind *api.Kind, namespace, name string) string {
	if !kind.Namespaced {
		return prefix(kind, "") + name
	}
	return prefix(kind, namespace) + name
}

// prefix is how the keys of all objects of a kind begin: of one namespace, or where that is empty of all.
func prefix(kind *api.Kind, namespace string) string {
	if namespace == "" {
		return "/registry/" + keyPart(kind) + "/"
	}
	return "/registry/" + keyPart(kind) + "/" + namespace + "/"
}
