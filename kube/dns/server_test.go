package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// start runs a server on loopback until the test ends, and returns where.
func start(t *testing.T, client *operator.Client, upstream ...netip.AddrPort) string {
	t.Helper()
	udp, tcp := listen(t)
	address := netip.MustParseAddrPort(udp.LocalAddr().String())
	server, err := New(client, Config{Listen: address, Domain: "cluster.local", Upstream: upstream})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.serve(ctx, udp, tcp); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	return address.String()
}

// listen finds a port that is free for both protocols.
func listen(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			return udp, tcp
		}
		must(t, udp.Close())
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

// clusterOf is a client of a cluster that holds what the memory does.
func clusterOf(t *testing.T, m memory) *operator.Client {
	t.Helper()
	var objects []runtime.Object
	for _, s := range m.services {
		objects = append(objects, s)
	}
	for _, s := range m.slices {
		objects = append(objects, s)
	}
	recorder, err := trace.NewRecorder("dns", "node-1", "")
	must(t, err)
	return operator.NewClient(fake.NewClientset(objects...), recorder, "dns")
}

// unreachable is a client of an API server that is down.
func unreachable(t *testing.T) *operator.Client {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: "http://127.0.0.1:1"}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*config, path))
	client, err := operator.Connect(operator.Identity{Component: "dns", Host: "node-1", Kubeconfig: path})
	must(t, err)
	return client
}

// upstream is a server that knows every name.
func upstream(t *testing.T) netip.AddrPort {
	t.Helper()
	udp, tcp := listen(t)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		m := new(dns.Msg).SetReply(query)
		m.Answer = []dns.RR{address(query.Question[0].Name, netip.MustParseAddr("192.0.2.80"))}
		_ = w.WriteMsg(m)
	})
	for _, server := range []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.ActivateAndServe() })
		<-started
		t.Cleanup(func() {
			_ = server.Shutdown()
			serving.Wait()
		})
	}
	return netip.MustParseAddrPort(udp.LocalAddr().String())
}

func closed(t *testing.T) netip.AddrPort {
	t.Helper()
	udp, tcp := listen(t)
	must(t, udp.Close())
	must(t, tcp.Close())
	return netip.MustParseAddrPort(udp.LocalAddr().String())
}

func exchange(t *testing.T, network, server, name string, edit ...func(*dns.Msg)) *dns.Msg {
	t.Helper()
	query := new(dns.Msg).SetQuestion(name, dns.TypeA)
	for _, e := range edit {
		e(query)
	}
	client := dns.Client{Net: network, Timeout: 5 * time.Second}
	answer, _, err := client.Exchange(query, server)
	must(t, err)
	return answer
}

// whenSynced is an exchange after the server has heard the API server.
func whenSynced(t *testing.T, server string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if exchange(t, "udp", server, "cluster.local.").Rcode != dns.RcodeServerFailure {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the server has not heard the API server")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNamesOfTheClusterAreAnsweredHereAndAllOthersUpstream(t *testing.T) {
	server := start(t, clusterOf(t, shop()), upstream(t))
	whenSynced(t, server)
	for _, network := range []string{"udp", "tcp"} {
		ours := exchange(t, network, server, "web.shop.svc.cluster.local.")
		check(t, network, text(ours.Answer), []string{"web.shop.svc.cluster.local. 5 IN A 10.96.3.7"})
		check(t, "authoritative", ours.Authoritative, true)
		others := exchange(t, network, server, "www.example.org.")
		check(t, network, text(others.Answer), []string{"www.example.org. 5 IN A 192.0.2.80"})
	}
}

func TestANegativeAnswerSaysForHowLongItHolds(t *testing.T) {
	server := start(t, clusterOf(t, shop()))
	whenSynced(t, server)
	answer := exchange(t, "udp", server, "nothing.shop.svc.cluster.local.")
	check(t, "code", dns.RcodeToString[answer.Rcode], "NXDOMAIN")
	check(t, "SOA", text(answer.Ns), text([]dns.RR{zone.SOA()}))
}

func TestAnAliasComesWithWhatItStandsFor(t *testing.T) {
	server := start(t, clusterOf(t, shop()), upstream(t))
	whenSynced(t, server)
	check(t, "answer", text(exchange(t, "udp", server, "alias.shop.svc.cluster.local.").Answer), []string{
		"alias.shop.svc.cluster.local. 5 IN CNAME www.example.org.",
		"www.example.org. 5 IN A 192.0.2.80",
	})
}

func TestUntilTheAPIServerIsHeardClusterNamesFailForNowAndOthersWork(t *testing.T) {
	server := start(t, unreachable(t), upstream(t))
	check(t, "ours", dns.RcodeToString[exchange(t, "udp", server, "web.shop.svc.cluster.local.").Rcode], "SERVFAIL")
	check(t, "others", text(exchange(t, "udp", server, "www.example.org.").Answer), []string{"www.example.org. 5 IN A 192.0.2.80"})
}

func TestAnUpstreamServerThatIsDownIsPassedOver(t *testing.T) {
	server := start(t, unreachable(t), closed(t), upstream(t))
	check(t, "answer", text(exchange(t, "udp", server, "www.example.org.").Answer), []string{"www.example.org. 5 IN A 192.0.2.80"})
}

func TestWithoutAnUpstreamServerThatAnswersOtherNamesFailAtOnce(t *testing.T) {
	for what, upstream := range map[string][]netip.AddrPort{"none": nil, "one that is down": {closed(t)}} {
		server := start(t, unreachable(t), upstream...)
		begin := time.Now()
		check(t, what, dns.RcodeToString[exchange(t, "udp", server, "www.example.org.").Rcode], "SERVFAIL")
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%s: it took %s", what, took)
		}
	}
}

func TestOfQuestionsForADeadUpstreamServerSoManyAreUnderWayAndNoMore(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	f := newForwarder([]netip.AddrPort{netip.MustParseAddrPort(silent.LocalAddr().String())}, 2)
	ctx, cancel := context.WithCancel(t.Context())
	query := new(dns.Msg).SetQuestion("example.com.", dns.TypeA)
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() { _, _ = f.ask(ctx, query, "udp") })
	}
	for range 2 { // both are with the server
		_, _, err := silent.ReadFrom(make([]byte, 512))
		must(t, err)
	}
	if _, err := f.ask(ctx, query, "udp"); err == nil || !strings.Contains(err.Error(), "too many questions") {
		t.Errorf("the third: %v", err)
	}
	cancel()
	asking.Wait()
	if len(f.underWay) != 0 {
		t.Error("a question that has ended still counts")
	}
}

func TestAnAnswerThatIsTooLongForUDPIsCutAndCompleteByTCP(t *testing.T) {
	m := shop()
	m.slices = nil
	for s := range 3 {
		large := slice("db")
		large.Name = fmt.Sprintf("db-%d", s)
		for i := range 100 {
			large.Endpoints = append(large.Endpoints, endpointAt(fmt.Sprintf("10.244.%d.%d", s, i), "", true))
		}
		m.slices = append(m.slices, large)
	}
	server := start(t, clusterOf(t, m))
	whenSynced(t, server)
	const name = "db.shop.svc.cluster.local."
	for what, c := range map[string]struct {
		edit func(*dns.Msg)
		size int
	}{
		"a plain question":    {func(*dns.Msg) {}, 512},
		"a client with EDNS0": {func(q *dns.Msg) { q.SetEdns0(4096, false) }, maxUDP},
	} {
		answer := exchange(t, "udp", server, name, c.edit)
		answer.Compress = true // as it was on the wire
		if !answer.Truncated || answer.Len() > c.size {
			t.Errorf("%s: truncated %v, %d bytes, want at most %d", what, answer.Truncated, answer.Len(), c.size)
		}
	}
	answer := exchange(t, "tcp", server, name)
	check(t, "truncated by TCP", answer.Truncated, false)
	check(t, "addresses by TCP", len(answer.Answer), 300)
}

func TestWhatIsNoQuestionIsRefusedPolitely(t *testing.T) {
	server := start(t, unreachable(t))
	notify := exchange(t, "udp", server, "cluster.local.", func(q *dns.Msg) { q.Opcode = dns.OpcodeNotify })
	check(t, "another operation", dns.RcodeToString[notify.Rcode], "NOTIMP")
	two := exchange(t, "udp", server, "cluster.local.", func(q *dns.Msg) { q.Question = append(q.Question, q.Question[0]) })
	check(t, "two questions", dns.RcodeToString[two.Rcode], "FORMERR")
}

func TestAServerDoesNotAskItself(t *testing.T) {
	self := netip.MustParseAddrPort("10.96.0.10:53")
	if _, err := New(unreachable(t), Config{Listen: self, Domain: "cluster.local", Upstream: []netip.AddrPort{self}}); err == nil {
		t.Error("its own address as upstream was accepted")
	}
}
