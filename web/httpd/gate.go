package httpd

import (
	"net/netip"
	"slices"
	"sync"
)

// A gate lets in a bounded number of programs at a time. Others wait in a queue
// that is bounded, too, and fair: clients are served in turn, whatever number of
// requests each has waiting. It is safe for concurrent use.
type gate struct {
	mu    sync.Mutex
	free  int     // programs that may still be let in
	room  int     // places left in the queue
	lines []*line // in the order of their turn; none is empty
}

// A line is what one client has waiting, oldest first.
type line struct {
	client  netip.Prefix
	tickets []*ticket
}

// A ticket is a place in the queue.
type ticket struct {
	// tell says, once and on any goroutine, that the holder is let in, or has
	// lost the place to another client. It must not use the gate when it says
	// the latter.
	tell   func(admitted bool)
	client netip.Prefix
}

// A verdict is what enter decides.
type verdict uint8

const (
	admitted verdict = iota // go in, and leave some time
	queued                  // the ticket is told, or given back
	refused                 // there is no room
)

func newGate(atOnce, room int) *gate { return &gate{free: atOnce, room: room} }

// tryEnter asks to be let in at once, or not at all.
func (g *gate) tryEnter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free == 0 {
		return false
	}
	g.free--
	return true
}

// enter asks for peer to be let in. When the queue is full, a client with fewer
// places in it than another gets the newest of the one who has most.
func (g *gate) enter(peer netip.Addr, tell func(admitted bool)) (*ticket, verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		return nil, admitted
	}
	t := &ticket{tell, clientOf(peer)}
	own := g.lineOf(t.client)
	if g.room == 0 && !g.displace(own) {
		return nil, refused
	}
	g.room--
	if own == nil {
		own = &line{client: t.client}
		g.lines = append(g.lines, own)
	}
	own.tickets = append(own.tickets, t)
	return t, queued
}

// displace takes a place from the longest line, if that is then still no shorter
// than own will be.
func (g *gate) displace(own *line) bool {
	var longest *line
	for _, l := range g.lines {
		if longest == nil || len(l.tickets) > len(longest.tickets) {
			longest = l
		}
	}
	waiting := 0
	if own != nil {
		waiting = len(own.tickets)
	}
	if longest == nil || len(longest.tickets) < waiting+2 {
		return false
	}
	last := len(longest.tickets) - 1
	longest.tickets[last].tell(false)
	longest.tickets = slices.Delete(longest.tickets, last, last+1)
	g.room++
	return true
}

// leave gives a place among the programs back, or to the next client in turn.
func (g *gate) leave() {
	g.mu.Lock()
	if len(g.lines) == 0 {
		g.free++
		g.mu.Unlock()
		return
	}
	first := g.lines[0]
	t := first.tickets[0]
	first.tickets = slices.Delete(first.tickets, 0, 1)
	g.room++
	g.lines = slices.Delete(g.lines, 0, 1)
	if len(first.tickets) > 0 {
		g.lines = append(g.lines, first)
	}
	g.mu.Unlock()
	t.tell(true)
}

// cancel gives a ticket back and reports whether it will not be told.
func (g *gate) cancel(t *ticket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, l := range g.lines {
		if l.client != t.client {
			continue
		}
		at := slices.Index(l.tickets, t)
		if at < 0 {
			return false
		}
		l.tickets = slices.Delete(l.tickets, at, at+1)
		g.room++
		if len(l.tickets) == 0 {
			g.lines = slices.Delete(g.lines, i, i+1)
		}
		return true
	}
	return false
}

func (g *gate) lineOf(client netip.Prefix) *line {
	for _, l := range g.lines {
		if l.client == client {
			return l
		}
	}
	return nil
}

// clientOf is who counts as one client: an IPv4 address, or what one customer
// gets of IPv6. Whoever comes over a UNIX socket is one.
func clientOf(peer netip.Addr) netip.Prefix {
	bits := 32
	if peer.Is6() {
		bits = 64
	}
	p, _ := peer.Prefix(bits)
	return p
}
