package ready_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

func TestOpen(t *testing.T) {
	names := ready.Names()
	for _, name := range names {
		p, err := ready.Open(name)
		must(t, err)
		must(t, p.Close())
	}
	p, err := ready.Open("")
	must(t, err)
	must(t, p.Close())

	_, err = ready.Open("kqueue")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open(kqueue): %v, want ErrUnsupported", err)
	}
	for _, name := range append(names, `"kqueue"`) {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("Open(kqueue): %q does not name %s", err, name)
		}
	}
	names[0] = "changed"
	if got := ready.Names()[0]; got == "changed" {
		t.Error("Names lends its table")
	}
}

func checkError(t *testing.T, what string, err error, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, _ := pipe(t)
		fd := rd.Number()
		checkError(t, "modify before add", p.Modify(fd, r, 1), unix.ENOENT)
		checkError(t, "remove before add", p.Remove(fd), unix.ENOENT)
		must(t, p.Add(fd, r, 1))
		checkError(t, "add twice", p.Add(fd, r, 2), unix.EEXIST)
		must(t, p.Modify(fd, w, 3))
		must(t, p.Remove(fd))
		checkError(t, "remove twice", p.Remove(fd), unix.ENOENT)
		checkError(t, "modify after remove", p.Modify(fd, r, 1), unix.ENOENT)
		must(t, p.Add(fd, r, 4))
		must(t, p.Remove(fd))

		own := ^uint64(0)
		checkError(t, "add with the poller's own token", p.Add(fd, r, own), unix.EINVAL)
		must(t, p.Add(fd, r, own-1))
		checkError(t, "modify with the poller's own token", p.Modify(fd, r, own), unix.EINVAL)
		must(t, p.Remove(fd))

		must(t, rd.Close())
		err := p.Add(fd, r, 1)
		checkError(t, "add a closed descriptor", err, unix.EBADF)
		checkError(t, "add descriptor -1", p.Add(-1, r, 1), unix.EBADF)
		if !strings.HasPrefix(err.Error(), "add fd ") {
			t.Errorf("error %q does not begin with the operation and its subject", err)
		}

		_, err = p.Wait(nil, -1)
		checkError(t, "wait without room", err, unix.EINVAL)
	})
}

// Only select has a limit, and only outside Linux.
func TestSelectLimit(t *testing.T) {
	rd, _ := pipe(t)
	high, err := unix.FcntlInt(uintptr(rd.Number()), unix.F_DUPFD_CLOEXEC, 1500)
	if errors.Is(err, unix.EINVAL) {
		t.Skip("the limit of open descriptors is below 1,500")
	}
	must(t, err)
	unix.Close(high)
	each(t, func(t *testing.T, p poller) {
		rd, wr := pipe(t)
		fd := takeNumber(t, rd, high)
		put(t, wr)
		if err := p.Add(high, r, 7); err != nil {
			checkError(t, "add", err, unix.EINVAL)
			if !strings.Contains(err.Error(), "holds descriptors below") || !strings.Contains(p.name, "select") {
				t.Error(err)
			}
			return
		}
		check(t, p, r, r)
		must(t, p.Remove(fd.Number()))
	})
}

func TestModify(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		a, b := socketpair(t)
		put(t, b)
		p.add(t, a, r, 1)
		for i, step := range []struct {
			asked, full ready.Event
		}{{r, r}, {w, w}, {0, 0}, {r | w, r | w}, {u, 0}, {r, r}} {
			token := uint64(i)<<32 | 1<<63 | 1<<31 | 5 // all of the token comes back
			must(t, p.Modify(a.Number(), step.asked, token))
			got := p.wait(t, 4, 0)
			want := map[uint64]ready.Event{token: step.full}
			if step.full == 0 {
				want = nil
			}
			if !maps.Equal(got, want) {
				t.Errorf("step %d: got %v, want %v", i, got, want)
			}
		}
	})
}

// Descriptors that come and go in any order keep their own tokens.
func TestRemoveKeepsTheOthers(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		want := make(map[uint64]ready.Event)
		var fds []*ipc.FD
		for token := range uint64(9) {
			rd, wr := pipe(t)
			put(t, wr)
			p.add(t, rd, r, token)
			fds, want[token] = append(fds, rd), r
		}
		for _, i := range []int{8, 0, 4, 1, 7, 2, 6, 3, 5} { // last, first, middle
			if i%2 == 0 {
				must(t, p.Remove(fds[i].Number()))
			} else {
				must(t, p.Forget(fds[i].Number()))
			}
			must(t, fds[i].Close())
			delete(want, uint64(i))
			if got := p.wait(t, 16, 0); !maps.Equal(got, want) {
				t.Fatalf("after removing %d: got %v, want %v", i, got, want)
			}
		}
	})
}

// No Wait ends before its timeout, whatever its size.
func TestTimeout(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, _ := pipe(t)
		p.add(t, rd, r, 7)
		for _, timeout := range []time.Duration{
			0, 1, 999, time.Microsecond, 999*time.Microsecond + 1, time.Millisecond, 12_345_678,
		} {
			var took time.Duration
			for range 100 { // a signal may end one early, also one of the Go runtime's
				start := time.Now()
				if got := p.wait(t, 1, timeout); len(got) != 0 {
					t.Fatalf("timeout %v: fired %v", timeout, got)
				}
				if took = time.Since(start); took >= timeout {
					break
				}
			}
			if took < timeout {
				t.Errorf("timeout %v: ended after %v", timeout, took)
			}
		}
	})
}

// A Wait with any timeout but zero ends when something happens, not later: had
// it to wait for an hour or for ever, this test would not end.
func TestWaitEndsWithTheEvent(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Hour, 1<<63 - 1} {
		each(t, func(t *testing.T, p poller) {
			ping, pinger := pipe(t)
			pong, ponger := pipe(t)
			must(t, unix.SetNonblock(pong.Number(), false))
			p.add(t, ping, r, 1)
			const rounds = 50
			var peer sync.WaitGroup
			peer.Go(func() {
				b := []byte{'x'}
				for range rounds {
					unix.Write(pinger.Number(), b)
					unix.Read(pong.Number(), b)
				}
			})
			for range rounds {
				for len(p.wait(t, 1, timeout)) == 0 {
				}
				empty(t, ping)
				put(t, ponger)
			}
			peer.Wait()
		})
	}
}

// What did not fit into dst comes in the Waits that follow: nobody starves. And
// nothing of it comes after Remove.
func TestMoreReadyThanRoom(t *testing.T) {
	const many = 100
	limitDescriptors(t, 2*many+100)
	for _, room := range []int{1, 7, many - 1, many} {
		each(t, func(t *testing.T, p poller) {
			fds := make([]*ipc.FD, many)
			for i := range fds {
				rd, wr := pipe(t)
				put(t, wr)
				p.add(t, rd, r, uint64(1+i))
				fds[i] = rd
			}
			for range 3 {
				seen := make(map[uint64]bool)
				for range (many + room - 1) / room {
					got := p.wait(t, room, -1)
					if len(got) != room {
						t.Fatalf("room %d: filled %d", room, len(got))
					}
					for token := range got {
						seen[token] = true
					}
				}
				if len(seen) != many {
					t.Fatalf("room %d: only %d of %d fired in turn", room, len(seen), many)
				}
			}
			for _, fd := range fds[1:] {
				must(t, p.Remove(fd.Number()))
			}
			if got, want := p.wait(t, many, -1), (map[uint64]ready.Event{1: r}); !maps.Equal(got, want) {
				t.Errorf("room %d, after Remove: got %v, want %v", room, got, want)
			}
		})
	}
}

// More descriptors than select's customary 1,024 bits, few of them ready.
func TestManyDescriptors(t *testing.T) {
	const many = 3000
	limitDescriptors(t, many+100)
	var fds []*ipc.FD
	first, firstW := pipe(t)
	fds = append(fds, first)
	for len(fds) < many-1 {
		// A socket without a peer has nothing to read.
		fds = append(fds, socket(t, unix.AF_UNIX, unix.SOCK_DGRAM))
	}
	last, lastW := pipe(t)
	fds = append(fds, last)
	each(t, func(t *testing.T, p poller) {
		for i, fd := range fds {
			if err := p.Add(fd.Number(), r, uint64(i)); err != nil {
				if strings.Contains(err.Error(), "holds descriptors below") {
					t.Skip(err)
				}
				t.Fatal(err)
			}
		}
		if got := p.wait(t, 16, 0); len(got) != 0 {
			t.Fatalf("idle: %v fired", got)
		}
		put(t, firstW)
		put(t, lastW)
		want := map[uint64]ready.Event{0: r, many - 1: r}
		if got := p.wait(t, 16, -1); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		empty(t, last)
		empty(t, first)
		// From the top down, so that the highest number changes every time.
		for _, fd := range slices.Backward(fds) {
			must(t, p.Remove(fd.Number()))
		}
		put(t, firstW)
		if got := p.wait(t, 16, 0); len(got) != 0 {
			t.Errorf("after Remove: %v fired", got)
		}
		p.add(t, first, r, 99)
		if got, want := p.wait(t, 16, -1), (map[uint64]ready.Event{99: r}); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		empty(t, first)
	})
}

// One descriptor in two pollers: Exclusive tells at least one of them, forbids
// to modify, and goes with Remove.
func TestExclusive(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		q := open(t, p.name)
		rd, wr := pipe(t)
		p.add(t, rd, r|ready.Exclusive, 1)
		q.add(t, rd, r|ready.Exclusive, 1)
		checkError(t, "modify", p.Modify(rd.Number(), r, 1), unix.EINVAL)

		told := make(chan ready.Fired)
		for _, p := range []poller{p, q} {
			go func() {
				var dst [1]ready.Fired
				p.Wait(dst[:], -1)
				told <- dst[0]
			}()
		}
		put(t, wr)
		if got, want := <-told, (ready.Fired{Token: 1, Event: r}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		must(t, p.Wake()) // the other one may sleep on
		must(t, q.Wake())
		<-told

		must(t, p.Remove(rd.Number()))
		checkError(t, "exclusive and urgent", p.Add(rd.Number(), u|ready.Exclusive, 1), unix.EINVAL)
		p.add(t, rd, r, 1)
		checkError(t, "modify to exclusive", p.Modify(rd.Number(), r|ready.Exclusive, 1), unix.EINVAL)
		must(t, p.Modify(rd.Number(), r, 1))
	})
}

func TestClose(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, wr := pipe(t)
		p.add(t, rd, r, 1)
		must(t, p.Close())
		put(t, wr) // the watched descriptor is still open
		_, err := p.Wait(make([]ready.Fired, 1), -1)
		checkError(t, "wait", err, os.ErrClosed)
		checkError(t, "second close", p.Close(), os.ErrClosed)
		checkError(t, "add", p.Add(wr.Number(), w, 2), unix.EBADF)
	})
}

// Open leaves nothing behind at whichever step it runs out of descriptors.
func TestOpenWithoutDescriptors(t *testing.T) {
	limitDescriptors(t, slices.Max(openDescriptors())+8)
	var spare []int
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			checkError(t, "dup", err, unix.EMFILE)
			break
		}
		spare = append(spare, fd)
	}
	before := len(openDescriptors())
	for free := range 3 {
		for _, name := range ready.Names() {
			p, err := ready.Open(name)
			if err == nil {
				must(t, p.Close())
			} else {
				checkError(t, name, err, unix.EMFILE)
				if !strings.HasPrefix(err.Error(), "open poller "+name+": ") {
					t.Errorf("error %q does not name the poller", err)
				}
			}
			if free == 0 && err == nil {
				t.Errorf("%s: opened without a descriptor", name)
			}
			if free == 2 && err != nil {
				t.Errorf("%s: two descriptors were free: %v", name, err)
			}
			if got := len(openDescriptors()) + free; got != before {
				t.Errorf("%s: %d descriptors leaked (%v)", name, got-before, err)
			}
		}
		unix.Close(spare[free])
	}
	for _, fd := range spare[3:] {
		unix.Close(fd)
	}
}

// openDescriptors lists the numbers in use.
func openDescriptors() []int {
	var open []int
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			open = append(open, fd)
		}
	}
	return open
}

func TestWaitDoesNotAllocate(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		for token := range uint64(10) {
			rd, wr := pipe(t)
			put(t, wr)
			p.add(t, rd, r, token)
		}
		dst := make([]ready.Fired, 16)
		p.Wait(dst, 0) // epoll makes its buffer once
		for what, call := range map[string]func(){
			"zero timeout":   func() { p.Wait(dst, 0) },
			"finite timeout": func() { p.Wait(dst, time.Second) },
			"no timeout":     func() { p.Wait(dst, -1) },
			"wake":           func() { p.Wake(); p.Wait(dst, 0) },
			"masked": func() {
				if m, ok := p.Poller.(ready.MaskedPoller); ok {
					m.WaitMask(dst, 0, 0)
				}
			},
		} {
			if n := testing.AllocsPerRun(20, call); n != 0 {
				t.Errorf("%s: %v allocations in a Wait, want none", what, n)
			}
		}
	})
}
