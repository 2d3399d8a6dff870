package apiserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/proxy"

	"kubelab/kube/api/podspec"
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
	k, err := s.kubeletOf(c, pod)
	if err != nil {
		return err
	}
	if c.subresource == "portforward" {
		k.url.Path = fmt.Sprintf("/portForward/%s/%s", pod.Namespace, pod.Name)
	} else {
		container, err := containerOf(pod, query.Get("container"))
		if err != nil {
			return err
		}
		paths := map[string]string{"log": "containerLogs", "exec": "exec", "attach": "attach"}
		k.url.Path = fmt.Sprintf("/%s/%s/%s/%s", paths[c.subresource], pod.Namespace, pod.Name, container)
		query.Del("container")
	}
	k.url.RawQuery = query.Encode()
	if c.subresource == "log" && websocket.IsWebSocketUpgrade(c.r) {
		return sendLog(c, k)
	} else if c.subresource == "log" {
		passOn(c, k)
		return nil
	}
	switch protocols := c.r.Header.Get("Sec-Websocket-Protocol"); {
	case strings.Contains(protocols, protocolV5):
		return translate(c, k)
	case strings.Contains(protocols, tunnelProtocol):
		return tunnel(c, k)
	}
	upgrade := proxy.NewUpgradeAwareHandler(k.url, k.transport, false, true, responder{k})
	upgrade.UseLocationHost = true
	upgrade.ServeHTTP(c.w, c.r)
	return nil
}

// kubelet is the one of a pod's node, and what it is asked.
type kubelet struct {
	node      string
	url       *url.URL
	transport *http.Transport
}

// kubeletOf finds the kubelet that has a pod.
func (s *Server) kubeletOf(c *call, pod *corev1.Pod) (*kubelet, error) {
	if pod.Spec.NodeName == "" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", pod.Name))
	}
	node, ok := s.lookup(c.r.Context())("nodes", "", pod.Spec.NodeName).(*corev1.Node)
	if !ok {
		return nil, apierrors.NewNotFound(corev1.Resource("nodes"), pod.Spec.NodeName)
	}
	trust := s.KubeletTLS.Clone()
	trust.ServerName = node.Name // whoever answers must be this node, wherever it says that it is
	k := &kubelet{
		node: node.Name, url: &url.URL{Scheme: "https"},
		transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true, DialContext: s.DialKubelet},
	}
	address, err := PlanKubelet(node)
	if err != nil {
		return nil, k.unreachable(err)
	}
	k.url.Host = address.String()
	return k, nil
}

// unreachable is the answer where a kubelet could not be asked. The reason is for the log only: a node chooses what is
// tried, and who asks for a log of a pod there would learn from the reason what listens where.
func (k *kubelet) unreachable(reason error) error {
	slog.Warn("a kubelet cannot be reached", "node", k.node, "address", k.url.Host, "error", reason)
	return apierrors.NewInternalError(fmt.Errorf("the kubelet of node %q cannot be reached", k.node))
}

// passOn copies an answer as it comes, so that a log can be followed.
func passOn(c *call, k *kubelet) {
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = k.url, k.url.Host },
		Transport:     k.transport,
		FlushInterval: -1,
		ErrorHandler:  responder{k}.Error,
	}
	reverse.ServeHTTP(c.w, c.r)
}

// responder tells a client that the kubelet could not be asked.
type responder struct{ k *kubelet }

func (r responder) Error(w http.ResponseWriter, request *http.Request, err error) {
	writeError(w, request, r.k.unreachable(err))
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
