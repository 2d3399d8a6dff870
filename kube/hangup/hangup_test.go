package hangup

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// listen serves one connection, and closes it when serve has returned.
func listen(t *testing.T, wrap func(net.Listener) net.Listener, serve func(net.Conn)) net.Conn {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	go func() {
		accepted, err := wrap(plain).Accept()
		if err != nil {
			return
		}
		serve(accepted)
		accepted.Close()
	}()
	client, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestTheLastWordsOfAServerArriveThoughItHasNotReadEverything(t *testing.T) {
	words := bytes.Repeat([]byte("words"), 2_000_000) // more than is under way at once
	client := listen(t, Listener, func(server net.Conn) {
		_, _ = io.ReadFull(server, make([]byte, 1))
		_, _ = server.Write(words)
	})
	go io.Copy(client, bytes.NewReader(make([]byte, 16<<20)))
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, words) {
		t.Errorf("%d bytes of %d arrive: %v", len(got), len(words), err)
	}
}

func TestWhoeverReadsAConnectionThatIsClosedStops(t *testing.T) {
	read := make(chan error, 1)
	client := listen(t, Listener, func(server net.Conn) {
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
