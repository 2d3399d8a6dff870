package apiserver_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/apiserver"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/deadlines"
)

// soon is short enough to be waited for.
const soon = 300 * time.Millisecond

// impatient is a cluster whose API server waits for nobody for long.
func impatient(t *testing.T) *apiservertest.Cluster {
	t.Helper()
	return apiservertest.StartWith(t, func(config *apiserver.Config) {
		config.Terms = deadlines.Terms{Head: soon, Request: soon, Idle: soon}
	}, kinds...)
}

// connect opens a connection to the API server, of a guest or of a person, and sends what is given.
func connect(t *testing.T, config *rest.Config, guest bool, text string) (*tls.Conn, error) {
	t.Helper()
	trust, err := rest.TLSConfigFor(config)
	if err != nil {
		t.Fatal(err)
	}
	trust = trust.Clone()
	trust.NextProtos = []string{"http/1.1"}
	if guest {
		trust.Certificates, trust.GetClientCertificate = nil, nil
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(config.Host, "https://"), trust)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, text)
	return conn, err
}

func TestAConnectionOnWhichNothingMovesHasAnEnd(t *testing.T) {
	config := impatient(t).Config()
	const path = "/api/v1/namespaces/default/configmaps"
	for what, c := range map[string]struct {
		guest bool
		text  string
	}{
		"a guest who says nothing":               {true, ""},
		"a guest with half a head":               {true, "GET /version HTTP/1.1\r\nHost:"},
		"a guest with a slow body":               {true, "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"},
		"a guest who has been answered":          {true, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"},
		"a guest who begins a watch":             {true, "GET " + path + "?watch=true HTTP/1.1\r\nHost: x\r\n\r\n"},
		"a guest who asks for a shell":           {true, "POST /api/v1/namespaces/default/pods/a/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"},
		"a person who says nothing":              {false, ""},
		"a person with a slow body":              {false, "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"},
		"a person who has been answered":         {false, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"},
		"a person who asks for no such pods log": {false, "GET /api/v1/namespaces/default/pods/none/log?follow=true HTTP/1.1\r\nHost: x\r\n\r\n"},
	} {
		conn, err := connect(t, config, c.guest, c.text)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * soon))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection still stands", what)
		}
	}
}

func TestAWatchOutlivesTheTermsOfItsConnection(t *testing.T) {
	cluster := impatient(t)
	person := cluster.Admin()
	for _, protocol := range []string{"h2", "http/1.1"} {
		config := rest.CopyConfig(cluster.Config())
		config.NextProtos = []string{protocol}
		client := kubernetes.NewForConfigOrDie(config)
		events, err := client.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer events.Stop()
		time.Sleep(4 * soon) // every term passes
		name := strings.NewReplacer("/", "-", ".", "-").Replace(protocol)
		create(t, person, configMap(name))
		for event := range events.ResultChan() {
			if object, ok := event.Object.(metav1.Object); ok && object.GetName() == name {
				name = ""
				break
			}
		}
		if name != "" {
			t.Errorf("%s: the watch has ended before", protocol)
		}
	}
}

func TestGuestsDoNotUseUpWhatThoseWithACertificateNeed(t *testing.T) {
	cluster := start(t)
	config := cluster.Config()
	var last net.Conn
	stands := func() error {
		conn, err := connect(t, config, true, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200")))
		}
		if err == nil {
			last = conn
		}
		return err
	}
	let := 0
	for ; let < 200; let++ {
		if stands() != nil {
			break
		}
	}
	if let < 90 || let > 100 { // some may be of the test's own clients
		t.Errorf("%d connections of one guest stand", let)
	}
	for range 150 {
		if conn, err := connect(t, config, false, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatalf("a person is not let in: %v", err)
		} else if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 200"))); err != nil {
			t.Fatalf("a person is not answered: %v", err)
		}
	}
	last.Close()
	waitFor(t, "the next guest to be let in", func() bool { return stands() == nil })
}

func TestAGuestWhoIsRefusedIsLetGo(t *testing.T) {
	conn, err := connect(t, start(t).Config(), true, "GET /api/v1/pods HTTP/1.1\r\nHost: x\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), fmt.Sprintf("HTTP/1.1 %d", http.StatusUnauthorized)) {
		t.Errorf("%v after:\n%s", err, answer)
	}
}
