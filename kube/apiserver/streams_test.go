package apiserver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kubelab/kube/cluster/clustertest"
)

const much = 4 << 20 // more than all buffers between a client and a pod hold

// endsStreams ends streams in every way, by both sides, and looks that others go on and that nothing stays open.
func endsStreams(u user) {
	before := u.openFiles()
	endsForwards(u)
	endsCommands(u)
	ctx, leave := context.WithCancel(context.Background())
	var followers errgroup.Group
	var heard sync.WaitGroup
	for range 10 {
		heard.Add(1)
		followers.Go(func() error {
			kubectl := u.Command(ctx, "kubectl", "logs", "--follow", "deployment/web")
			kubectl.Stdout = once(heard.Done)
			return kubectl.Run()
		})
	}
	heard.Wait()
	leave()
	_ = followers.Wait() // they were told to end
	sendsLogs(u)
	// A few connections between components come and go by themselves.
	u.Wait(time.Minute, "what served the streams to be closed", func() bool { return u.openFiles() < before+8 })
}

// writer tells of what is written to it.
type writer func()

// once tells of the first words only.
func once(told func()) writer { return sync.OnceFunc(told) }

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// sendsLogs reads logs over websockets, as a browser would.
func sendsLogs(u user) {
	config, err := clientcmd.BuildConfigFromFlags("", u.Kubeconfig)
	if err != nil {
		u.T.Fatal(err)
	}
	trust, err := rest.TLSConfigFor(config)
	if err != nil {
		u.T.Fatal(err)
	}
	pod := u.says(`web-`, "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
	open := func(pod, options string, protocols ...string) (*websocket.Conn, *http.Response, error) {
		dialer := websocket.Dialer{TLSClientConfig: trust, Subprotocols: protocols}
		return dialer.Dial(strings.Replace(config.Host, "https", "wss", 1)+"/api/v1/namespaces/day/pods/"+pod+"/log?"+options, nil)
	}
	for _, test := range []struct{ protocol, want string }{{"", "serving\n"}, {"binary.k8s.io", "serving\n"}, {"base64.binary.k8s.io", "c2VydmluZwo="}} {
		var protocols []string
		if test.protocol != "" {
			protocols = []string{test.protocol}
		}
		socket, _, err := open(pod, "", protocols...)
		if err != nil {
			u.T.Errorf("%q: %v", test.protocol, err)
			continue
		}
		var got []byte
		for {
			_, message, err := socket.ReadMessage()
			if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				break
			} else if err != nil {
				u.T.Errorf("%q ends with %v", test.protocol, err)
				break
			}
			got = append(got, message...)
		}
		if string(got) != test.want || socket.Subprotocol() != test.protocol {
			u.T.Errorf("%q, as %q: %q, want %q", test.protocol, socket.Subprotocol(), got, test.want)
		}
		socket.Close()
	}
	for range 10 { // each leaves while nothing comes
		socket, _, err := open(pod, "follow=true", "binary.k8s.io")
		if err != nil {
			u.T.Fatal(err)
		}
		socket.Close()
	}
	if _, answer, err := open("nosuch", ""); err == nil || answer.StatusCode != http.StatusNotFound {
		u.T.Errorf("the log of no pod: %v, %v", answer, err)
	}
	if _, answer, err := open(pod, "", "chat"); err == nil || answer.StatusCode != http.StatusBadRequest {
		u.T.Errorf("in a protocol that there is not: %v, %v", answer, err)
	}
}

// openFiles is how many those have that serve streams: the API server, the kubelets and the runtimes, and the sockets of whoever
// leads to the API server. (Go splices these through pipes that it keeps for a while.)
func (u user) openFiles() (n int) {
	for _, program := range []string{"apiserver", "kubelet", "runtime", "forward"} {
		for _, pid := range clustertest.Processes("/kubelab/"+u.Name+"/", "kube", program) {
			folder := fmt.Sprintf("/proc/%d/fd/", pid)
			files, _ := os.ReadDir(folder) // none, if it has just ended
			for _, file := range files {
				if target, _ := os.Readlink(folder + file.Name()); program != "forward" || strings.HasPrefix(target, "socket:") {
					n++
				}
			}
		}
	}
	return n
}

// endsForwards has twenty connections through one kubectl port-forward.
func endsForwards(u user) {
	const echo, early, counts = "9000", "9001", "9002"
	u.says(``, "exec", "client", "--", "sh", "-c", `
		nc -ll -p 9000 -e cat >/dev/null 2>&1 & nc -ll -p 9001 -e echo bye >/dev/null 2>&1 & nc -ll -p 9002 -e wc -c >/dev/null 2>&1 &
		for port in 9000 9001 9002; do until nc 127.0.0.1 $port </dev/null >/dev/null 2>&1; do sleep 0.01; done; done`)
	local := map[string]string{echo: freePort(u.T), early: freePort(u.T), counts: freePort(u.T)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	forward := u.Command(ctx, "kubectl", "port-forward", "pod/client", local[echo]+":"+echo, local[early]+":"+early, local[counts]+":"+counts)
	var said bytes.Buffer
	forward.Stdout, forward.Stderr = &said, &said
	if err := forward.Start(); err != nil {
		u.T.Fatal(err)
	}
	dial := func(port string) (*net.TCPConn, error) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+local[port])
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(30 * time.Second))
	}
	var stays *net.TCPConn
	u.Wait(time.Minute, "the ports to be forwarded", func() (there bool) {
		conn, err := dial(echo)
		stays = conn
		return err == nil
	})
	defer stays.Close()
	load := bytes.Repeat([]byte("x"), much)
	var clients errgroup.Group
	for range 5 {
		clients.Go(func() error { // the server ends while much is on its way to it
			conn, err := dial(early)
			if err == nil {
				_, _ = conn.Write(load)
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}
			return err
		})
		clients.Go(func() error { // the client goes at once
			conn, err := dial(counts)
			if err == nil {
				_, err = conn.Write([]byte("x"))
				conn.Close()
			}
			return err
		})
		clients.Go(func() error { // the client goes without an end
			conn, err := dial(echo)
			if err == nil {
				err = echoed(conn)
				_ = conn.SetLinger(0)
				conn.Close()
			}
			return err
		})
		clients.Go(func() error { // the client ends, and the server answers then
			conn, err := dial(counts)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.Write(load); err != nil {
				return err
			}
			if err := conn.CloseWrite(); err != nil {
				return err
			}
			answer, err := io.ReadAll(conn)
			if strings.TrimSpace(string(answer)) != fmt.Sprint(much) {
				return fmt.Errorf("of %d bytes arrived %q: %v", much, answer, err)
			}
			return nil
		})
	}
	if err := clients.Wait(); err != nil {
		u.T.Error(err)
	}
	if err := echoed(stays); err != nil {
		u.T.Errorf("a connection that has nothing to do with the others: %v", err)
	}
	cancel()
	_ = forward.Wait() // it was told to end
	if u.T.Failed() {
		u.T.Logf("kubectl port-forward says:\n%s", said.String())
	}
}

// echoed sends a word and waits until it comes back.
func echoed(conn net.Conn) error {
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 4))
	return err
}

// endsCommands has commands that take less input than there is.
func endsCommands(u user) {
	input := strings.Repeat("x", much)
	for want, command := range map[string][]string{"x": {"head", "-c", "1"}, "later\n": {"sh", "-c", "exec 0<&-; sleep 0.2; echo later"}} {
		// kubectl itself may complain that the rest of the input was not wanted any more.
		if answer := u.Ask(input, append([]string{"exec", "-i", "client", "--"}, command...)...); answer.Code != 0 || answer.Out != want {
			u.T.Errorf("%s: %+v, want %q", command, answer, want)
		}
	}
	if answer := u.Ask(input, "exec", "-i", "client", "--", "sh", "-c", "exit 9"); answer.Code != 9 {
		u.T.Errorf("a command that ends at once: %+v", answer)
	}
	u.saysTo(input, fmt.Sprintf(`^%d\n$`, much), "exec", "-i", "client", "--", "wc", "-c")
	u.says(`pod/few created`, "run", "few", "--image=busybox", "--stdin", "--attach=false", "--restart=Never", "--", "head", "-c", "3")
	u.says(`met`, "wait", "--for=condition=Ready", "pod/few", "--timeout=60s")
	u.saysTo(input, `xxx`, "attach", "-i", "few")
	u.says(`deleted`, "delete", "pod", "few", "--grace-period=1")
}
