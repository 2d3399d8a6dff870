package hangup

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// listen serves one connection, and closes it when serve has returned.
func listen(t *testing.T, serve func(net.Conn)) (client net.Conn, closed <-chan struct{}) {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		accepted, err := Listener(plain).Accept()
		if err != nil {
			return
		}
		serve(accepted)
		accepted.Close()
	}()
	client, err = net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, done
}

func TestTheLastWordsOfAServerArriveThoughItHasNotReadEverything(t *testing.T) {
	words := bytes.Repeat([]byte("words"), 50_000) // some of it still waits on the server's side when that closes
	client, closed := listen(t, func(server net.Conn) {
		_, _ = io.ReadFull(server, make([]byte, 1))
		_, _ = server.Write(words)
	})
	go io.Copy(client, bytes.NewReader(make([]byte, 16<<20)))
	<-closed
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, words) {
		t.Errorf("%d bytes of %d arrive: %v", len(got), len(words), err)
	}
}

func TestWhoeverReadsAConnectionThatIsClosedStops(t *testing.T) {
	read := make(chan error, 1)
	client, _ := listen(t, func(server net.Conn) {
		go func() {
			_, err := server.Read(make([]byte, 1))
			read <- err
		}()
		_, _ = server.Write([]byte("x"))
	})
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the reader is told %v", err)
	}
}
