package apiserver

import (
	"fmt"
	"kubelab/kube/api/podspec"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/proxy"
)

// The server knows nothing of a container's output or of a terminal in it: the kubelet of the pod's node does.
// So it looks up the node and passes the connection on.

// serveKubelet answers pods/log, exec, attach and portforward.
func (s *Server) serveKubelet(c *call) error {
	query, err := podOptions(c)
	if err != nil {
		return err
	}
	object, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if err != nil {
		return err
	}
	pod := object.(*corev1.Pod)
	host, err := s.kubeletOf(c, pod)
	if err != nil {
		return err
	}
	target := &url.URL{Scheme: "https", Host: host}
	if c.subresource == "portforward" {
		target.Path = fmt.Sprintf("/portForward/%s/%s", pod.Namespace, pod.Name)
	} else {
		container, err := containerOf(pod, query.Get("container"))
		if err != nil {
			return err
		}
		paths := map[string]string{"log": "containerLogs", "exec": "exec", "attach": "attach"}
		target.Path = fmt.Sprintf("/%s/%s/%s/%s", paths[c.subresource], pod.Namespace, pod.Name, container)
		query.Del("container")
	}
	target.RawQuery = query.Encode()
	transport := &http.Transport{TLSClientConfig: s.KubeletTLS.Clone(), DisableKeepAlives: true}
	if c.subresource == "log" && websocket.IsWebSocketUpgrade(c.r) {
		return s.sendLog(c, target, transport)
	} else if c.subresource == "log" {
		s.passOn(c, target, transport)
		return nil
	}
	switch protocols := c.r.Header.Get("Sec-Websocket-Protocol"); {
	case strings.Contains(protocols, protocolV5):
		return s.translate(c, target)
	case strings.Contains(protocols, tunnelProtocol):
		return s.tunnel(c, target, transport)
	}
	upgrade := proxy.NewUpgradeAwareHandler(target, transport, false, true, responder{c})
	upgrade.UseLocationHost = true
	upgrade.ServeHTTP(c.w, c.r)
	return nil
}

// passOn copies an answer as it comes, so that a log can be followed.
func (s *Server) passOn(c *call, target *url.URL, transport http.RoundTripper) {
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = target, target.Host },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			responder{c}.Error(w, r, err)
		},
	}
	reverse.ServeHTTP(c.w, c.r)
}

// responder tells a client that the kubelet could not be asked.
type responder struct{ c *call }

func (r responder) Error(w http.ResponseWriter, request *http.Request, err error) {
	status := apierrors.NewInternalError(fmt.Errorf("error dialing backend: %w", err)).Status()
	writeError(w, request, &status)
}

// kubeletOf is the address of the kubelet that has the pod.
func (s *Server) kubeletOf(c *call, pod *corev1.Pod) (string, error) {
	if pod.Spec.NodeName == "" {
		return "", apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", pod.Name))
	}
	node, ok := s.lookup(c.r.Context())("nodes", "", pod.Spec.NodeName).(*corev1.Node)
	if !ok {
		return "", apierrors.NewNotFound(corev1.Resource("nodes"), pod.Spec.NodeName)
	}
	port := node.Status.DaemonEndpoints.KubeletEndpoint.Port
	if port == 0 {
		port = 10250
	}
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return fmt.Sprintf("%s:%d", address.Address, port), nil
		}
	}
	return "", apierrors.NewInternalError(fmt.Errorf("node %s has no InternalIP", node.Name))
}

// containerOf is the container that a call means: a pod with only one need not be asked which.
func containerOf(pod *corev1.Pod, asked string) (string, error) {
	var names []string
	for _, container := range podspec.Members(&pod.Spec) {
		names = append(names, container.Name)
	}
	if asked == "" {
		if len(names) == 1 {
			return names[0], nil
		}
		if byDefault := pod.Annotations["kubectl.kubernetes.io/default-container"]; byDefault != "" {
			return byDefault, nil
		}
		return "", apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, choose one of: [%s]", pod.Name, strings.Join(names, " ")))
	}
	for _, name := range names {
		if name == asked {
			return name, nil
		}
	}
	return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", asked, pod.Name))
}
