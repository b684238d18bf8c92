//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/ready"
	"xanadu/ipc/sock"
)

// results are the cost of one wait by poller and count.
type results struct {
	system  string
	pollers []string // as ready names them, the oldest first
	counts  []int
	cost    map[string][]time.Duration // by poller, one for each count; 0 where it cannot
}

// rounds is how many times each poller is measured at each count, in turns. The
// least counts: no wait here is idle, so what disturbs the machine can only add.
const rounds = 25

// measure watches sockets that have nothing to read, and in the midst of them one
// that has.
func measure(counts []int) (*results, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := &results{system: system(), pollers: ready.Names(), counts: counts, cost: make(map[string][]time.Duration)}
	slices.Reverse(r.pollers)
	var watched sockets
	defer watched.close()
	for _, n := range counts {
		if err := watched.grow(n); err != nil {
			return nil, err
		}
		costs, err := compare(r.pollers, watched.fds)
		if err != nil {
			return nil, err
		}
		for i, name := range r.pollers {
			r.cost[name] = append(r.cost[name], costs[i])
		}
	}
	return r, nil
}

// compare has the pollers wait in turns and returns the least cost for each, or 0
// for one that cannot hold the descriptors.
func compare(names []string, fds []*ipc.FD) ([]time.Duration, error) {
	pollers := make([]ready.Poller, len(names)) // nil for one that cannot hold them
	defer func() {
		for _, p := range pollers {
			if p != nil {
				p.Close()
			}
		}
	}()
	for i, name := range names {
		p, err := watch(name, fds)
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			return nil, err
		}
		pollers[i] = p
	}
	costs := make([]time.Duration, len(names))
	for turn := range 1 + rounds {
		for i, p := range pollers {
			if p == nil {
				continue
			}
			cost, err := wait(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", names[i], err)
			}
			if turn == 1 || turn > 1 && cost < costs[i] { // turn 0 finds the caches cold
				costs[i] = cost
			}
		}
	}
	return costs, nil
}

// watch opens a poller and adds the descriptors. A number that it cannot hold is
// EINVAL.
func watch(name string, fds []*ipc.FD) (ready.Poller, error) {
	p, err := ready.Open(name)
	if err != nil {
		return nil, err
	}
	for i, fd := range fds {
		if err := p.Add(fd.Number(), ready.Readable, uint64(i)); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// wait returns what one Wait costs, of as many as take about a millisecond and 16
// at least.
func wait(p ready.Poller) (time.Duration, error) {
	var fired [8]ready.Fired
	began := time.Now()
	for n := 1; ; n++ {
		if fired, err := p.Wait(fired[:], -1); err != nil || fired > 1 {
			return 0, fmt.Errorf("%d are ready, want one: %w", fired, err)
		}
		if took := time.Since(began); n%16 == 0 && took > time.Millisecond {
			return took / time.Duration(n), nil
		}
	}
}

// sockets are what is watched: at any time one of them has something to read.
type sockets struct {
	fds  []*ipc.FD
	peer *ipc.FD // of the one that has
}

// grow opens sockets until there are n. The one that is ready is somewhere in the
// middle: opened when half of the least count was there.
func (s *sockets) grow(n int) error {
	for len(s.fds) < n {
		if s.peer == nil && len(s.fds) >= n/2 {
			a, b, err := sock.Socketpair(sock.AF_UNIX, sock.SOCK_DGRAM, 0)
			if err != nil {
				return err
			}
			s.fds, s.peer = append(s.fds, a), b
			if _, err := sock.Send(b, []byte("x"), 0); err != nil {
				return err
			}
			continue
		}
		// A socket without a peer has nothing to read.
		fd, err := sock.Socket(sock.AF_UNIX, sock.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		s.fds = append(s.fds, fd)
	}
	return nil
}

func (s *sockets) close() {
	for _, fd := range s.fds {
		fd.Close()
	}
	if s.peer != nil {
		s.peer.Close()
	}
}

// system names the kernel, where there is a file for it.
func system() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
	return "Linux " + version + ", " + runtime.GOARCH
}
