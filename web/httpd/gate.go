package httpd

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A gate lets in a bounded number of programs at a time. Others wait in a queue
// that is bounded, too, and fair: clients are served in turn, whatever number of
// requests each has waiting, and none gets more than its share of the places
// while others wait. It is safe for concurrent use.
type gate struct {
	now func() time.Time // the clock; immutable

	mu      sync.Mutex
	atOnce  int     // places in all
	free    int     // programs that may still be let in
	room    int     // places left in the queue
	waiting int     // places in use there
	lines   []*line // in the order of their turn; none is empty
	ending  int     // programs that were told to end for those who wait
	holders map[netip.Prefix]*holder
}

// A holder is a client with programs that run.
type holder struct {
	places int // at least one
	ending int // of its programs were told to end for those who wait
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
	since  time.Time // when it was taken
}

// A verdict is what enter decides.
type verdict uint8

const (
	admitted verdict = iota // go in, and leave some time
	queued                  // the ticket is told, or given back
	refused                 // there is no room
)

func newGate(atOnce, room int) *gate {
	return &gate{now: time.Now, atOnce: atOnce, free: atOnce, room: room, holders: make(map[netip.Prefix]*holder)}
}

// tryEnter asks for client to be let in at once, or not at all.
func (g *gate) tryEnter(client netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free == 0 {
		return false
	}
	g.free--
	g.hold(client)
	return true
}

func (g *gate) hold(client netip.Prefix) {
	h := g.holders[client]
	if h == nil {
		h = new(holder)
		g.holders[client] = h
	}
	h.places++
}

// enter asks for client to be let in. When the queue is full, a client with
// fewer places in it than another gets the newest of the one who has most.
func (g *gate) enter(client netip.Prefix, tell func(admitted bool)) (*ticket, verdict) {
	if g.tryEnter(client) {
		return nil, admitted
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 { // meanwhile
		g.free--
		g.hold(client)
		return nil, admitted
	}
	t := &ticket{tell, client, g.now()}
	own := g.lineOf(client)
	if g.room == 0 && !g.displace(own) {
		return nil, refused
	}
	g.room--
	g.waiting++
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
	g.waiting--
	return true
}

// leave gives back client's place among the programs, to the next client in turn
// if one waits. Evicted tells that evict has said so.
func (g *gate) leave(client netip.Prefix, evicted bool) {
	g.mu.Lock()
	h := g.holders[client]
	h.places--
	if evicted {
		h.ending--
		g.ending--
	}
	if h.places == 0 {
		delete(g.holders, client)
	}
	if len(g.lines) == 0 {
		g.free++
		g.mu.Unlock()
		return
	}
	at := g.next()
	l := g.lines[at]
	t := l.tickets[0]
	l.tickets = slices.Delete(l.tickets, 0, 1)
	g.room++
	g.waiting--
	g.lines = slices.Delete(g.lines, at, at+1)
	if len(l.tickets) > 0 {
		g.lines = append(g.lines, l)
	}
	g.hold(l.client)
	g.mu.Unlock()
	t.tell(true)
}

// next returns the line that is served next: the first of a client that holds
// less than its share, or the first of all.
func (g *gate) next() int {
	share := g.share()
	for i, l := range g.lines {
		if g.places(l.client) < share {
			return i
		}
	}
	return 0
}

// share is how many places each client has a right to, of those that hold one or
// wait for one.
func (g *gate) share() int {
	clients := len(g.holders)
	for _, l := range g.lines {
		if g.holders[l.client] == nil {
			clients++
		}
	}
	return max(1, g.atOnce/max(1, clients))
}

// places returns how many places client holds.
func (g *gate) places(client netip.Prefix) int {
	if h := g.holders[client]; h != nil {
		return h.places
	}
	return 0
}

// pressure returns how many wait, and since when the first of them does.
func (g *gate) pressure() (waiting int, longest time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for _, l := range g.lines {
		longest = max(longest, now.Sub(l.tickets[0].since))
	}
	return g.waiting, longest
}

// evict reports whether a program of client, which its client holds up, is to
// end for those who wait. Then it counts as one that ends, until leave.
func (g *gate) evict(client netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ending < g.waiting && g.end(client)
}

// evictExcess is evict for a program that is only one too many: client holds
// more than its share, and another that has less waits for longer than is fair.
func (g *gate) evictExcess(client netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	share, entitled := g.share(), 0
	for _, l := range g.lines {
		if room := share - g.places(l.client); room > 0 && g.now().Sub(l.tickets[0].since) >= shareTime {
			entitled += min(room, len(l.tickets))
		}
	}
	h := g.holders[client]
	return g.ending < entitled && h.places-h.ending > share && g.end(client)
}

func (g *gate) end(client netip.Prefix) bool {
	g.holders[client].ending++
	g.ending++
	return true
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
		g.waiting--
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
