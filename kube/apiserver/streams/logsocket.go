package streams

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A browser cannot read an answer that goes on, but a websocket: so a log can be had as messages. What the client says is not heard.
const (
	binaryProtocol = "binary.k8s.io" // the bytes as they are; without any protocol, too
	base64Protocol = "base64.binary.k8s.io"
)

// sendLog passes a log on over a websocket.
func (t *target) sendLog(w http.ResponseWriter, r *http.Request) error {
	asked := websocket.Subprotocols(r)
	known := []string{binaryProtocol, base64Protocol}
	if len(asked) > 0 && !slices.ContainsFunc(asked, func(p string) bool { return slices.Contains(known, p) }) {
		return apierrors.NewBadRequest(fmt.Sprintf("unable to negotiate protocol: client supports %v, server supports %v", asked, known))
	}
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.String(), nil)
	if err != nil {
		return err
	}
	answer, err := t.transport.RoundTrip(request)
	if err != nil {
		return t.Unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK { // as it would be told without a websocket
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		_, err := io.Copy(w, answer.Body)
		return err
	}
	upgrader := websocket.Upgrader{Subprotocols: known, CheckOrigin: func(*http.Request) bool { return true }}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	var hearing sync.WaitGroup
	hearing.Go(func() { awaitEnd(socket, leave) })
	sendMessages(socket, answer.Body)
	socket.Close()
	hearing.Wait()
	return nil
}

// awaitEnd reads until the client has gone, and then lets the source of what is sent go.
func awaitEnd(socket *websocket.Conn, leave func()) {
	defer leave()
	for {
		if _, _, err := socket.NextReader(); err != nil {
			return
		}
	}
}

// sendMessages sends all that comes, as it comes, after an empty message that tells that the connection stands.
func sendMessages(socket *websocket.Conn, from io.Reader) {
	kind, encode := websocket.BinaryMessage, func(p []byte) []byte { return p }
	if socket.Subprotocol() == base64Protocol {
		kind, encode = websocket.TextMessage, func(p []byte) []byte { return base64.StdEncoding.AppendEncode(nil, p) }
	}
	err := socket.WriteMessage(kind, nil)
	for buffer := make([]byte, 32<<10); err == nil; {
		n, end := from.Read(buffer)
		if n > 0 {
			err = socket.WriteMessage(kind, encode(buffer[:n]))
		}
		if end != nil {
			break
		}
	}
	normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = socket.WriteControl(websocket.CloseMessage, normal, time.Now().Add(time.Second)) // a client that is gone needs no end
}
