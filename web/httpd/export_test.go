package httpd

import (
	"time"

	"xanadu/ipc/loop"
)

// IdleTimeout returns how long s keeps idle connections.
func IdleTimeout(s *Server) time.Duration { return s.opt.IdleTimeout }

// Files returns how many files the caches may keep open, how many more with few
// clients, and how many those are.
func Files(s *Server) (share, lent, few int) { return s.budget.files, s.budget.lent, s.budget.few }

// KeepFor sets how long s, which does not serve yet, keeps documents that nobody
// asks for.
func KeepFor(s *Server, d time.Duration) {
	for _, e := range s.engines {
		e.cache.keep = d
	}
}

// MaxHeld is the least that ProgramOptions.MaxSpool can be: more content goes to a
// program as it comes.
const MaxHeld = maxHeld

// SpoolRate returns what s demands of those whose content is gathered.
func SpoolRate(s *Server) int64 { return s.spoolRate() }

// FreePlaces returns how many more programs s would let run now.
func FreePlaces(s *Server) int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.free
}

// Waiting returns how many requests wait in the queue of s for a program to end.
func Waiting(s *Server) (n int) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	for _, l := range s.gate.lines {
		n += len(l.tickets)
	}
	return n
}

// Held returns how much s holds now for clients and programs: streams on its
// loops, which own all descriptors, programs, goroutines of its crew, and octets
// of content in files.
func Held(s *Server) int {
	s.spooled.mu.Lock()
	held := int(s.spooled.octets+s.spooled.memory) + len(s.spooled.clients)
	s.spooled.mu.Unlock()
	for _, e := range s.engines {
		counted := make(chan int)
		if !e.loop.Post(func() {
			n := len(e.programs)
			e.loop.Handlers(func(loop.Handler) { n++ })
			counted <- n
		}) {
			continue
		}
		held += <-counted
	}
	s.crew.mu.Lock()
	defer s.crew.mu.Unlock()
	return held + s.crew.working
}
