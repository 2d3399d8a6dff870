//go:build linux

package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/access"
	"kubelab/kube/deadlines"
	"kubelab/kube/hangup"
)

// Config is where the server listens, and whom it believes.
type Config struct {
	Address string // host:port
	// The server's certificate, and the authority of those who may ask it.
	TLSCert, TLSKey, ClientCA string
}

// server answers for the pods of one node.
type server struct {
	pods    corelisters.PodLister // the node's, and no others
	runtime runtimeapi.RuntimeServiceClient
}

// Run answers the API server until ctx is done: logs, exec, attach, port-forward. pods are those of the node. An error says that it
// cannot listen, or that its certificates cannot be read.
func Run(ctx context.Context, config Config, pods corelisters.PodLister, runtime runtimeapi.RuntimeServiceClient) error {
	terms, err := config.tls()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Address)
	if err != nil {
		return fmt.Errorf("listen for the API server: %w", err)
	}
	web := deadlines.Usual.Server(onlyAPIServer((&server{pods, runtime}).routes()))
	hangup.Streams(web)
	crowd := deadlines.Wide.Listener(hangup.Listener(listener))
	crowd.Watch(web)
	web.TLSConfig = terms
	stop := context.AfterFunc(ctx, func() { web.Close() })
	defer stop()
	if err := web.ServeTLS(crowd, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API server: %w", err)
	}
	return nil
}

// tls asks every caller for a certificate of the cluster's authority. No HTTP/2: a connection that
// becomes a shell has to be taken over whole.
func (c Config) tls() (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load the kubelet's certificate (--tls-cert, --tls-key): %w", err)
	}
	authority, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the authority of callers (--client-ca): %w", err)
	}
	callers := x509.NewCertPool()
	if !callers.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s (--client-ca)", c.ClientCA)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own}, ClientCAs: callers, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}, nil
}

// onlyAPIServer keeps out everybody else who has a certificate: who gets in here can run anything in any pod of
// the node, and only the API server has asked whether that is allowed.
func onlyAPIServer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := r.TLS.PeerCertificates[0].Subject
		if caller.CommonName != access.APIServerUser && !slices.Contains(caller.Organization, access.MastersGroup) {
			fail(w, apierrors.NewForbidden(corev1.Resource("nodes/proxy"), "", fmt.Errorf("%q may not ask a kubelet", caller.CommonName)))
			return
		}
		deadlines.Lift(w) // a log that is followed lasts, and the API server has bounded the others
		next.ServeHTTP(w, r)
	})
}

func (s *server) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	routes.HandleFunc("GET /pods", s.listPods)
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", answering(s.serveLogs))
	routes.HandleFunc("/exec/{namespace}/{pod}/{container}", answering(s.serveExec))
	routes.HandleFunc("/attach/{namespace}/{pod}/{container}", answering(s.serveAttach))
	routes.HandleFunc("/portForward/{namespace}/{pod}", answering(s.servePortForward))
	return routes
}

// answering turns an error into the answer that kubectl prints.
func answering(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			fail(w, err)
		}
	}
}

func fail(w http.ResponseWriter, err error) {
	var known apierrors.APIStatus
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	status := known.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status) // whoever asked may have gone
}

// listPods are the pods of this node, as the kubelet knows them.
func (s *server) listPods(w http.ResponseWriter, _ *http.Request) {
	known, err := s.pods.List(labels.Everything())
	if err != nil {
		fail(w, err)
		return
	}
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{}}
	for _, pod := range known {
		list.Items = append(list.Items, *pod)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

// podOf is the pod that a request is about.
func (s *server) podOf(r *http.Request) (*corev1.Pod, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("pod")
	pod, err := s.pods.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil, apierrors.NewNotFound(corev1.Resource("pods"), name)
	}
	return pod, err
}
