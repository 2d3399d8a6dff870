package probes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// maxHeaders is how many bytes of headers are taken in: a node has many pods, and each may send as many at the same time.
const maxHeaders = 256 << 10

// transport makes a connection for each request, and closes it: a probe is to meet what a new client meets. Whose certificate it is does not matter.
var transport = &http.Transport{
	DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeaders,
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, address)
	},
}

// dial makes a connection that leaves nothing behind for long when it is closed: there are many of them.
func dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).SetLinger(1); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Client is whoever sends the requests of probes and hooks. It follows a redirect within the host, and no other.
func Client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if next.URL.Hostname() != via[0].URL.Hostname() {
			return http.ErrUseLastResponse
		}
		if len(via) >= 10 {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}}
}

// NewRequest is the request that an action asks for, to a container whose pod has this address.
func NewRequest(ctx context.Context, action *corev1.HTTPGetAction, c *corev1.Container, address, agent string) (*http.Request, error) {
	port, err := portOf(action.Port, c)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(action.Path)
	if err != nil {
		target = &url.URL{Path: action.Path}
	}
	target.Scheme = strings.ToLower(orElse(string(action.Scheme), "http"))
	target.Host = hostPort(orElse(action.Host, address), port)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	for _, header := range action.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
	}
	if _, own := request.Header["User-Agent"]; !own {
		request.Header.Set("User-Agent", agent)
	}
	if accepts, own := request.Header["Accept"]; !own {
		request.Header.Set("Accept", "*/*")
	} else if accepts[0] == "" {
		request.Header.Del("Accept")
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	return request, nil
}

// get sends a request. Any answer from 200 to 399 is a success.
func get(request *http.Request, timeout time.Duration) Outcome {
	response, err := Client(timeout).Do(request)
	if err != nil {
		return failed("%v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxWords))
	switch code := response.StatusCode; {
	case err != nil:
		return unasked(err)
	case code < http.StatusOK || code >= http.StatusBadRequest:
		return failed("HTTP probe failed with statuscode: %d", code)
	case code >= http.StatusMultipleChoices:
		return Outcome{Verdict: Success, Warning: true, Message: fmt.Sprintf("Probe terminated redirects, Response body: %s", body)}
	}
	return Outcome{Verdict: Success, Message: string(body)}
}

// connect opens a connection and closes it. That it could is the success.
func connect(ctx context.Context, host string, port int, timeout time.Duration) Outcome {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := dial(ctx, hostPort(host, port))
	if err != nil {
		return failed("%v", err)
	}
	conn.Close()
	return Outcome{Verdict: Success}
}

// portOf is the number of a port: of itself, or of a container's port that has the name.
func portOf(port intstr.IntOrString, c *corev1.Container) (int, error) {
	number := port.IntValue()
	if port.Type == intstr.String {
		for _, own := range c.Ports {
			if own.Name == port.StrVal {
				number = int(own.ContainerPort)
			}
		}
		if number == 0 {
			return 0, fmt.Errorf("port %s not found", port.StrVal)
		}
	}
	if number < 1 || number > 65535 {
		return 0, fmt.Errorf("invalid port number: %d", number)
	}
	return number, nil
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
