//go:build linux

package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"kubelab/kube/podnet"
)

// One connection of kubectl port-forward carries a pair of streams for each local connection: the data, and an error. kubectl gives up
// all of them as soon as it reads an error. So only a port that cannot be reached is one: how a connection ends that stood is nothing
// but the end of that connection.

const (
	dialPatience = 10 * time.Second
	// stallPatience is how long a pod may leave data unread. SPDY has no window for each stream: while one stands still, the others of
	// its connection wait behind it, and nobody on the way would notice that the client has gone.
	stallPatience = 30 * time.Second
)

// PortForward joins the client's stream to a port on the loopback interface inside the pod.
func (s into) PortForward(ctx context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	netNS, err := s.pods.NetNS(sandbox)
	if err != nil {
		return err
	}
	var conn net.Conn
	dial := func() (err error) {
		conn, err = net.DialTimeout("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), dialPatience)
		return err
	}
	if netNS == "" {
		err = dial()
	} else {
		err = podnet.Do(netNS, dial)
	}
	if err != nil {
		return fmt.Errorf("connect to port %d in the pod: %w", port, err)
	}
	join(ctx, conn.(*net.TCPConn), stream, stallPatience)
	return nil
}

// join copies both ways until both are done, or one of the two has gone. One end may be done before the other: that reads the end of its
// input then, and may still answer. What is on its way arrives.
func join(ctx context.Context, conn *net.TCPConn, stream io.ReadWriteCloser, stall time.Duration) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var toPod sync.WaitGroup
	toPod.Go(func() {
		_, err := io.Copy(patient{conn, stall}, stream)
		switch {
		case err == nil:
			_ = conn.CloseWrite() // a pod that has gone needs no end
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			conn.Close()
		}
		// What the pod does not take any more must still be read, as the connection's other streams wait behind it.
		_, _ = io.Copy(io.Discard, stream)
	})
	_, err := io.Copy(toClient{stream}, conn)
	_ = stream.Close() // the end of the client's input, not of its output
	if err != nil {    // the pod or the client has cut the connection
		conn.Close()
		reset(stream)
	}
	toPod.Wait()
}

// patient writes to a connection that must take something of it within a time: if not, the error is os.ErrDeadlineExceeded.
type patient struct {
	conn  *net.TCPConn
	stall time.Duration
}

func (p patient) Write(data []byte) (written int, err error) {
	for written < len(data) {
		if err := p.conn.SetWriteDeadline(time.Now().Add(p.stall)); err != nil {
			return written, err
		}
		n, err := p.conn.Write(data[written:])
		written += n
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return written, err
		}
	}
	return written, nil
}

// toClient writes to a stream until the client has reset it: what SPDY sends on such a stream is lost without an error.
type toClient struct{ stream io.Writer }

func (c toClient) Write(data []byte) (int, error) {
	if spdy, ok := c.stream.(interface{ IsFinished() bool }); ok && spdy.IsFinished() {
		return 0, net.ErrClosed
	}
	return c.stream.Write(data)
}

// reset lets go of a stream that nobody is going to end.
func reset(stream io.Closer) {
	if resettable, ok := stream.(interface{ Reset() error }); ok {
		_ = resettable.Reset() // it may be over already
	}
}
