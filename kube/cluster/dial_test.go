//go:build linux

package cluster

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// soon is short enough to be waited for.
const soon = 200 * time.Millisecond

// joined is a client that is led to a server, with little room on the way to the client.
func joined(t *testing.T) (client, server net.Conn, done <-chan struct{}) {
	t.Helper()
	pair := func() (a, b *net.TCPConn) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		dialled, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dialled.Close(); accepted.Close() })
		return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
	}
	client, near := pair()
	far, server := pair()
	_, _ = client.(*net.TCPConn).SetReadBuffer(4096), near.SetWriteBuffer(4096)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		join(t.Context(), near, far, terms{say: soon, take: soon})
		near.Close()
	}()
	return client, server, ended
}

// words are more than there is room for on the way to a client that does not read.
var words = bytes.Repeat([]byte("words"), 20_000)

func TestAClientIsLetGoSomeTimeAfterItsServerHasEnded(t *testing.T) {
	for what, said := range map[string][]byte{"it says nothing": nil, "it does not read what is left": words} {
		t.Run(what, func(t *testing.T) {
			_, server, done := joined(t)
			if _, err := server.Write(said); err != nil {
				t.Fatal(err)
			}
			server.Close()
			select {
			case <-done:
			case <-time.After(20 * soon):
				t.Error("it is still led to the server that has ended")
			}
		})
	}
}

func TestAClientMayPauseAsLongAsItsServerLives(t *testing.T) {
	client, server, done := joined(t)
	if _, err := server.Write(words); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * soon)
	got := make([]byte, len(words))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, words) {
		t.Fatalf("after a pause: %v", err)
	}
	if _, err := client.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 4)
	if _, err := io.ReadFull(server, heard); err != nil || string(heard) != "more" {
		t.Errorf("the server hears %q: %v", heard, err)
	}
	server.Close()
	client.Close()
	<-done
}
