package limits

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Clients bounds the clients of event streams: so many in all, and at most half of them of one address, so that nobody has all
// places. Clients behind one proxy have its address. The methods may be called at once from many goroutines.
type Clients struct {
	max int

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]int
}

// NewClients allows n clients.
func NewClients(n int) *Clients { return &Clients{max: n, by: map[netip.Prefix]int{}} }

// Enter takes a place, which Leave gives back. The error says that there is none.
func (p *Clients) Enter(remote string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, each := addressOf(remote), (p.max+1)/2
	switch {
	case p.taken >= p.max:
		return fmt.Errorf("all %d places for event streams are taken", p.max)
	case p.by[from] >= each:
		return fmt.Errorf("this address has %d event streams already: that is the most", each)
	}
	p.taken++
	p.by[from]++
	return nil
}

// Leave gives back the place of a client.
func (p *Clients) Leave(remote string) {
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

// Rate lets PerSecond things through a second, and as many at once. Its method may be called at once from many goroutines.
type Rate struct {
	PerSecond int

	mu   sync.Mutex
	free time.Time // when all that was let through is through at that rate
}

// Take lets n through, or none and says when to ask again.
func (r *Rate) Take(n int, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free.Before(now) {
		r.free = now
	}
	free := r.free.Add(time.Duration(n) * time.Second / time.Duration(r.PerSecond))
	if wait = free.Sub(now) - time.Second; wait > 0 {
		return wait
	}
	r.free = free
	return 0
}
