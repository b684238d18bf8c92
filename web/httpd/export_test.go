package httpd

import (
	"time"

	"xanadu/ipc/loop"
)

// IdleTimeout returns how long s keeps idle connections.
func IdleTimeout(s *Server) time.Duration { return s.opt.IdleTimeout }

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
	held := int(s.spooled.octets.Load() + s.spooled.memory.Load())
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
