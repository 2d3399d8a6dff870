package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// patience is how long one upstream server may take. A client waits five seconds before it asks again.
const patience = 2 * time.Second

// maxUnderWay is how many questions are with other servers at once: each costs a socket for as long as they say nothing.
const maxUnderWay = 1000

// forwarder asks other servers what the cluster does not know.
type forwarder struct {
	upstream []netip.AddrPort
	good     atomic.Uint32 // the index of the server that answered most recently: it is asked first
	underWay chan struct{} // holds one for each question
}

func newForwarder(upstream []netip.AddrPort, most int) *forwarder {
	return &forwarder{upstream: upstream, underWay: make(chan struct{}, most)}
}

// ask asks one server after the other until one answers. The answer may be that it does not know either.
func (f *forwarder) ask(ctx context.Context, query *dns.Msg, network string) (*dns.Msg, error) {
	if len(f.upstream) == 0 {
		return nil, errors.New("no upstream server")
	}
	select {
	case f.underWay <- struct{}{}:
		defer func() { <-f.underWay }()
	default:
		return nil, errors.New("too many questions are under way")
	}
	query = query.Copy()
	query.Id = dns.Id() // hard to guess for somebody who would like to answer in the server's place
	client := dns.Client{Net: network, Timeout: patience}
	first := int(f.good.Load())
	var failures []error
	var refusal *dns.Msg
	for i := range f.upstream {
		n := (first + i) % len(f.upstream)
		answer, _, err := client.ExchangeContext(ctx, query, f.upstream[n].String())
		switch {
		case err != nil:
			failures = append(failures, fmt.Errorf("ask %s: %w", f.upstream[n], err))
		case answer.Rcode == dns.RcodeServerFailure || answer.Rcode == dns.RcodeRefused:
			refusal = answer
		default:
			f.good.Store(uint32(n))
			return answer, nil
		}
	}
	if refusal != nil {
		return refusal, nil
	}
	return nil, errors.Join(failures...)
}
