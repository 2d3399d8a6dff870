package apiserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"

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
func tunnel(c *call, k *kubelet) error {
	server, err := k.upgraded(c.r.Context())
	if err != nil {
		return err
	}
	defer server.Close()
	upgrader := websocket.Upgrader{Subprotocols: []string{tunnelProtocol}, CheckOrigin: func(*http.Request) bool { return true }}
	socket, err := upgrader.Upgrade(c.w, c.r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	client := portforward.NewTunnelingConnection("client", socket)
	defer client.Close()
	var both errgroup.Group
	both.Go(func() error {
		defer server.Close()
		_, err := io.Copy(server, client)
		return err
	})
	both.Go(func() error {
		defer client.Close()
		_, err := io.Copy(client, server)
		return err
	})
	_ = both.Wait() // how a connection ends tells nobody anything
	return nil
}

// upgraded opens a connection to the kubelet that speaks SPDY from here on.
func (k *kubelet) upgraded(ctx context.Context) (io.ReadWriteCloser, error) {
	connection, err := proxy.DialURL(ctx, k.url, k.transport)
	if err != nil {
		return nil, k.unreachable(err)
	}
	request, err := http.NewRequest(http.MethodPost, k.url.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "SPDY/3.1")
	request.Header.Set("X-Stream-Protocol-Version", "portforward.k8s.io")
	buffered := bufio.NewReader(connection)
	var answer *http.Response
	if err = request.Write(connection); err == nil {
		answer, err = http.ReadResponse(buffered, request)
	}
	if err != nil {
		connection.Close()
		return nil, k.unreachable(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what can be read helps
		connection.Close()
		return nil, apierrors.NewInternalError(fmt.Errorf("the kubelet of node %q answered %s: %s", k.node, answer.Status, said))
	}
	return struct {
		io.Reader
		io.WriteCloser
	}{buffered, connection}, nil
}
