package httpd

import (
	"net/netip"
	"sync"
	"syscall"
)

// What takes up descriptors, apart from clients, documents and what waits for
// programs.
const (
	// descriptorsElsewhere are the three standard streams, the log and the one
	// that takes its place, syslog, three directories of the site, and four of
	// the Go runtime, with two to spare.
	descriptorsElsewhere = 15

	// descriptorsPerLoop are a poller and what wakes it, and what the site opens
	// to answer at once. Each listener has one in reserve besides.
	descriptorsPerLoop = 4

	// descriptorsPerAnswer is what the site opens at once to answer: a home, a
	// directory and a file in it.
	descriptorsPerAnswer = 3

	// descriptorsPerProgram are both ends of three pipes, those of the one that
	// tells of a failed start, the directory, a file of content, and the one
	// that tells of the end.
	descriptorsPerProgram = 12

	// leastDescriptors are shared out whatever the limit is. A server that is
	// held to less meets it, and tells some clients so.
	leastDescriptors = 16
)

// A budget shares out the descriptors that the process may have open
// (RLIMIT_NOFILE), so that none is missing when all bounds are reached at once.
type budget struct {
	clients  int // connections, and files that are sent but not cached
	files    int // documents kept open, over all caches
	lent     int // those kept open besides, while no more than few clients are connected
	few      int
	crew     int // goroutines that ask the site at once
	programs int // that run at once
	waiting  int // held by requests that wait for a program
}

// shareOut makes a budget of limit descriptors. Programs get at most a third of
// those that clients cause, and requests that wait for one a quarter of the rest,
// so that documents have the most.
func shareOut(limit, listeners, loops int, p *ProgramOptions) budget {
	left := max(leastDescriptors, limit-descriptorsElsewhere-listeners-loops*(descriptorsPerLoop+listeners))
	b, most := budget{}, maxFiles
	if p != nil {
		most = maxFilesAndPrograms
		b.programs = min(p.AtOnce, max(1, left/3/descriptorsPerProgram))
		left -= b.programs * descriptorsPerProgram
		// A directory, and a file of content, for each request in the queue, and
		// for as many as gather the longest content.
		b.waiting = min(2*(max(0, p.Queue)+maxSpools), max(2, left/4))
		left -= b.waiting
	}
	b.files = min(most, max(1, left/4))
	left -= b.files
	b.crew = min(maxCrew, max(2, left/(4*descriptorsPerAnswer)))
	left -= b.crew * descriptorsPerAnswer
	b.clients = max(2, left)
	// Each of few may be sent a file that is not cached, and some more come before
	// the files are closed.
	b.few = b.clients / 16
	b.lent = min(b.clients*3/4, most-b.files)
	return b
}

// descriptorLimit returns how many descriptors the process may have open
// (getrlimit(2), RLIMIT_NOFILE).
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20))
}

// holdings count the descriptors that requests hold which wait for a program: its
// directory, and a file of content. They are safe for concurrent use.
type holdings struct {
	most int

	mu      sync.Mutex
	all     int
	clients map[netip.Prefix]int
}

// take counts one more for client, if the bound allows it. No client gets more
// than half of what there is.
func (h *holdings) take(client netip.Prefix) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == h.most || h.clients[client] >= max(1, h.most/2) {
		return false
	}
	if h.clients == nil {
		h.clients = make(map[netip.Prefix]int)
	}
	h.all++
	h.clients[client]++
	return true
}

// give ends the count of n for client.
func (h *holdings) give(client netip.Prefix, n int) {
	if n == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all -= n
	if h.clients[client] -= n; h.clients[client] == 0 {
		delete(h.clients, client)
	}
}
