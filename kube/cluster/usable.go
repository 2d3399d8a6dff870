//go:build linux

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Usable waits until a cluster can be used, and calls reached with each thing that has come true.
func Usable(ctx context.Context, spec Spec, reached func(what string)) error {
	probe, err := newProbe(spec)
	if err != nil {
		return err
	}
	if err := probe.until(ctx, "the API server is ready", probe.api); err != nil {
		return err
	}
	reached("API ready")
	wanted := map[string]func(context.Context) error{}
	if len(spec.With(Node)) > 0 {
		wanted["nodes Ready"], wanted["DNS answers on every node"] = probe.nodes, probe.dns
		wanted["services reachable from every node"] = probe.service
	}
	if spec.Site.Listen != "" {
		wanted["lab site open"] = func(context.Context) error { _, err := SiteURL(spec); return err }
	}
	var checks errgroup.Group
	for what, check := range wanted {
		checks.Go(func() error {
			err := probe.until(ctx, what, check)
			if err == nil {
				reached(what)
			}
			return err
		})
	}
	return checks.Wait()
}

// SiteURL is where a browser finds the lab site, with the token that opens it.
func SiteURL(spec Spec) (string, error) {
	url, err := os.ReadFile(spec.SiteURLFile())
	return strings.TrimSpace(string(url)), err
}

// probe looks at a cluster as its users do: from the machine at the API, from each node at DNS and services.
type probe struct {
	spec    Spec
	client  kubernetes.Interface
	trusted *x509.CertPool
}

func newProbe(spec Spec) (*probe, error) {
	config, err := clientcmd.BuildConfigFromFlags("", spec.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", spec.Kubeconfig(), err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(spec.path("pki/ca.crt"))
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	return &probe{spec, client, trusted}, nil
}

const (
	probeEvery = 20 * time.Millisecond
	// How long one try may take. A packet that was sent a moment too early is lost, so the first tries are
	// short; a machine that is busy needs longer ones.
	probeFirst = 50 * time.Millisecond
	probeLast  = 3 * time.Second
)

// until tries until check succeeds or ctx is done; then it says what did not come true and why.
func (p *probe) until(ctx context.Context, what string, check func(context.Context) error) error {
	for term := probeFirst; ; term = min(term*3/2, probeLast) {
		try, cancel := context.WithTimeout(ctx, term)
		err := check(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w (logs: %s)", what, err, p.spec.path("hosts/*/log"))
		case <-time.After(probeEvery):
		}
	}
}

func (p *probe) api(ctx context.Context) error {
	return p.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

func (p *probe) nodes(ctx context.Context) error {
	nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := map[string]bool{}
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				ready[node.Name] = condition.Status == corev1.ConditionTrue
			}
		}
	}
	for _, host := range p.running() {
		if !ready[host.Name] {
			return fmt.Errorf("%s is not ready", host.Name)
		}
	}
	return nil
}

// running are the nodes that no person has switched off.
func (p *probe) running() []Host {
	state, err := readState(p.spec.Name)
	if err != nil {
		return p.spec.With(Node)
	}
	var running []Host
	for _, host := range p.spec.With(Node) {
		if !state.Stopped[host.Name] {
			running = append(running, host)
		}
	}
	return running
}

// everywhere does a check on each node at once.
func (p *probe) everywhere(check func(host string) error) error {
	var checks errgroup.Group
	for _, host := range p.running() {
		checks.Go(func() error { return check(host.Name) })
	}
	return checks.Wait()
}

// dns asks each node's DNS for the API server's service.
func (p *probe) dns(ctx context.Context) error {
	return p.everywhere(func(host string) error {
		resolver := net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return DialFrom(ctx, p.spec.Name, host, "udp", p.spec.dnsServiceIP().String()+":53")
		}}
		found, err := resolver.LookupHost(ctx, "kubernetes.default.svc."+clusterDomain+".")
		if err == nil && strings.Join(found, " ") != p.spec.apiServiceIP().String() {
			err = fmt.Errorf("it says %v", found)
		}
		if err != nil {
			return fmt.Errorf("ask DNS on %s: %w", host, err)
		}
		return nil
	})
}

// service greets the API server at the virtual address of its service.
func (p *probe) service(ctx context.Context) error {
	return p.everywhere(func(host string) error {
		conn, err := DialFrom(ctx, p.spec.Name, host, "tcp", p.spec.apiServiceIP().String()+":443")
		if err == nil {
			err = tls.Client(conn, &tls.Config{RootCAs: p.trusted, ServerName: p.spec.apiServiceIP().String()}).HandshakeContext(ctx)
			err = errors.Join(err, conn.Close())
		}
		if err != nil {
			return fmt.Errorf("reach a service from %s: %w", host, err)
		}
		return nil
	})
}
