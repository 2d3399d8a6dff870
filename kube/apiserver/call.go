package apiserver

import (
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/request"
)

// call is a request, understood.
type call struct {
	w    http.ResponseWriter // nil: the call is the server's own
	r    *http.Request
	user user

	kind        *api.Kind // nil: the path is no resource's
	verb        string    // "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"
	namespace   string
	name        string           // empty: the call is about all of them
	subresource string           // "status", "log", …
	sub         *api.Subresource // the kind's own of that name, if it has one
	ended       <-chan struct{}  // closed when the kind is served no more

	view          answer.View // in which the answer is wanted
	notAcceptable error       // there is no such view
	options       request.Options
	warned        *warnings
}

var noResource schema.GroupResource

// parse reads what a request asks for from its method and path:
//
//	/api/v1/namespaces/NAMESPACE/PLURAL/NAME/SUBRESOURCE
//	/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/SUBRESOURCE
//
// where the namespace, the name and the subresource may be absent.
func (s *Server) parse(r *http.Request) (c *call, err error) {
	c = &call{r: r, verb: strings.ToLower(r.Method), warned: new(warnings)}
	defer func() { c.view, c.notAcceptable = answer.Negotiate(r.Header.Get("Accept"), c.hasTable()) }()
	version, parts, ok := splitPath(r.URL.Path)
	if !ok || len(parts) == 0 {
		return c, nil
	}
	served := s.serves.Load()
	if parts[0] == "namespaces" && len(parts) >= 3 && served.byPath[version+"/"+parts[2]] != nil {
		c.namespace, parts = parts[1], parts[2:]
	}
	c.kind, c.ended = served.byPath[version+"/"+parts[0]], served.ended[version+"/"+parts[0]]
	if c.kind == nil {
		return c, answer.NoSuchPath()
	}
	if !c.kind.Namespaced && c.namespace != "" {
		return c, answer.NoSuchPath()
	}
	for i, field := range []*string{&c.name, &c.subresource} {
		if len(parts) > i+1 {
			*field = parts[i+1]
		}
	}
	c.sub = c.kind.Subresource(c.subresource)
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
		case request.IsTrue(r.URL.Query()["watch"]):
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

// known says whether the kind has what the call is about.
func (c *call) known() bool {
	return c.subresource == "" || c.sub != nil || c.scales() || c.subresource == "status" && c.kind.HasStatus
}

// verbs are those that there are for what the call is about.
func (c *call) verbs() []string {
	switch {
	case c.sub != nil:
		return c.sub.Verbs
	case c.kind.Unstored:
		return []string{"create"}
	case c.subresource != "":
		return []string{"get", "patch", "update"}
	}
	return []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
}

// scales says whether the call is about an object's replicas.
func (c *call) scales() bool { return c.subresource == "scale" && c.kind.Scale != nil }

// connects says whether another server gives the answer.
func (c *call) connects() bool { return c.sub != nil && c.sub.Connect != nil }

// streams says whether the answer has no end of its own.
func (c *call) streams() bool {
	if c.kind == nil {
		return c.r.URL.Path == stepsPath && request.IsTrue(c.r.URL.Query()["watch"])
	}
	return c.verb == "watch" || c.connects()
}

// hasTable says whether the answer can be a table: what is only answered and never kept has no columns.
func (c *call) hasTable() bool {
	return c.kind != nil && !c.kind.Unstored && (c.sub == nil || !slices.Contains(c.sub.Verbs, "create"))
}

// manager is the name under which a client's fields are kept.
func (c *call) manager() string {
	if c.options.Write.FieldManager != "" {
		return c.options.Write.FieldManager
	}
	name, _, _ := strings.Cut(c.r.UserAgent(), "/")
	return name[:min(len(name), validation.FieldManagerMaxLength)]
}

// warn tells the client, in a header that kubectl prints, what a person should know.
func (c *call) warn(text string) {
	if c.w != nil {
		c.warned.add(c.w.Header(), text)
	}
}
