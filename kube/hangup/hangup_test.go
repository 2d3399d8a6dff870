package hangup

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// listen serves one connection, and closes it when serve has returned.
func listen(t *testing.T, terms terms, serve func(net.Conn)) (client net.Conn, closed <-chan struct{}) {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		accepted, err := listener{plain, terms, false}.Accept()
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
	client, closed := listen(t, usual, func(server net.Conn) {
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
	client, _ := listen(t, usual, func(server net.Conn) {
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

func TestWhatIsLeftOfAStreamWaitsForAReaderWhoPauses(t *testing.T) {
	words := bytes.Repeat([]byte("words"), 50_000)
	for name, stream := range map[string]bool{"a stream": true, "an answer": false} {
		t.Run(name, func(t *testing.T) {
			client, closed := listen(t, terms{50 * time.Millisecond, time.Minute}, func(server net.Conn) {
				ours := server.(*conn)
				if stream {
					watch := &http.Server{}
					Streams(watch)
					watch.ConnState(tls.Server(ours, nil), http.StateHijacked)
				}
				_ = ours.SetWriteBuffer(4 * len(words))
				_, _ = io.ReadFull(server, make([]byte, 1))
				_, _ = server.Write(words)
			})
			_ = client.(*net.TCPConn).SetReadBuffer(4 << 10)
			pings := time.NewTicker(10 * time.Millisecond) // as kubectl sends them
			defer pings.Stop()
			_, _ = client.Write([]byte("x"))
			<-closed
			for range 30 {
				<-pings.C
				_, _ = client.Write([]byte("ping"))
			}
			got, err := io.ReadAll(client)
			if whole := err == nil && len(got) == len(words); whole != stream {
				t.Errorf("%d bytes of %d arrive after a pause: %v", len(got), len(words), err)
			}
		})
	}
}

func TestAStreamOfWhichNothingIsTakenEnds(t *testing.T) {
	client, closed := listen(t, terms{20 * time.Millisecond, 100 * time.Millisecond}, func(server net.Conn) {
		ours := server.(*conn)
		ours.stream.Store(true)
		_ = ours.SetWriteBuffer(4 << 20)
		_, _ = server.Write(make([]byte, 1<<20))
	})
	_ = client.(*net.TCPConn).SetReadBuffer(4 << 10)
	<-closed
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Write([]byte("ping")); err != nil {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("it stays though nobody reads it")
		}
	}
}
