package apiserver

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/client-go/tools/portforward"
)

// tunnelProtocol is how kubectl port-forward carries SPDY, which proxies no longer let through, inside a
// websocket (KEP-4006).
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io"

// tunnel takes the SPDY connection out of the websocket and passes its bytes on to the kubelet.
func (s *Server) tunnel(c *call, target *url.URL, transport http.RoundTripper) error {
	kubelet, err := upgraded(c, target, transport)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("error dialing backend: %w", err))
	}
	defer kubelet.Close()
	upgrader := websocket.Upgrader{Subprotocols: []string{tunnelProtocol}, CheckOrigin: func(*http.Request) bool { return true }}
	socket, err := upgrader.Upgrade(c.w, c.r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	client := portforward.NewTunnelingConnection("client", socket)
	defer client.Close()
	var both errgroup.Group
	both.Go(func() error {
		defer kubelet.Close()
		_, err := io.Copy(kubelet, client)
		return err
	})
	both.Go(func() error {
		defer client.Close()
		_, err := io.Copy(client, kubelet)
		return err
	})
	_ = both.Wait() // how a connection ends tells nobody anything
	return nil
}

// upgraded opens a connection to the kubelet that speaks SPDY from here on.
func upgraded(c *call, target *url.URL, transport http.RoundTripper) (io.ReadWriteCloser, error) {
	connection, err := proxy.DialURL(c.r.Context(), target, transport)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "SPDY/3.1")
	request.Header.Set("X-Stream-Protocol-Version", "portforward.k8s.io")
	if err := request.Write(connection); err != nil {
		connection.Close()
		return nil, err
	}
	buffered := bufio.NewReader(connection)
	answer, err := http.ReadResponse(buffered, request)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what can be read helps
		err = fmt.Errorf("the kubelet answered %s: %s", answer.Status, said)
	}
	if err != nil {
		connection.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.WriteCloser
	}{buffered, connection}, nil
}
