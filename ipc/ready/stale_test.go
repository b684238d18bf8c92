package ready_test

import (
	"maps"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

// These are the ways in which a descriptor's number passes to a newcomer. What
// fires must belong to the token it comes with.

const (
	oldToken uint64 = 1
	newToken uint64 = 2
)

// farewells are the two ways to end a watch before the descriptor is closed.
var farewells = []struct {
	name string
	say  func(p poller, fd int) error
}{
	{"remove", func(p poller, fd int) error { return p.Remove(fd) }},
	{"forget", func(p poller, fd int) error { return p.Forget(fd) }},
}

// A descriptor fires, and before its event is handled it is closed and a
// newcomer gets its number: the event held carries the old token, and the next
// Wait knows only the newcomer.
func TestNumberReusedBeforeHandling(t *testing.T) {
	for _, bye := range farewells {
		t.Run(bye.name, func(t *testing.T) {
			each(t, func(t *testing.T, p poller) {
				for range 3 {
					old, oldWriter := pipe(t)
					p.add(t, old, r, oldToken)
					put(t, oldWriter)
					held := p.wait(t, 4, -1)

					number := old.Number()
					must(t, bye.say(p, number))
					must(t, old.Close())
					rd, wr := pipeAt(t, number)
					p.add(t, rd, r, newToken)

					if want := (map[uint64]ready.Event{oldToken: r}); !maps.Equal(held, want) {
						t.Errorf("held %v, want %v", held, want)
					}
					if got := p.wait(t, 4, 0); len(got) != 0 {
						t.Errorf("silent newcomer: %v", got)
					}
					put(t, wr)
					if got, want := p.wait(t, 4, -1), (map[uint64]ready.Event{newToken: r}); !maps.Equal(got, want) {
						t.Errorf("newcomer: got %v, want %v", got, want)
					}
					must(t, p.Remove(number))
					must(t, rd.Close())
				}
			})
		})
	}
}

// pipeAt is a pipe whose reading end has the given, free number.
func pipeAt(t *testing.T, number int) (r, w *ipc.FD) {
	t.Helper()
	a, w := pipe(t)
	if a.Number() == number {
		return a, w
	}
	if w.Number() == number {
		moved, err := unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, 0)
		w.Close()
		w = own(t, moved, err)
	}
	r = takeNumber(t, a, number)
	must(t, a.Close())
	return r, w
}

// The old file lives on under another descriptor (a child process, dup(2)).
func TestOldFileLivesOn(t *testing.T) {
	for _, bye := range farewells {
		t.Run(bye.name, func(t *testing.T) {
			each(t, func(t *testing.T, p poller) {
				old, oldWriter := pipe(t)
				duplicate, err := unix.Dup(old.Number())
				own(t, duplicate, err)
				number := old.Number()
				p.add(t, old, r, oldToken)
				must(t, bye.say(p, number))
				must(t, old.Close())
				rd, wr := pipeAt(t, number)
				p.add(t, rd, r, newToken)

				// Epoll still watches a forgotten file, under its own token.
				want := make(map[uint64]ready.Event)
				put(t, oldWriter)
				if p.name == "epoll" && bye.name == "forget" {
					want[oldToken] = r
				}
				if got := p.wait(t, 4, 0); !maps.Equal(got, want) {
					t.Errorf("old file ready: got %v, want %v", got, want)
				}
				want[newToken] = r
				put(t, wr)
				if got := p.wait(t, 4, -1); !maps.Equal(got, want) {
					t.Errorf("both ready: got %v, want %v", got, want)
				}

				// The number means the newcomer, in all that follows.
				must(t, p.Modify(number, w, 3))
				delete(want, newToken)
				if got := p.wait(t, 4, 0); !maps.Equal(got, want) {
					t.Errorf("newcomer modified: got %v, want %v", got, want)
				}
				must(t, p.Remove(number))
				checkError(t, "remove twice", p.Remove(number), unix.ENOENT)
			})
		})
	}
}

// The newcomer takes the number while the old file, ready and removed, is still
// open: as with dup2(2) onto a number in use.
func TestNumberTakenOver(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		old, oldWriter := pipe(t)
		put(t, oldWriter)
		p.add(t, old, r, oldToken)
		must(t, p.Remove(old.Number()))
		moved, err := unix.Dup(old.Number())
		own(t, moved, err)
		rd, wr := pipe(t)
		must(t, unix.Dup2(rd.Number(), old.Number()))

		p.add(t, old, r, newToken)
		if got := p.wait(t, 4, 0); len(got) != 0 {
			t.Errorf("silent newcomer: %v", got)
		}
		put(t, wr)
		if got, want := p.wait(t, 4, -1), (map[uint64]ready.Event{newToken: r}); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		// The same file may be watched twice, under two numbers.
		p.add(t, rd, r, 3)
		if got, want := p.wait(t, 4, -1), (map[uint64]ready.Event{newToken: r, 3: r}); !maps.Equal(got, want) {
			t.Errorf("file under two numbers: got %v, want %v", got, want)
		}
	})
}

// A descriptor that its owner closed without a word: epoll knows nothing of it,
// select and poll say so instead of failing in every Wait.
func TestClosedWhileWatched(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, _ := pipe(t)
		other, otherWriter := pipe(t)
		p.add(t, rd, r, 1)
		p.add(t, other, r, 2)
		number := rd.Number()
		must(t, rd.Close())

		want := map[uint64]ready.Event{1: f}
		if p.name == "epoll" {
			want = nil
		}
		if got := p.wait(t, 4, 0); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if p.name == "epoll" {
			checkError(t, "remove", p.Remove(number), unix.EBADF)
		} else {
			must(t, p.Remove(number))
		}
		put(t, otherWriter)
		if got, want := p.wait(t, 4, -1), (map[uint64]ready.Event{2: r}); !maps.Equal(got, want) {
			t.Errorf("the other: got %v, want %v", got, want)
		}
	})
}
