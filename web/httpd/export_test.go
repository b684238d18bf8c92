package httpd

// FreePlaces returns how many more programs s would let run now.
func FreePlaces(s *Server) int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.free
}
