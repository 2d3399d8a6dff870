//go:build linux

package serve

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/proxy"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (s *server) serveExec(w http.ResponseWriter, r *http.Request) error {
	container, err := s.runningContainer(r)
	if err != nil {
		return err
	}
	wants := streamsOf(r)
	answer, err := s.runtime.Exec(r.Context(), &runtimeapi.ExecRequest{
		ContainerId: container, Cmd: r.URL.Query()["command"],
		Stdin: wants.in, Stdout: wants.out, Stderr: wants.err, Tty: wants.tty,
	})
	if err != nil {
		return fmt.Errorf("prepare exec: %w", err)
	}
	return passOn(w, r, answer.Url)
}

func (s *server) serveAttach(w http.ResponseWriter, r *http.Request) error {
	container, err := s.runningContainer(r)
	if err != nil {
		return err
	}
	wants := streamsOf(r)
	answer, err := s.runtime.Attach(r.Context(), &runtimeapi.AttachRequest{
		ContainerId: container, Stdin: wants.in, Stdout: wants.out, Stderr: wants.err, Tty: wants.tty,
	})
	if err != nil {
		return fmt.Errorf("prepare attach: %w", err)
	}
	return passOn(w, r, answer.Url)
}

func (s *server) servePortForward(w http.ResponseWriter, r *http.Request) error {
	pod, err := s.podOf(r)
	if err != nil {
		return err
	}
	sandbox, err := s.sandboxOf(r.Context(), pod)
	if err != nil {
		return err
	}
	var ports []int32 // over SPDY they come later, in the connection itself
	for _, list := range r.URL.Query()["ports"] {
		for text := range strings.SplitSeq(list, ",") {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return apierrors.NewBadRequest(fmt.Sprintf("port %q is not a port", text))
			}
			ports = append(ports, int32(port))
		}
	}
	answer, err := s.runtime.PortForward(r.Context(), &runtimeapi.PortForwardRequest{PodSandboxId: sandbox, Port: ports})
	if err != nil {
		return fmt.Errorf("prepare port-forward: %w", err)
	}
	return passOn(w, r, answer.Url)
}

// streams are those that a client wants to be connected to.
type streams struct{ in, out, err, tty bool }

// streamsOf reads them by the names of the API. A real API server has older names for a kubelet.
func streamsOf(r *http.Request) streams {
	asks := func(names ...string) bool {
		for _, name := range names {
			if value := r.URL.Query().Get(name); value == "true" || value == "1" {
				return true
			}
		}
		return false
	}
	s := streams{in: asks("stdin", "input"), out: asks("stdout", "output"), err: asks("stderr", "error"), tty: asks("tty")}
	if s.tty {
		s.err = false // a terminal has one output
	}
	return s
}

func (s *server) runningContainer(r *http.Request) (string, error) {
	pod, err := s.podOf(r)
	if err != nil {
		return "", err
	}
	name := r.PathValue("container")
	records, err := s.containersOf(r.Context(), pod, name)
	if err != nil {
		return "", err
	}
	if len(records) == 0 || records[0].State != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not running in pod %s/%s", name, pod.Namespace, pod.Name))
	}
	return records[0].Id, nil
}

// passOn joins the caller's connection to one at target.
func passOn(w http.ResponseWriter, r *http.Request, target string) error {
	location, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("the runtime's address %q: %w", target, err)
	}
	proxy.NewUpgradeAwareHandler(location, nil, false, true, responder{}).ServeHTTP(w, r)
	return nil
}

type responder struct{}

// Error tells the caller that the runtime could not be reached.
func (responder) Error(w http.ResponseWriter, _ *http.Request, err error) { fail(w, err) }
