package apiserver

import (
	"bufio"
	"cmp"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What the server has done and does, in the names that a real one has for it, so that boards and alerts that were made for those work.
const metricsPath = "/metrics"

// metrics are one server's.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	lasting  *prometheus.GaugeVec
}

// what are the labels that say what a request is about. Each has few values, whatever clients send.
var what = []string{"verb", "group", "version", "resource", "subresource"}

func newMetrics(s *Server) *metrics {
	m := &metrics{
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
	registry.MustRegister(m.requests, m.duration, m.inFlight, m.lasting, storeMetrics{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// observe counts a call from now until what it returns is called.
func (m *metrics) observe(c *call) (done func()) {
	began, about, lasts := time.Now(), c.about(), c.streams()
	answer := &answered{ResponseWriter: c.w}
	c.w = answer
	open := m.inFlight.WithLabelValues("readOnly")
	if lasts {
		open = m.lasting.WithLabelValues(about...)
	} else if !slices.Contains([]string{http.MethodGet, http.MethodHead}, c.r.Method) {
		open = m.inFlight.WithLabelValues("mutating")
	}
	open.Inc()
	return func() {
		open.Dec()
		m.requests.WithLabelValues(append(about, strconv.Itoa(cmp.Or(answer.code, http.StatusOK)))...).Inc()
		if !lasts {
			m.duration.WithLabelValues(about...).Observe(time.Since(began).Seconds())
		}
	}
}

// verbs are how metrics name what is done.
var verbs = map[string]string{
	"get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "post": "POST", "update": "PUT", "put": "PUT",
	"patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETECOLLECTION", "head": "GET",
}

// about are the values of the labels in [what]. What there is not is called other: clients could make up as many as they like.
func (c *call) about() []string {
	verb := cmp.Or(verbs[c.verb], "other")
	if c.kind == nil {
		return []string{verb, "", "", "", ""}
	}
	subresource := c.subresource
	if _, known := subresources[c.resource()]; !known && !slices.Contains([]string{"", "status", "scale"}, subresource) {
		subresource = "other"
	} else if slices.Contains([]string{"exec", "attach", "portforward"}, subresource) {
		verb = "CONNECT"
	}
	return []string{verb, c.kind.Group, c.kind.Version, c.kind.Plural, subresource}
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
type storeMetrics struct{ s *Server }

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
	for key, kind := range m.s.byKey {
		if isReview(kind) {
			continue
		}
		items, _ := m.s.cache.List(prefix(kind, ""))
		to <- prometheus.MustNewConstMetric(objectsDesc, prometheus.GaugeValue, float64(len(items)), strings.TrimSuffix(key, "."))
	}
	to <- prometheus.MustNewConstMetric(revisionDesc, prometheus.GaugeValue, float64(m.s.cache.Revision()))
}
