package apiserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"kubelab/kube/access"
	"kubelab/kube/access/tokens"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/apply"
	"kubelab/kube/apiserver/discovery"
	"kubelab/kube/apiserver/health"
	"kubelab/kube/apiserver/listen"
	"kubelab/kube/apiserver/streams"
	"kubelab/kube/deadlines"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// Config is what a server is made of.
type Config struct {
	Kinds []api.Kind // that are served at first
	Store *store.Store
	// Policy says whether a user may do what a request asks for, and if not, why.
	Policy *access.Policy
	// Tokens signs the tokens of service accounts. Nil: there are none.
	Tokens *tokens.Key
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
	serves    atomic.Pointer[registry]
	serving   sync.Mutex // held while another takes its place
	cache     *store.Cache
	relations access.Relations
	managers  apply.Managers
	metrics   *health.Metrics
	others    streams.Dialer
	ready     atomic.Bool
}

// New makes a server. The error says which of its kinds cannot be served.
func New(config Config) (*Server, error) {
	s := &Server{Config: config}
	if err := s.Serve(config.Kinds); err != nil {
		return nil, err
	}
	s.cache = store.NewCache(config.Store, stepsPrefix, s.decodeRecord)
	s.relations = access.In(s)
	s.metrics = health.NewMetrics(s.storeNow)
	s.others = streams.Dialer{TLS: config.KubeletTLS, Dial: config.DialKubelet}
	return s, nil
}

// Run follows the store and makes the objects that every cluster has. It returns when ctx is done.
func (s *Server) Run(ctx context.Context) {
	var first sync.WaitGroup
	first.Go(func() { s.bootstrap(ctx) })
	defer first.Wait()
	s.cache.Run(ctx)
}

// Listen answers requests at an address until ctx is done. Whoever connects may show a client certificate of the authority in clients.
func (s *Server) Listen(ctx context.Context, address string, certificate tls.Certificate, clients *x509.CertPool) error {
	return listen.Door{Address: address, Certificate: certificate, Clients: clients, Terms: s.Terms}.Serve(ctx, s)
}

// storeNow is what metrics tell of the store.
func (s *Server) storeNow() health.Store {
	now := health.Store{Objects: map[string]int{}, Revision: int64(s.cache.Revision())}
	for key, kind := range s.serves.Load().byKey {
		if kind.Unstored {
			continue
		}
		items, _ := s.cache.List(prefix(kind, ""))
		now.Objects[strings.TrimSuffix(key, ".")] = len(items)
	}
	return now
}

// servePath answers what is no resource.
func (s *Server) servePath(c *call) error {
	path := c.r.URL.Path
	if path == stepsPath {
		return s.serveSteps(c)
	}
	if id, isStep := strings.CutPrefix(path, stepsPath+"/"); isStep && c.verb == "get" && strings.HasSuffix(id, "/change") {
		return s.serveChange(c, trace.ID(strings.TrimSuffix(id, "/change")))
	}
	if health.Serve(c.w, c.r, s.ready.Load()) {
		return nil
	}
	if path == health.MetricsPath && c.verb == "get" {
		s.metrics.Serve(c.w, c.r)
		return nil
	}
	if c.notAcceptable != nil && !discovery.Wants(c.r.Header.Get("Accept")) {
		return c.notAcceptable
	}
	if s.serves.Load().documents.Serve(c.w, c.r) {
		return nil
	}
	return answer.NoSuchPath()
}
