package api

import (
	"net/netip"
	"sync"
)

// places are those of event streams: so many in all, and at most half of them for one address, so that nobody has them all. Clients
// behind one proxy have its address. The methods may be called at once from many goroutines.
type places struct {
	max int

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]int
}

func newPlaces(n int) *places { return &places{max: n, by: map[netip.Prefix]int{}} }

// each is how many places one address can have.
func (p *places) each() int { return (p.max + 1) / 2 }

// enter takes a place, if there is one, which leave gives back. all is true where nobody would get one.
func (p *places) enter(remote string) (ok, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := addressOf(remote)
	if p.taken >= p.max || p.by[from] >= p.each() {
		return false, p.taken >= p.max
	}
	p.taken++
	p.by[from]++
	return true, false
}

func (p *places) leave(remote string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := addressOf(remote)
	p.taken--
	if p.by[from]--; p.by[from] == 0 {
		delete(p.by, from)
	}
}

// addressOf is what one client has: an address of IPv4, a network of 64 bits of IPv6. What is no address is the zero value.
func addressOf(remote string) netip.Prefix {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a := peer.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	prefix, _ := a.Prefix(bits) // the address has as many
	return prefix
}
