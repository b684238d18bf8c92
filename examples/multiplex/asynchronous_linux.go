package main

import (
	"errors"
	"syscall"

	"xanadu/ipc"
	"xanadu/ipc/async"
)

// asynchronous are the ways in which Linux, besides, tells to whom what happened.
var asynchronous = []way{
	{"signals", "signals that queue and tell to whom something happened", signalled},
	{"uring", "the kernel is given the reads and tells what came", completed},
}

// signalled takes real-time signals, each of which says which source has
// something to say.
//
// Calls: rt_sigprocmask; fcntl (F_SETOWN_EX, F_SETSIG, O_ASYNC, O_NONBLOCK);
// read; rt_sigtimedwait.
func signalled(sources []*source) error {
	const signal = syscall.Signal(40) // any real-time signal that nobody uses
	signals, err := async.OpenSignals(signal)
	if err != nil {
		return err
	}
	defer signals.Close()
	open := make(map[*ipc.FD]*source)
	for _, s := range sources {
		if err := signals.Add(s.fd); err != nil {
			return err
		}
		open[s.fd] = s
	}
	if err := waitForNone(sources); err != nil {
		return err
	}
	hear := func(s *source) error {
		more, err := s.hearAll()
		if err != nil || more {
			return err
		}
		delete(open, s.fd)
		return signals.Remove(s.fd)
	}
	for _, s := range sources { // what was there before
		if err := hear(s); err != nil {
			return err
		}
	}
	came := make([]async.Signal, len(sources))
	for len(open) > 0 {
		n, err := signals.Wait(came, -1)
		if errors.Is(err, async.ErrOverflow) {
			for _, s := range open {
				if err := hear(s); err != nil {
					return err
				}
			}
		} else if err != nil {
			return err
		}
		for _, signal := range came[:n] {
			if s := open[signal.FD]; s != nil {
				if err := hear(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// completed gives the kernel a read of each source, all at once, and is told of
// those that are done: by then their bytes are there.
//
// Calls: io_uring_setup, mmap; io_uring_enter, which waits; no read.
func completed(sources []*source) error {
	ring, err := async.OpenRing(len(sources))
	if err != nil {
		return err
	}
	defer ring.Close()
	bufs := make([][room]byte, len(sources))
	for i, s := range sources {
		if err := ring.Read(s.fd, bufs[i][:], uint64(i)); err != nil {
			return err
		}
	}
	done := make([]async.Completion, len(sources))
	for left := len(sources); left > 0; {
		n, err := ring.Wait(done, -1)
		if err != nil {
			return err
		}
		for _, c := range done[:n] {
			s, buf := sources[c.Token], &bufs[c.Token]
			if c.Err != nil {
				return c.Err
			}
			s.tell(buf[:c.N])
			if c.N == 0 {
				left--
			} else if err := ring.Read(s.fd, buf[:], c.Token); err != nil {
				return err
			}
		}
	}
	return nil
}
