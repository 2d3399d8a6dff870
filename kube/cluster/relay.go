//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/deadlines"
)

// relayTerm is how long one of the machine's name servers may take to answer.
const relayTerm = 2 * time.Second

// How much of hosts is under way at once: connections, and questions with a server.
var (
	relayCrowd = deadlines.Crowd{Silent: 100, OfAddress: 100, All: 1000}
	maxRelayed = 1000
)

// relay answers the hosts' questions for names with what the machine's own name servers say, which hosts
// cannot reach: they listen on the machine's loopback. It works until ctx is done.
func relay(ctx context.Context, listen netip.Addr, servers []string) {
	if err := relayAt(ctx, netip.AddrPortFrom(listen, dnsPort).String(), servers); err != nil {
		slog.Error("hosts know only the names of the cluster", "error", err)
	}
}

func relayAt(ctx context.Context, address string, servers []string) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("relay names: %w", err)
	}
	streams, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(fmt.Errorf("relay names: %w", err), packets.Close())
	}
	stop := context.AfterFunc(ctx, func() { _, _ = packets.Close(), streams.Close() })
	defer stop()
	var transports errgroup.Group
	underWay := make(chan struct{}, maxRelayed)
	for transport, server := range map[string]*dns.Server{"udp": {PacketConn: packets}, "tcp": {Listener: relayCrowd.Listener(streams)}} {
		server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			answer := new(dns.Msg).SetRcode(question, dns.RcodeServerFailure)
			select {
			case underWay <- struct{}{}:
				answer = ask(question, transport, servers)
				<-underWay
			default: // each costs a socket for as long as the servers say nothing
			}
			_ = w.WriteMsg(answer) // who asked and went away asks again
		})
		transports.Go(func() error {
			if err := server.ActivateAndServe(); ctx.Err() == nil {
				return fmt.Errorf("relay names: %w", err)
			}
			return nil
		})
	}
	return transports.Wait()
}

// ask asks the servers in turn. When none answers, the answer says so.
func ask(question *dns.Msg, transport string, servers []string) *dns.Msg {
	client := &dns.Client{Net: transport, Timeout: relayTerm}
	for _, server := range servers {
		if answer, _, err := client.Exchange(question, server); err == nil {
			return answer
		}
	}
	return new(dns.Msg).SetRcode(question, dns.RcodeServerFailure)
}
