package site

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// How often one address may guess the password, and all addresses together. The first is patient with people, the second bounds what
// somebody with many addresses can do.
const (
	guessesPerSecond    = 0.2
	guessesAtOnce       = 10
	allGuessesPerSecond = 5
	allGuessesAtOnce    = 100
	maxGuessers         = 1000
)

// guesses counts tries of the password. A token is not counted: nobody guesses 256 bits.
type guesses struct {
	mu  sync.Mutex
	of  map[netip.Prefix]*rate.Limiter
	all *rate.Limiter
}

func newGuesses() guesses {
	return guesses{of: map[netip.Prefix]*rate.Limiter{}, all: rate.NewLimiter(allGuessesPerSecond, allGuessesAtOnce)}
}

// mayGuess says whether a request may try a password now. Right ones count as well: else trying would tell.
func (g *guesses) mayGuess(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := guesser(r.RemoteAddr)
	if g.of[who] == nil {
		if len(g.of) >= maxGuessers {
			clear(g.of) // g.all still holds
		}
		g.of[who] = rate.NewLimiter(guessesPerSecond, guessesAtOnce)
	}
	return g.of[who].Allow() && g.all.Allow()
}

// guesser is who has an address: of IPv6 anybody has 2⁶⁴.
func guesser(remote string) netip.Prefix {
	host, _, _ := net.SplitHostPort(remote)
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // an address has so many bits
	return prefix
}
