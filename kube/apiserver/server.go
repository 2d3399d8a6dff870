package apiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/deadlines"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// Config is what a server is made of.
type Config struct {
	Kinds []api.Kind
	Store *store.Store
	// Policy says whether a user may do what a request asks for, and if not, why.
	Policy *access.Policy
	// KubeletTLS is how the server proves to a kubelet who it is.
	KubeletTLS *tls.Config
	// DialKubelet opens the connection to a kubelet. Nil: as usual.
	DialKubelet func(ctx context.Context, network, address string) (net.Conn, error)
	// Address and Port are where other hosts reach this server: the endpoint of the service "kubernetes".
	Host    string
	Address string
	Port    int
	// ServiceIP is the address of that service.
	ServiceIP string
	Version   string // "v1.37.2"
	// Terms are how long clients may take. Zero: the usual ones.
	Terms deadlines.Terms
}

// Server answers the Kubernetes API. It keeps nothing that the store does not: any number of them may
// run side by side.
type Server struct {
	Config
	cache  *store.Cache
	kinds  map[string]*api.Kind // by "group/version/plural"
	byKey  map[string]*api.Kind // by the first part of the key in the store
	fields fieldManagers
	docs   openAPI
	ready  atomic.Bool

	metrics *metrics
}

// New makes a server. It panics when a kind is declared twice.
func New(config Config) *Server {
	config.Kinds = slices.Concat(config.Kinds, reviewKinds)
	s := &Server{Config: config, kinds: map[string]*api.Kind{}, byKey: map[string]*api.Kind{}}
	for i := range config.Kinds {
		kind := &config.Kinds[i]
		id := kind.GroupVersion().String() + "/" + kind.Plural
		if s.kinds[id] != nil {
			panic("kind " + id + " is declared twice")
		}
		s.kinds[id] = kind
		s.byKey[keyPart(kind)] = kind
	}
	s.cache = store.NewCache(config.Store, stepsPrefix, s.decodeRecord)
	s.docs.kinds = config.Kinds
	s.metrics = newMetrics(s)
	return s
}

// Run follows the store and makes the objects that every cluster has. It returns when ctx is done.
func (s *Server) Run(ctx context.Context) {
	var first sync.WaitGroup
	first.Go(func() { s.bootstrap(ctx) })
	defer first.Wait()
	s.cache.Run(ctx)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.parse(w, r)
	done := s.metrics.observe(c)
	defer done()
	w = c.w
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			slog.Error("a request panicked", "method", r.Method, "url", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			writeError(w, r, apierrors.NewInternalError(fmt.Errorf("%v", p)))
		}
	}()
	if err == nil {
		err = s.serve(c)
	}
	if err != nil {
		writeError(w, r, toStatus(err))
	}
}

// serve takes a call through what comes before every answer.
func (s *Server) serve(c *call) error {
	if err := s.allow(c); err != nil {
		return err
	}
	if c.streams() {
		deadlines.Lift(c.w)
	}
	if err := c.readOptions(); err != nil {
		return err
	}
	stop, err := c.limitTime()
	if err != nil {
		return err
	}
	defer stop()
	return s.dispatch(c)
}

// dispatch leads a call to what answers it.
func (s *Server) dispatch(c *call) error {
	if c.kind == nil {
		return s.servePath(c)
	}
	if isReview(c.kind) {
		return s.serveReview(c)
	}
	if c.subresource != "" {
		return s.serveSubresource(c)
	}
	switch c.verb {
	case "get":
		return s.serveGet(c)
	case "list":
		return s.serveList(c)
	case "watch":
		return s.serveWatch(c)
	case "create":
		return s.serveCreate(c)
	case "update":
		return s.serveUpdate(c)
	case "patch":
		return s.servePatch(c)
	case "delete":
		return s.serveDelete(c)
	case "deletecollection":
		return s.serveDeleteCollection(c)
	}
	return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
}

// servePath answers what is no resource.
func (s *Server) servePath(c *call) error {
	if c.r.URL.Path == stepsPath {
		return s.serveSteps(c)
	}
	if id, isStep := strings.CutPrefix(c.r.URL.Path, stepsPath+"/"); isStep && c.verb == "get" && strings.HasSuffix(id, "/change") {
		return s.serveChange(c, trace.ID(strings.TrimSuffix(id, "/change")))
	}
	if s.serveHealth(c) {
		return nil
	}
	if c.r.URL.Path == metricsPath && c.verb == "get" {
		s.metrics.handler.ServeHTTP(c.w, c.r)
		return nil
	}
	if err := c.acceptsJSON(); err != nil {
		return err
	}
	if s.serveDiscovery(c) || s.docs.serve(c) {
		return nil
	}
	return noSuchPath()
}

// allow asks whether the caller may do this.
func (s *Server) allow(c *call) error {
	if c.r.Header.Get("Impersonate-User") != "" || c.r.Header.Get("Impersonate-Group") != "" {
		return apierrors.NewForbidden(noResource, c.r.URL.Path, errors.New("kubelab has no impersonation yet: leave out --as and --as-group"))
	}
	asked := c.asked()
	asked.Relations = s
	if c.kind != nil {
		if slices.Contains([]string{"list", "watch", "deletecollection"}, c.verb) && c.name == "" { // no other verb selects
			if selected, err := fields.ParseSelector(c.query("fieldSelector")); err == nil {
				asked.Name, _ = selected.RequiresExactMatch("metadata.name") // who lists one object reads that one
				asked.NodeName, _ = selected.RequiresExactMatch("spec.nodeName")
			}
		}
		if slices.Contains([]string{"exec", "attach", "portforward"}, c.subresource) {
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
	asks, err := negotiate(c)
	return err == nil && asks.as == "PartialObjectMetadata" && c.contentType() != string(types.JSONPatchType)
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
