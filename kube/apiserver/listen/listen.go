package listen

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

// Door is how a server meets its clients.
type Door struct {
	Address     string          // at which it listens: "0.0.0.0:6443"
	Certificate tls.Certificate // that it shows
	// Clients is whose certificates it takes. Whoever connects may show one; it is verified if it is shown.
	Clients *x509.CertPool
	// Terms are how long clients may take. Zero: the usual ones.
	Terms deadlines.Terms
}

// Serve answers requests until ctx is done. The error says why it cannot.
func (d Door) Serve(ctx context.Context, handler http.Handler) error {
	listener, err := net.Listen("tcp", d.Address)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", d.Address, err)
	}
	guests, crowd := newGuests(), deadlines.Wide.Listener(hangup.Listener(listener))
	server := cmp.Or(d.Terms, deadlines.Usual).Server(handler)
	hangup.Streams(server)
	crowd.Watch(server)
	server.TLSConfig = guests.watch(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{d.Certificate}, NextProtos: []string{"h2", "http/1.1"},
		ClientCAs: d.Clients, ClientAuth: tls.VerifyClientCertIfGiven,
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
	if err := server.ServeTLS(guests.listener(crowd), "", ""); !errors.Is(err, http.ErrServerClosed) {
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
