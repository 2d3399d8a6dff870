//go:build linux

package runtime

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //lint:ignore SA1019 the interfaces of client-go are in its words
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/podnet"
)

// portForward prepares to forward ports of a pod, as kubectl does.
func (n *node) portForward(sandbox string) httpstream.Dialer {
	n.t.Helper()
	answer, err := n.PortForward(n.t.Context(), &cri.PortForwardRequest{PodSandboxId: sandbox})
	if err != nil {
		n.t.Fatal(err)
	}
	target, err := url.Parse(answer.Url)
	if err != nil {
		n.t.Fatal(err)
	}
	transport, upgrader, err := spdy.RoundTripperFor(&rest.Config{})
	if err != nil {
		n.t.Fatal(err)
	}
	return spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
}

// forward makes ports of a pod local ones until the test ends, or stop is called. Lost is closed when the whole session is over.
func (n *node) forward(sandbox string, ports ...string) (local []uint16, stop func(), lost <-chan struct{}) {
	n.t.Helper()
	for i, port := range ports {
		ports[i] = "0:" + port
	}
	stopped, ready, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(n.portForward(sandbox), ports, stopped, ready, io.Discard, io.Discard)
	if err != nil {
		n.t.Fatal(err)
	}
	go func() { defer close(done); _ = forwarder.ForwardPorts() }()
	<-ready
	all, err := forwarder.GetPorts()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, port := range all {
		local = append(local, port.Local)
	}
	stop = sync.OnceFunc(func() { close(stopped); <-done })
	n.t.Cleanup(stop)
	return local, stop, done
}

// listenIn serves connections to port 8080 on the loopback interface inside a pod, each by what its first byte says.
func (n *node) listenIn(sandbox string) {
	n.t.Helper()
	var record sandboxRecord
	if err := readRecord((&Runtime{config: n.config}).recordFile(sandbox), &record); err != nil {
		n.t.Fatal(err)
	}
	var listener net.Listener
	err := podnet.Do(record.NetNS, func() (err error) {
		listener, err = net.Listen("tcp4", "127.0.0.1:8080")
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerAsAsked(conn.(*net.TCPConn))
		}
	}()
}

// What the first byte of a connection asks a test's server for.
const (
	echoes       = 'e' // each byte comes back
	closesEarly  = 'c' // a greeting, and an end, whatever the client still sends
	resetsEarly  = 'r' // no end, but a reset
	answersAfter = 'a' // the number of bytes, once the client has said that there are no more
	sendsForEver = 's' // and never reads
)

func answerAsAsked(conn *net.TCPConn) {
	defer conn.Close()
	kind := make([]byte, 1)
	if _, err := io.ReadFull(conn, kind); err != nil {
		return
	}
	switch kind[0] {
	case echoes:
		_, _ = io.Copy(conn, conn)
	case closesEarly:
		_, _ = io.WriteString(conn, "bye")
	case resetsEarly:
		_ = conn.SetLinger(0)
	case answersAfter:
		got, _ := io.Copy(io.Discard, conn)
		fmt.Fprintf(conn, "%d bytes", got)
	case sendsForEver:
		_, _ = io.Copy(conn, endless{})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// talk opens a connection of a kind and sends it some bytes more.
func talk(port uint16, kind byte, more int) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = conn.Write(append([]byte{kind}, bytes.Repeat([]byte("x"), more)...))
	return conn.(*net.TCPConn), err
}

// ping sends a line to a server that echoes, and reads it again.
func ping(conn net.Conn) error {
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	got := make([]byte, 4)
	_, err := io.ReadFull(conn, got)
	if err == nil && string(got) != "ping" {
		err = fmt.Errorf("the echo is %q", got)
	}
	return err
}

// openFiles is how many the runtime has.
func (n *node) openFiles() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.process.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	return len(all)
}

func TestAConnectionOfAPortForwardEndsAlone(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	n.listenIn(p.id)
	before := n.openFiles()
	ports, stop, lost := n.forward(p.id, "8080")
	stays, err := talk(ports[0], echoes, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	const much = 4 << 20 // more than all buffers on the way hold
	var clients errgroup.Group
	for range 5 {
		clients.Go(func() error { // the server closes while much is on its way to it
			conn, _ := talk(ports[0], closesEarly, much)
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
			return nil
		})
		clients.Go(func() error {
			conn, _ := talk(ports[0], resetsEarly, much)
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
			return nil
		})
		clients.Go(func() error { // the client goes without a word
			conn, err := talk(ports[0], echoes, 0)
			if err != nil {
				return err
			}
			err = ping(conn)
			_ = conn.SetLinger(0)
			conn.Close()
			return err
		})
		clients.Go(func() error { // the client has no more to say, and waits for the answer
			conn, err := talk(ports[0], answersAfter, much)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.CloseWrite(); err != nil {
				return err
			}
			got, err := io.ReadAll(conn)
			if want := fmt.Sprintf("%d bytes", much); string(got) != want {
				return fmt.Errorf("a client that has said its last reads %q (%v), want %q", got, err, want)
			}
			return nil
		})
	}
	if err := clients.Wait(); err != nil {
		t.Error(err)
	}
	if err := ping(stays); err != nil {
		t.Errorf("a connection that was there before and has nothing to do with it: %v", err)
	}
	select {
	case <-lost:
		t.Error("the whole session is lost")
	default:
	}
	stop()
	waitFor(t, "the runtime to close what it opened", func() bool { return n.openFiles() <= before })
}

func TestAPodThatSendsForEverIsCutOffFromAClientThatHasGone(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	n.listenIn(p.id)
	connection, _, err := n.portForward(p.id).Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	before := n.openFiles()
	var pair []httpstream.Stream
	for _, kind := range []string{corev1.StreamTypeError, corev1.StreamTypeData} {
		stream, err := connection.CreateStream(http.Header{
			corev1.StreamType: {kind}, corev1.PortHeader: {"8080"}, corev1.PortForwardRequestIDHeader: {"1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		pair = append(pair, stream)
	}
	data := pair[1]
	if _, err := data.Write([]byte{sendsForEver}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(data, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if n.openFiles() == before {
		t.Error("no connection to the pod is seen")
	}
	if err := data.Reset(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the runtime to hang up", func() bool { return n.openFiles() <= before })
}
