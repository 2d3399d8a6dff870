package apiserver_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// strangers come to the machine's port of the API, from which they are led on to the API server: they say nothing, or they are
// guests and more than are let in. People go on meanwhile.
func strangers(u user) {
	config, err := clientcmd.BuildConfigFromFlags("", u.Kubeconfig)
	if err != nil {
		u.T.Fatal(err)
	}
	address := strings.TrimPrefix(config.Host, "https://")
	before := u.openFiles()
	var silent []net.Conn
	for range 300 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			u.T.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	stay := 0
	for range 150 {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			continue
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(conn, make([]byte, 12)); err == nil {
			stay++
		}
	}
	if stay == 0 || stay > 100 {
		u.T.Errorf("%d connections of guests stand, want some and 100 at most", stay)
	}
	u.says(`ok`, "get", "--raw", "/readyz")
	u.says(`web`, "exec", "client", "--", "echo", "web")
	var ends sync.WaitGroup
	deadline := time.Now().Add(time.Minute)
	for _, conn := range silent {
		ends.Go(func() {
			_ = conn.SetReadDeadline(deadline)
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				u.T.Error("a connection on which nothing was said still stands")
			}
		})
	}
	ends.Wait()
	// Of the silent ones nothing is left, though no client has closed. A guest has a socket at the API server and two before it, until it was idle for long.
	u.Wait(time.Minute, "what served those who say nothing to be closed", func() bool { return u.openFiles() < before+3*stay+8 })
}
