package ready_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

// One Wake, or several, end one Wait: the next one takes its whole timeout.
func TestWake(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		for _, wakes := range []int{1, 3} {
			for range wakes {
				must(t, p.Wake())
			}
			if got := p.wait(t, 1, -1); len(got) != 0 {
				t.Fatalf("woken: %v fired", got)
			}
			var took time.Duration
			for range 3 { // a signal may end one early
				start := time.Now()
				p.wait(t, 1, time.Millisecond)
				if took = time.Since(start); took >= time.Millisecond {
					break
				}
			}
			if took < time.Millisecond {
				t.Errorf("%d wakes ended more than one Wait: the last after %v", wakes, took)
			}
		}
	})
}

// A Wake hides nothing that is ready, and what is ready loses no Wake.
func TestWakeAmongEvents(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, wr := pipe(t)
		put(t, wr)
		p.add(t, rd, r, 7)
		must(t, p.Wake())
		for range 2 { // with room for one, epoll may hand out the wake alone first
			if got := p.wait(t, 1, -1); len(got) != 0 {
				check(t, p, r, r)
				empty(t, rd)
				must(t, p.Wake())
				if got := p.wait(t, 1, -1); len(got) != 0 {
					t.Errorf("woken: %v fired", got)
				}
				return
			}
		}
		t.Error("the wake hid what was ready")
	})
}

// Whoever posts, then wakes, is heard: were one Wake of these lost, the Wait
// would not end.
func TestWakeFromManyGoroutines(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		const posters, posts = 4, 5000
		var box atomic.Int64
		var all sync.WaitGroup
		for range posters {
			all.Go(func() {
				for range posts {
					box.Add(1)
					if err := p.Wake(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for box.Load() < posters*posts {
			p.wait(t, 1, -1)
		}
		all.Wait()
	})
}

// The same one by one: each post waits until the one before was heard, so every
// single Wake must end a Wait.
func TestWakeOneByOne(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		const rounds = 300
		heard := make(chan struct{})
		var posted atomic.Int64
		var poster sync.WaitGroup
		poster.Go(func() {
			for range rounds {
				posted.Add(1)
				p.Wake()
				<-heard
			}
		})
		for seen := int64(0); seen < rounds; {
			p.wait(t, 1, -1)
			if now := posted.Load(); now > seen {
				seen = now
				heard <- struct{}{}
			}
		}
		poster.Wait()
	})
}

// A Wake beside or after Close touches no descriptor, above all not the one
// that got the waker's number.
func TestWakeAfterClose(t *testing.T) {
	for _, name := range ready.Names() {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				p := open(t, name)
				var wakers sync.WaitGroup
				for range 4 {
					wakers.Go(func() {
						for range 10 {
							if err := p.Wake(); err != nil {
								t.Error(err)
							}
						}
					})
				}
				must(t, p.Close())
				var newcomers []*ipc.FD // they get the poller's numbers
				for range 2 {
					a, b := socketpair(t)
					newcomers = append(newcomers, a, b)
				}
				wakers.Wait()
				must(t, p.Wake())
				for _, fd := range newcomers {
					if n, err := unix.Read(fd.Number(), make([]byte, 8)); err != unix.EAGAIN {
						t.Fatalf("a newcomer received %d bytes (%v)", n, err)
					}
				}
				for _, fd := range newcomers {
					must(t, fd.Close())
				}
			}
		})
	}
}
