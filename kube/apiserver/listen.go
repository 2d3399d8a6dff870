package apiserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"kubelab/kube/deadlines"
	"kubelab/kube/hangup"
)

// Listen answers requests at an address until ctx is done. Whoever connects may show a client certificate of
// the authority in clientCA; it is verified if it is shown.
func (s *Server) Listen(ctx context.Context, address string, certificate tls.Certificate, clientCA *x509.CertPool) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", address, err)
	}
	guests := newGuests()
	server := cmp.Or(s.Terms, deadlines.Usual).Server(s)
	hangup.Streams(server)
	server.TLSConfig = guests.watch(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"},
		ClientCAs: clientCA, ClientAuth: tls.VerifyClientCertIfGiven,
	})
	server.BaseContext = func(net.Listener) context.Context { return ctx } // ends the watches when the server ends
	server.ErrorLog = log.New(io.Discard, "", 0)                           // a client that breaks off is no news
	server.HTTP2.MaxConcurrentStreams = 1000                               // each watch is a stream
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.ServeTLS(guests.listener(hangup.Listener(listener)), "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ReadAuthority reads the certificates of an authority.
func ReadAuthority(path string) (*x509.CertPool, error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(encoded) {
		return nil, fmt.Errorf("%s: there is no certificate in it", path)
	}
	return pool, nil
}
