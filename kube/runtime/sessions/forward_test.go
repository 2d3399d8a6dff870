//go:build linux

package sessions

import (
	"io"
	"net"
	"testing"
	"time"
)

// endless is a sender that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAPodThatReadsNothingIsCutOffSoThatTheStreamsBesideItGoOn(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client, stream := net.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(client, endless{})
		sent <- err
	}()
	join(t.Context(), conn.(*net.TCPConn), stream, 20*time.Millisecond)
	if err := <-sent; err == nil {
		t.Error("the client is not told")
	}
}
