package httpd

import (
	"net/netip"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc/loop"
	"xanadu/web/http1"
)

const (
	// newTime is for how long a connection does not make room for another one
	// that is new and silent, or has just begun a request, or was ended a moment
	// ago. Otherwise, of several clients that come at the bound, each would be
	// closed for the next before its request had the time to come.
	newTime = time.Second

	// idleLooks is how many idle connections are looked at for one whose client
	// has taken all of its replies.
	idleLooks = 8
)

// Reserve keeps a place for the next connection. At the bound it does so if one of
// this loop's can make room.
func (e *engine) Reserve() bool {
	s := e.server
	s.conns.Add(1)
	if s.isFull(1) {
		if ok, _ := e.canEvict(); !ok {
			s.conns.Add(-1)
			e.regulate()
			s.passOn()
			return false
		}
	}
	e.kept = true
	return true
}

// Unreserve gives that place back.
func (e *engine) Unreserve() {
	e.kept = false
	e.server.conns.Add(-1)
	e.regulate()
}

// Accepted makes a connection of fd. At the bound another one makes room: see
// evict. Where none can, the next clients wait in the kernel's queue, or at the
// end, when nobody takes them from there any more, are told so.
func (e *engine) Accepted(fd int, peer netip.AddrPort) {
	s := e.server
	if !e.kept {
		s.conns.Add(1)
	}
	e.kept = false
	if s.isFull(1) && !e.evict() && e.ending {
		s.conns.Add(-1)
		e.Refused(fd)
		sys.Close(fd)
		return
	}
	s.lend()
	e.conns++
	c := e.newConn()
	c.peer = peer
	e.loop.Attach(&c.Stream, fd, c)
	c.allow(e.newcomer)
	c.Receive()
}

// ended is told of every connection that was closed. One that a job of the crew
// still refers to is not used again.
func (e *engine) ended(c *conn, referred bool) {
	e.conns--
	e.server.conns.Add(-1)
	e.server.lend()
	if len(e.spare) < spareConns && !referred {
		e.spare = append(e.spare, c)
	}
	e.mayStop()
	e.regulate()
}

// isFull reports whether there is no room for a further connection, on any loop,
// or whether there was none for the last few of those that count already.
func (s *Server) isFull(last int64) bool {
	conns := s.conns.Load() - last
	return conns >= int64(s.opt.MaxConnections) || conns+s.loose.Load() >= int64(s.budget.clients)
}

// lend has the caches keep more files open while few clients are connected, and no
// more than their share otherwise.
func (s *Server) lend() {
	conns, recalled := s.conns.Load(), s.recalled.Load()
	few := int64(s.budget.few)
	if recalled && conns > few/2 || !recalled && conns <= few || !s.recalled.CompareAndSwap(recalled, !recalled) {
		return
	}
	for _, e := range s.engines {
		e.loop.Post(func() { e.cache.setOpen(s.openFiles()) })
	}
}

// openFiles is how many files the cache of one loop may keep open.
func (s *Server) openFiles() int {
	files := s.budget.files
	if !s.recalled.Load() {
		files += s.budget.lent
	}
	return files / s.opt.Loops
}

// regulate takes connections, or leaves them waiting, after their number or
// what they do has changed. The bound is that of all loops together: one that has
// a connection which can make room goes on taking others while the rest does not.
func (e *engine) regulate() {
	if e.ending {
		return
	}
	s := e.server
	full := s.isFull(0)
	if !full && s.full.Load() > 0 {
		s.tellFull()
	}
	if full {
		ok, in := e.canEvict()
		full = !ok
		if full && in > 0 && !e.looking {
			e.looking = true
			e.loop.After(in, func() {
				e.looking = false
				e.regulate()
			})
		}
	}
	if full == e.full.Load() {
		return
	}
	e.full.Store(full)
	if full {
		s.full.Add(1)
	} else {
		s.full.Add(-1)
	}
	for _, ln := range e.listeners {
		if full {
			ln.Pause()
		} else {
			ln.Resume()
		}
	}
	if full && !s.isFull(0) {
		e.loop.After(0, e.regulate) // another loop has made room in between
	}
}

// passOn has the loops that take connections look for the one that was left
// waiting: the kernel may have woken no other loop for it.
func (s *Server) passOn() {
	for _, e := range s.engines {
		if !e.full.Load() && e.asked.CompareAndSwap(false, true) {
			e.loop.Post(func() {
				e.asked.Store(false)
				for _, ln := range e.listeners {
					ln.Look()
				}
			})
		}
	}
}

// tellFull has the loops that take no connections look whether there is room.
func (s *Server) tellFull() {
	for _, e := range s.engines {
		if e.full.Load() && e.told.CompareAndSwap(false, true) {
			e.loop.Post(func() {
				e.told.Store(false)
				e.regulate()
			})
		}
	}
}

// evictable are the queues of connections that make room when none is idle: those
// that were ended, that have begun a head, and that have not sent all of some
// content of which nobody wants to know. Others have a reply under way.
func (e *engine) evictable() [3]*loop.Timeout { return [...]*loop.Timeout{e.linger, e.head, e.skip} }

// canEvict reports whether evict would succeed, or in which time it will; 0: that
// depends on others.
func (e *engine) canEvict() (ok bool, in time.Duration) {
	if e.idle.First() != nil {
		return true, 0
	}
	for _, q := range e.evictable() {
		switch h, since := q.FirstSince(); {
		case h == nil:
		case since >= newTime:
			return true, 0
		case in == 0 || newTime-since < in:
			in = newTime - since
		}
	}
	return false, in
}

// evict closes a connection of this loop to make room for another one, and
// reports whether it did: the one that has been idle longest, else the one that
// has been ended, been sending its head or been sending content for nobody
// longest, for a second at least.
func (e *engine) evict() bool {
	if e.evictIdle() {
		return true
	}
	var c *conn
	longest := time.Duration(0)
	for _, q := range e.evictable() {
		if h, since := q.FirstSince(); h != nil && since >= newTime && since > longest {
			c, longest = h.(*conn), since
		}
	}
	switch {
	case c == nil:
		return false
	case c.limit == e.head && len(firstLine(c.rest)) > 0:
		e.out = e.loop.Buffer()
		http1.ParseHead(&e.request, c.rest) // for what there is of it
		c.refuse(408, "the head has not come before others wanted its place", &e.request, c.rest)
		if c.written <= leftToKernel {
			c.end() // the refusal may still be on its way
			return true
		}
	}
	c.giveUp()
	return true
}

// evictIdle closes the connection that has waited longest for its next request
// and reports whether there was one. One whose client has taken all of its
// replies goes first.
func (e *engine) evictIdle() bool {
	looks := 0
	for h := range e.idle.All() {
		if c := h.(*conn); c.Undelivered() == 0 {
			c.end()
			return true
		}
		if looks++; looks == idleLooks {
			break
		}
	}
	c, ok := e.idle.First().(*conn)
	if ok {
		c.giveUp()
	}
	return ok
}
