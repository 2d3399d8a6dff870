package health

import (
	"bufio"
	"cmp"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kubelab/kube/api"
)

// MetricsPath is where metrics are read.
const MetricsPath = "/metrics"

// Metrics are one server's.
type Metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	lasting  *prometheus.GaugeVec
}

// Store is what is told of a server's store.
type Store struct {
	Objects  map[string]int // how many there are, by resource
	Revision int64          // up to which the server has heard
}

// what are the labels that say what a request is about. Each has few values, whatever clients send.
var what = []string{"verb", "group", "version", "resource", "subresource"}

// NewMetrics are those of a server that tells of its store whenever it is asked.
func NewMetrics(store func() Store) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apiserver_request_total", Help: "Requests that were answered, by the code of the answer.",
		}, append(slices.Clone(what), "code")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apiserver_request_duration_seconds", Help: "How long the answer to a request took. What is meant to last is not in it.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, what),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "apiserver_current_inflight_requests", Help: "Requests that are being answered, without those that are meant to last.",
		}, []string{"request_kind"}),
		lasting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "apiserver_longrunning_requests", Help: "Watches, logs and sessions that are open.",
		}, what),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.duration, m.inFlight, m.lasting, storeMetrics(store),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// Serve answers with the metrics as they are now.
func (m *Metrics) Serve(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// Observe counts a request, which may be meant to last, from now until done is called. It is answered through the writer that is returned.
func (m *Metrics) Observe(w http.ResponseWriter, r *http.Request, about Request) (counted http.ResponseWriter, done func()) {
	began, labels := time.Now(), about.labels()
	noted := &answered{ResponseWriter: w}
	open := m.inFlight.WithLabelValues("readOnly")
	if about.Lasts {
		open = m.lasting.WithLabelValues(labels...)
	} else if !slices.Contains([]string{http.MethodGet, http.MethodHead}, r.Method) {
		open = m.inFlight.WithLabelValues("mutating")
	}
	open.Inc()
	return noted, func() {
		open.Dec()
		m.requests.WithLabelValues(append(labels, strconv.Itoa(cmp.Or(noted.code, http.StatusOK)))...).Inc()
		if !about.Lasts {
			m.duration.WithLabelValues(labels...).Observe(time.Since(began).Seconds())
		}
	}
}

// Request is what is counted of a request.
type Request struct {
	Verb        string
	Kind        *api.Kind // nil: it is about no resource
	Subresource string
	Lasts       bool
}

// verbs are how metrics name what is done.
var verbs = map[string]string{
	"get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "post": "POST", "update": "PUT", "put": "PUT",
	"patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETECOLLECTION", "head": "GET",
}

// labels are the values of [what]. What there is not is called other: clients could make up as many as they like.
func (r Request) labels() []string {
	verb := cmp.Or(verbs[r.Verb], "other")
	if r.Kind == nil {
		return []string{verb, "", "", "", ""}
	}
	subresource, known := r.Subresource, r.Kind.Subresource(r.Subresource)
	if known == nil && !slices.Contains([]string{"", "status", "scale"}, subresource) {
		subresource = "other"
	} else if known.Session() {
		verb = "CONNECT"
	}
	return []string{verb, r.Kind.Group, r.Kind.Version, r.Kind.Plural, subresource}
}

// answered is a writer that notes the code of the answer.
type answered struct {
	http.ResponseWriter
	code int
}

// Unwrap leads [http.ResponseController] to the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader begins the answer.
func (a *answered) WriteHeader(code int) {
	a.code = cmp.Or(a.code, code)
	a.ResponseWriter.WriteHeader(code)
}

// Hijack takes the connection over. The libraries that do so for sessions ask for it by this name.
func (a *answered) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.code = cmp.Or(a.code, http.StatusSwitchingProtocols)
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// storeMetrics looks at what the server keeps of the store when it is asked.
type storeMetrics func() Store

var (
	objectsDesc  = prometheus.NewDesc("apiserver_storage_objects", "Objects in the store, by resource.", []string{"resource"}, nil)
	revisionDesc = prometheus.NewDesc("kubelab_cache_revision", "The revision of the store up to which the server has heard.", nil, nil)
)

// Describe says which metrics there are.
func (storeMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- objectsDesc
	to <- revisionDesc
}

// Collect gives their values.
func (m storeMetrics) Collect(to chan<- prometheus.Metric) {
	now := m()
	for resource, count := range now.Objects {
		to <- prometheus.MustNewConstMetric(objectsDesc, prometheus.GaugeValue, float64(count), resource)
	}
	to <- prometheus.MustNewConstMetric(revisionDesc, prometheus.GaugeValue, float64(now.Revision))
}
