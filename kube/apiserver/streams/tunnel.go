package streams

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

// tunnel takes the SPDY connection out of the websocket and passes its bytes on to the target.
func (t *target) tunnel(w http.ResponseWriter, r *http.Request) error {
	server, err := t.upgraded(r.Context())
	if err != nil {
		return err
	}
	defer server.Close()
	upgrader := websocket.Upgrader{Subprotocols: []string{tunnelProtocol}, CheckOrigin: func(*http.Request) bool { return true }}
	socket, err := upgrader.Upgrade(w, r, nil)
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

// upgraded opens a connection to the target that speaks SPDY from here on.
func (t *target) upgraded(ctx context.Context) (io.ReadWriteCloser, error) {
	connection, err := proxy.DialURL(ctx, t.url, t.transport)
	if err != nil {
		return nil, t.Unreachable(err)
	}
	request, err := http.NewRequest(http.MethodPost, t.url.String(), nil)
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
		return nil, t.Unreachable(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what can be read helps
		connection.Close()
		return nil, apierrors.NewInternalError(fmt.Errorf("%s %q answered %s: %s", t.Role, t.Name, answer.Status, said))
	}
	return struct {
		io.Reader
		io.WriteCloser
	}{buffered, connection}, nil
}
