// Package apiservertest starts a real API server on a real etcd for a test.
package apiservertest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"kubelab/kube/access"
	"kubelab/kube/access/tokens"
	"kubelab/kube/api"
	"kubelab/kube/apiserver"
	"kubelab/kube/apiserver/listen"
	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/store/storetest"
)

// Cluster is an API server with its keys.
type Cluster struct {
	t    testing.TB
	dir  string
	url  string
	keys *access.PKI
	run  func() (stop func()) // an API server
	stop func()
}

// Start runs an API server with the given kinds until the test ends. It knows no part of a cluster but itself.
func Start(t testing.TB, kinds ...api.Kind) *Cluster {
	t.Helper()
	return StartFor(t, Policy(t), kinds...)
}

// StartFor is [Start] for parts of a cluster that may do what the policy says.
func StartFor(t testing.TB, policy *access.Policy, kinds ...api.Kind) *Cluster {
	t.Helper()
	return start(t, storetest.StartMembers(t, 1), policy, kinds, func(*apiserver.Config) {})
}

// StartOn is [Start] on the given etcd.
func StartOn(t testing.TB, etcd *storetest.Members, kinds ...api.Kind) *Cluster {
	t.Helper()
	return start(t, etcd, Policy(t), kinds, func(*apiserver.Config) {})
}

// Policy is the policy of a cluster that has the given parts.
func Policy(t testing.TB, parts ...component.Component) *access.Policy {
	t.Helper()
	policy, err := access.NewPolicy(parts)
	must(t, err)
	return policy
}

// Controllers are controllers with the given loops only: they may do what these declare.
func Controllers(loops ...component.Loop) component.Component {
	return component.Component{Name: "controllers", Place: component.ControlPlane, User: "system:kube-controller-manager", Loops: loops}
}

// StartWith is [Start] with a configuration that is changed before.
func StartWith(t testing.TB, change func(*apiserver.Config), kinds ...api.Kind) *Cluster {
	t.Helper()
	return start(t, storetest.StartMembers(t, 1), Policy(t), kinds, change)
}

func start(t testing.TB, etcd *storetest.Members, policy *access.Policy, kinds []api.Kind, change func(*apiserver.Config)) *Cluster {
	t.Helper()
	dir := t.TempDir()
	loopback := netip.MustParseAddr("127.0.0.1")
	keys, err := access.EnsurePKI(dir, access.ControlPlane{IPs: []netip.Addr{loopback}, ServiceIP: netip.MustParseAddr("10.96.0.1"), Domain: "cluster.local"})
	must(t, err)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key"))
	must(t, err)
	signing, err := tokens.ReadKey(filepath.Join(dir, "sa.key"))
	must(t, err)
	authority, err := listen.ReadAuthority(filepath.Join(dir, "ca.crt"))
	must(t, err)
	c := &Cluster{t: t, dir: dir, url: "https://" + freeAddress(t), keys: keys}
	c.run = func() func() {
		config := apiserver.Config{
			Kinds: kinds, Store: etcd.Open(), Policy: policy, Tokens: signing, KubeletTLS: &tls.Config{RootCAs: authority},
			Host: "test", Address: "192.0.2.1", Port: 6443, ServiceIP: "10.96.0.1", Version: "v1.37.2",
		}
		change(&config)
		server, err := apiserver.New(config)
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { server.Run(ctx) })
		running.Go(func() {
			if err := server.Listen(ctx, strings.TrimPrefix(c.url, "https://"), certificate, authority); err != nil {
				t.Errorf("listen: %v", err)
			}
		})
		stop := sync.OnceFunc(func() {
			cancel()
			running.Wait()
		})
		t.Cleanup(stop)
		c.waitReady(authority)
		return stop
	}
	c.stop = c.run()
	return c
}

// Restart ends the API server and starts another, which knows only what is in etcd.
func (c *Cluster) Restart() {
	c.stop()
	c.stop = c.run()
}

// Kubeconfig writes a kubeconfig of the given identity and returns its path.
func (c *Cluster) Kubeconfig(identity access.Certificate) string {
	c.t.Helper()
	path := filepath.Join(c.dir, identity.User+".kubeconfig")
	must(c.t, c.keys.EnsureKubeconfig(path, "test", c.url, identity))
	return path
}

// Certificate is one of the cluster's authority, with its key.
func (c *Cluster) Certificate(wanted access.Certificate) tls.Certificate {
	c.t.Helper()
	path := filepath.Join(c.dir, rand.Text())
	must(c.t, c.keys.EnsureCertificate(path, wanted))
	certificate, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	must(c.t, err)
	return certificate
}

// Client is a component's client with the given identity. It delivers its steps until the test ends.
func (c *Cluster) Client(component string, identity access.Certificate) *operator.Client {
	c.t.Helper()
	client, err := operator.Connect(operator.Identity{Component: component, Host: access.HostOf(identity.User, identity.Groups, identity.DNS), Kubeconfig: c.Kubeconfig(identity)})
	must(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var delivery sync.WaitGroup
	delivery.Go(func() { client.Deliver(ctx) })
	c.t.Cleanup(func() {
		cancel()
		delivery.Wait()
	})
	return client
}

// As is the client of a part of the cluster that runs on a host ("": on none).
func (c *Cluster) As(part component.Component, host string) *operator.Client {
	c.t.Helper()
	return c.Client(part.Name, access.ComponentOn(host, part))
}

// Admin is a client that may do everything.
func (c *Cluster) Admin() *operator.Client { return c.Client("test", access.Admin()) }

// Config is the client configuration of a person with all rights, as kubectl would have it.
func (c *Cluster) Config() *rest.Config { return c.Admin().Config }

func (c *Cluster) waitReady(authority *x509.CertPool) {
	c.t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority}, DisableKeepAlives: true}}
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		answer, err := client.Get(c.url + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.t.Fatal("the API server was not ready in 20 s")
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
