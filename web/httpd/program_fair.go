package httpd

import (
	"cmp"
	"slices"
	"time"
)

// While requests wait for a program to end, clients that hold one up lose it:
// those that take their answer, or give their content, more slowly than is fair.
// Otherwise as many slow clients as there are places would stop all programs.
// And a client with more than its share of the places loses what is too much.
//
// What is fair rises with the number of those who wait, and with their time.
const (
	// patrolTime is how often programs are looked after while others wait.
	patrolTime = 10 * time.Millisecond

	// paceTime is the time over which a client's pace is measured when few wait:
	// longer than a packet takes around the earth. The more wait the shorter it
	// is, down to minPaceTime, so that a hundred slow clients have each had a
	// place within two seconds. The measure is never older than twice that time:
	// a client whose kernel has room for megabytes is fast until that is full.
	paceTime    = 250 * time.Millisecond
	minPaceTime = 25 * time.Millisecond

	// maxFairRate bounds, in octets a second, what is demanded: what one client
	// of eight has on a line of 4 Mbit/s. Who keeps all places busy with more
	// than that is no slow client.
	maxFairRate = 64 << 10

	// shareTime is how long a client that holds less than its share waits before
	// another that holds more loses a program: within that time most programs
	// end by themselves.
	shareTime = time.Second
)

// A work is what a program waits for its client to do.
type work uint8

const (
	nothing work = iota
	giving       // its content
	taking       // the answer
)

// A pace is what is known of how fast a client works: what it had done at one
// time, and at a later one that takes its place when the first is long ago.
type pace struct {
	work        work
	first, next mark
}

// A mark is what a client had done at some time.
type mark struct {
	at     time.Duration // on the loop's clock
	octets int64
}

// startPatrols has every loop look after its programs while requests wait.
func (s *Server) startPatrols() {
	for _, e := range s.engines {
		if e.patrols.CompareAndSwap(false, true) {
			e.loop.Post(e.patrol)
		}
	}
}

// patrol ends programs for those who wait, and comes back for as long as anybody
// does.
func (e *engine) patrol() {
	g := e.server.gate
	waiting, longest := g.pressure()
	if waiting == 0 {
		e.patrols.Store(false)
		// Who came in between has not seen that.
		if waiting, longest = g.pressure(); waiting == 0 || !e.patrols.CompareAndSwap(false, true) {
			return
		}
	}
	e.evictSlow(paceTimeFor(g.atOnce, waiting), fairRateFor(waiting, longest))
	if longest >= shareTime {
		e.evictExcess()
	}
	e.loop.After(patrolTime, e.patrol)
}

// paceTimeFor returns the time over which a client's pace is measured when so
// many wait.
func paceTimeFor(atOnce, waiting int) time.Duration {
	return max(minPaceTime, paceTime*time.Duration(atOnce)/time.Duration(atOnce+2*waiting))
}

// fairRateFor returns how many octets a second a client has to give or take, for
// its program to go on, when so many wait, the first of them for that time. It
// doubles with every second.
func fairRateFor(waiting int, longest time.Duration) float64 {
	rate := fairRate * (1 + int64(waiting)) << min(int(longest/time.Second), 7)
	return float64(min(rate, maxFairRate))
}

// evictSlow ends the programs whose clients are slower than rate, the slowest
// first, as far as their places are wanted.
func (e *engine) evictSlow(least time.Duration, rate float64) {
	type slow struct {
		p    *program
		rate float64
	}
	var found []slow
	for p := range e.programs {
		if r, ok := p.paceOf(least); ok && r < rate {
			found = append(found, slow{p, r})
		}
	}
	slices.SortFunc(found, func(a, b slow) int { return cmp.Compare(a.rate, b.rate) })
	for _, s := range found {
		if !e.server.gate.evict(s.p.seat.client) {
			return
		}
		s.p.evictSlow()
	}
}

// evictExcess ends programs of clients that have too many, the youngest first:
// the least is lost with them.
func (e *engine) evictExcess() {
	var all []*program
	for p := range e.programs {
		if p.child != nil && !p.stopping && !p.ended {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *program) int { return b.seat.since.Compare(a.seat.since) })
	for _, p := range all {
		if e.server.gate.evictExcess(p.seat.client) {
			p.seat.evicted = true
			p.refuse(503, "the client has more programs than its share, and others wait")
			p.stop()
		}
	}
}

// waitsFor returns what the client of p has to do for p to go on.
func (p *program) waitsFor() work {
	switch {
	case p.conn == nil || p.child == nil || p.stopping || p.client.complete:
		return nothing
	case p.client.sending:
		return taking
	case p.conn.skip > 0 && p.in.Attached() && !p.passing:
		return giving
	}
	return nothing
}

// done returns how many octets of w the client has done.
func (k *client) done(w work, c *conn) int64 {
	if w == taking {
		return k.passed - c.Undelivered()
	}
	return k.received
}

// paceOf returns how many octets a second the client has done lately of what p
// waits for, if that has been so for at least the time.
func (p *program) paceOf(least time.Duration) (rate float64, ok bool) {
	w, known := p.waitsFor(), &p.client.pace
	if w == nothing {
		known.work = nothing
		return 0, false
	}
	now := mark{p.engine.loop.Now(), p.client.done(w, p.conn)}
	if known.work != w {
		*known = pace{w, now, now}
		return 0, false
	}
	elapsed := now.at - known.first.at
	if elapsed < least {
		return 0, false
	}
	rate = float64(now.octets-known.first.octets) / elapsed.Seconds()
	if now.at-known.next.at >= least {
		known.first, known.next = known.next, now
	}
	return rate, true
}

// evictSlow ends p, whose client is too slow. What has begun to be sent is reset:
// it must not pass for all there is, nor wait in the kernel.
func (p *program) evictSlow() {
	p.seat.evicted = true
	c := p.conn
	if p.client.sending {
		c.cut = true
		c.end()
		return
	}
	c.closing = closesGently
	p.refuse(408, "the content comes too slowly while others wait")
	p.stop()
}
