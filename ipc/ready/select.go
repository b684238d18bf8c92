package ready

import (
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// selector is select(2): three bit sets over all descriptor numbers up to the
// highest that is watched, so a Wait costs in proportion to that number.
type selector struct {
	waker
	watched table
	want    [3]fdSet // what to ask for: reads, writes, excepts
	got     [3]fdSet // a copy, which the call overwrites with its answer
	top     int      // the highest number watched, the waker's included
	next    int      // where Wait looks first, so that all get their turn
}

// The sets, in the order of select's arguments.
const (
	reads = iota
	writes
	excepts
)

func newSelect() (Poller, error) {
	s := new(selector)
	if err := s.open("select"); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *selector) open(call string) error {
	s.watched.call = call
	if err := s.waker.open(); err != nil {
		return err
	}
	if s.read >= sys.MaxSelect {
		err := s.tooHigh("open", s.read)
		s.close()
		return err
	}
	s.top = s.read
	s.grow()
	s.want[reads].put(s.read, true)
	return nil
}

func (s *selector) Add(fd int, want Event, token uint64) error {
	if s.read < 0 {
		return callError("add", fd, s.watched.call, unix.EBADF)
	}
	if fd >= sys.MaxSelect {
		return s.tooHigh("add", fd)
	}
	if _, err := s.watched.add(fd, want, token); err != nil {
		return err
	}
	s.top = max(s.top, fd)
	s.grow()
	s.ask(fd, want)
	return nil
}

func (s *selector) Modify(fd int, want Event, token uint64) error {
	if _, err := s.watched.modify(fd, want, token); err != nil {
		return err
	}
	s.ask(fd, want)
	return nil
}

func (s *selector) Remove(fd int) error {
	if _, err := s.watched.remove(fd); err != nil {
		return err
	}
	s.ask(fd, 0)
	for s.top > s.read && s.watched.of(s.top) == nil {
		s.top--
	}
	return nil
}

func (s *selector) Forget(fd int) error { return s.Remove(fd) }

func (s *selector) ask(fd int, want Event) {
	s.want[reads].put(fd, want&Readable != 0)
	s.want[writes].put(fd, want&Writable != 0)
	s.want[excepts].put(fd, want&Urgent != 0)
}

// grow makes room for top. The sets begin with 1,024 bits, the usual FD_SETSIZE;
// more is needed only where MaxSelect allows more.
func (s *selector) grow() {
	words := max(len(s.want[reads]), 1024/sys.FdBits)
	for words <= s.top/sys.FdBits {
		words *= 2
	}
	for i, set := range s.want {
		if len(set) < words {
			s.want[i] = append(set, make(fdSet, words-len(set))...)
			s.got[i] = make(fdSet, words)
		}
	}
}

func (s *selector) tooHigh(operation string, fd int) error {
	return fmt.Errorf("%s fd %d: %s holds descriptors below %d: %w", operation, fd, s.watched.call, sys.MaxSelect, unix.EINVAL)
}

func (s *selector) Wait(dst []Fired, timeout time.Duration) (int, error) {
	if err := s.usable(dst); err != nil {
		return 0, err
	}
	s.fill()
	_, errno := sys.Select(s.top+1, s.got[reads], s.got[writes], s.got[excepts], timeout)
	return s.answer(dst, errno)
}

// fill copies what to ask for to where the call will put its answer.
func (s *selector) fill() {
	words := s.top/sys.FdBits + 1
	for i, set := range s.want {
		copy(s.got[i], set[:words])
	}
}

// answer translates what the call said: the errno, or what it left in got.
func (s *selector) answer(dst []Fired, errno unix.Errno) (int, error) {
	if errno == unix.EBADF {
		return s.closed(dst), nil
	}
	if errno != 0 {
		return 0, waitError(s.watched.call, errno)
	}
	if s.got[reads].has(s.read) {
		s.got[reads].put(s.read, false)
		s.drain()
	}
	first := min(s.next, s.top+1)
	n := s.collect(dst, first, s.top+1)
	n += s.collect(dst[n:], 0, first)
	return n, nil
}

// collect fills dst with the descriptors in [from, to) that fired. When it is
// full, the next Wait looks first at the one behind the last.
func (s *selector) collect(dst []Fired, from, to int) (filled int) {
	r, w, x := s.got[reads], s.got[writes], s.got[excepts]
	for fd := from; fd < to && filled < len(dst); fd++ {
		i := fd / sys.FdBits
		rest := uint64(r[i]|w[i]|x[i]) >> (fd % sys.FdBits)
		if rest == 0 {
			fd |= sys.FdBits - 1 // the last of this word
			continue
		}
		fd += bits.TrailingZeros64(rest)
		if fd >= to {
			break
		}
		var e Event
		if r.has(fd) {
			e = Readable
		}
		if w.has(fd) {
			e |= Writable
		}
		if x.has(fd) {
			e |= Urgent
		}
		dst[filled] = Fired{s.watched.watch[fd].token, e}
		filled++
		s.next = fd + 1
	}
	return filled
}

// closed reports as Failed the descriptors that were closed while watched,
// which poll(2) does and select(2) refuses to work with.
func (s *selector) closed(dst []Fired) (filled int) {
	for fd, w := range s.watched.watch {
		if filled < len(dst) && w.watched && !isOpen(fd) {
			dst[filled] = Fired{w.token, Failed}
			filled++
		}
	}
	return filled
}

func (s *selector) Close() error {
	s.want, s.got, s.watched.watch = [3]fdSet{}, [3]fdSet{}, nil
	return s.close()
}

// An fdSet is one of select's bit sets.
type fdSet []sys.FdWord

func (s fdSet) has(fd int) bool { return s[fd/sys.FdBits]>>(fd%sys.FdBits)&1 != 0 }

func (s fdSet) put(fd int, on bool) {
	bit := sys.FdWord(1) << (fd % sys.FdBits)
	if on {
		s[fd/sys.FdBits] |= bit
	} else {
		s[fd/sys.FdBits] &^= bit
	}
}
