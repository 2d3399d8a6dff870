package dns

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/deadlines"
	"kubelab/kube/operator"
)

// Config says what a server answers for and whom it asks.
type Config struct {
	Listen   netip.AddrPort   // UDP and TCP
	Domain   string           // the cluster's, for example cluster.local
	Upstream []netip.AddrPort // servers for all other names, in order of preference
}

// Server answers for one node.
type Server struct {
	zone     Zone
	listen   netip.AddrPort
	client   *operator.Client
	cluster  view
	synced   atomic.Bool // the watches have seen the cluster
	upstream *forwarder
}

// New makes a server. It must be called before client's watches are started; Run starts them.
func New(client *operator.Client, config Config) (*Server, error) {
	if slices.Contains(config.Upstream, config.Listen) {
		return nil, fmt.Errorf("%s is this server itself: name another as upstream", config.Listen)
	}
	cluster, err := watchCluster(client)
	if err != nil {
		return nil, err
	}
	return &Server{
		zone: Zone{Domain: config.Domain, Server: config.Listen.Addr()}, listen: config.Listen,
		client: client, cluster: cluster, upstream: newForwarder(config.Upstream, maxUnderWay),
	}, nil
}

// crowd is how many connections there are. Most questions come without one.
var crowd = deadlines.Crowd{Silent: 100, OfAddress: 100, All: 1000}

// Run answers until ctx is done. It starts at once, without waiting for the API server: until that has been
// heard, names of the cluster get the answer "try again" (SERVFAIL), and all others work.
func (s *Server) Run(ctx context.Context) error {
	udp, err := net.ListenPacket("udp", s.listen.String())
	if err != nil {
		return fmt.Errorf("listen for questions: %w", err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", s.listen.String())
	if err != nil {
		return fmt.Errorf("listen for questions: %w", err)
	}
	defer tcp.Close()
	return s.serve(ctx, udp, tcp)
}

func (s *Server) serve(ctx context.Context, udp net.PacketConn, tcp net.Listener) error {
	work, ctx := errgroup.WithContext(ctx)
	for _, server := range []*dns.Server{
		{PacketConn: udp, Handler: s.handler(ctx, "udp")},
		{Listener: crowd.Listener(tcp), Handler: s.handler(ctx, "tcp")},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		work.Go(func() error {
			if err := server.ActivateAndServe(); err != nil && ctx.Err() == nil {
				return fmt.Errorf("answer questions: %w", err)
			}
			return nil
		})
		work.Go(func() error {
			<-ctx.Done()
			<-started // a server that is not started cannot be stopped
			return server.Shutdown()
		})
	}
	work.Go(func() error {
		if err := s.client.Sync(ctx); err != nil {
			return nil // ctx is done
		}
		s.synced.Store(true)
		return nil
	})
	return work.Wait()
}

func (s *Server) handler(ctx context.Context, network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, query *dns.Msg) {
		reply := s.answer(ctx, query, network)
		finish(reply, query, network)
		if err := w.WriteMsg(reply); err != nil {
			slog.Debug("a client did not take its answer", "error", err)
		}
	}
}

// answer makes the reply to a query, of any size.
func (s *Server) answer(ctx context.Context, query *dns.Msg, network string) *dns.Msg {
	fail := func(code int) *dns.Msg { return new(dns.Msg).SetRcode(query, code) }
	if query.Opcode != dns.OpcodeQuery {
		return fail(dns.RcodeNotImplemented)
	}
	if len(query.Question) != 1 {
		return fail(dns.RcodeFormatError)
	}
	question := query.Question[0]
	if !s.synced.Load() && s.zone.has(question.Name) {
		return fail(dns.RcodeServerFailure)
	}
	if reply, ours := Plan(s.zone, question, s.cluster); ours {
		return s.follow(ctx, s.message(query, reply), network)
	}
	answer, err := s.upstream.ask(ctx, query, network)
	if err != nil {
		slog.Debug("no answer from upstream", "name", question.Name, "error", err)
		return fail(dns.RcodeServerFailure)
	}
	answer.Id = query.Id
	return answer
}

// message puts a planned reply into the form of the protocol.
func (s *Server) message(query *dns.Msg, reply Reply) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.Authoritative, m.RecursionAvailable = true, true
	m.Answer, m.Extra = reply.Answer, reply.Extra
	if !reply.Exists {
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{s.zone.SOA()}
	}
	// Many a client takes the first address: give each another one.
	rand.Shuffle(len(m.Answer), func(i, j int) { m.Answer[i], m.Answer[j] = m.Answer[j], m.Answer[i] })
	return m
}

// follow adds to an alias what it stands for: a pod's resolver does not ask again.
func (s *Server) follow(ctx context.Context, m *dns.Msg, network string) *dns.Msg {
	question := m.Question[0]
	if len(m.Answer) != 1 || question.Qtype == dns.TypeCNAME {
		return m
	}
	alias, ok := m.Answer[0].(*dns.CNAME)
	if !ok {
		return m
	}
	// An alias of an alias of the cluster is not followed, so that no circle of them keeps us busy.
	query := new(dns.Msg).SetQuestion(alias.Target, question.Qtype)
	if reply, ours := Plan(s.zone, query.Question[0], s.cluster); ours {
		m.Answer = append(m.Answer, reply.Answer...)
		return m
	}
	answer, err := s.upstream.ask(ctx, query, network)
	if err != nil {
		m.Rcode = dns.RcodeServerFailure
		return m
	}
	m.Answer, m.Rcode = append(m.Answer, answer.Answer...), answer.Rcode
	return m
}

// has says whether a name is the cluster's to answer.
func (z Zone) has(name string) bool {
	return dns.IsSubDomain(dns.Fqdn(z.Domain), name)
}

// maxUDP is the largest datagram that no network is expected to cut into pieces (DNS flag day 2020).
const maxUDP = 1232

// finish adapts a reply to what the client can take. One that is too long for UDP is cut, and marked so that the
// client asks again by TCP.
func finish(reply, query *dns.Msg, network string) {
	size := dns.MinMsgSize
	if edns := query.IsEdns0(); edns != nil {
		size = min(max(int(edns.UDPSize()), dns.MinMsgSize), maxUDP)
		if reply.IsEdns0() == nil {
			reply.SetEdns0(maxUDP, edns.Do())
		}
	}
	reply.Compress = true
	if network == "tcp" {
		size = dns.MaxMsgSize
	}
	reply.Truncate(size)
}
