//go:build linux

package kubelet

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
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubelab/kube/access"
	"kubelab/kube/deadlines"
	"kubelab/kube/hangup"
)

// serve answers the API server until ctx is done: logs, exec, attach, port-forward.
func (k *Kubelet) serve(ctx context.Context) error {
	config, err := k.serverTLS()
	if err != nil {
		return err
	}
	address := net.JoinHostPort(k.config.NodeIP, strconv.Itoa(k.config.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the API server: %w", err)
	}
	server := deadlines.Usual.Server(onlyAPIServer(k.routes()))
	hangup.Streams(server)
	server.TLSConfig = config
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.ServeTLS(hangup.Listener(listener), "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API server: %w", err)
	}
	return nil
}

// serverTLS asks every caller for a certificate of the cluster's authority. No HTTP/2: a connection that
// becomes a shell has to be taken over whole.
func (k *Kubelet) serverTLS() (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(k.config.TLSCert, k.config.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load the kubelet's certificate (--tls-cert, --tls-key): %w", err)
	}
	authority, err := os.ReadFile(k.config.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the authority of callers (--client-ca): %w", err)
	}
	callers := x509.NewCertPool()
	if !callers.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s (--client-ca)", k.config.ClientCA)
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

func (k *Kubelet) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	routes.HandleFunc("GET /pods", k.listPods)
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", answering(k.serveLogs))
	routes.HandleFunc("/exec/{namespace}/{pod}/{container}", answering(k.serveExec))
	routes.HandleFunc("/attach/{namespace}/{pod}/{container}", answering(k.serveAttach))
	routes.HandleFunc("/portForward/{namespace}/{pod}", answering(k.servePortForward))
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
func (k *Kubelet) listPods(w http.ResponseWriter, _ *http.Request) {
	known, err := k.watches.Core().V1().Pods().Lister().List(labels.Everything())
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
func (k *Kubelet) podOf(r *http.Request) (*corev1.Pod, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("pod")
	pod, err := k.watches.Core().V1().Pods().Lister().Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil, apierrors.NewNotFound(corev1.Resource("pods"), name)
	}
	return pod, err
}
