package httpd_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/httpd"
)

// More connections at once than select(2) had room for in its day.
func TestManyConnections(t *testing.T) {
	const n = 1100
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if uint64(limit.Cur) < 9*n { // both ends are here, for four pollers at once
		t.Skipf("needs %d open descriptors, the limit is %d (ulimit -n)", 9*n, limit.Cur)
	}
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/": memory("x")}, httpd.Options{Poller: poller, Loops: 2, MaxConnections: 2 * n})
		clients := make([]*client, n)
		for i := range clients {
			clients[i] = r.dial()
		}
		for range 2 {
			for _, c := range clients {
				c.write(request("GET", "/"))
			}
			for _, c := range clients {
				c.read("GET").want(t, 200, "x")
			}
		}
		for _, c := range clients {
			c.Close()
		}
		r.log.await(t, 2*n)
	})
}

// No more connections are held than the bound says, and all clients are served
// in the end.
func TestBound(t *testing.T) {
	const bound, clients = 4, 60
	each(t, func(t *testing.T, poller string) {
		var now, most atomic.Int32
		site := pages{"/": func(*web.Request) *web.Reply {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Millisecond) // others come meanwhile
			now.Add(-1)
			return said("x")
		}}
		r := start(t, site, httpd.Options{Poller: poller, MaxConnections: bound})
		var all sync.WaitGroup
		for range clients {
			c := r.dial()
			all.Go(func() {
				c.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				c.read("GET").want(t, 200, "x")
				c.Close()
			})
		}
		all.Wait()
		if most.Load() > bound {
			t.Errorf("%d connections at once, want %d at most", most.Load(), bound)
		}
	})
}

// At the bound, who waits is served when a connection ends, and not before.
func TestBoundWaits(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/": g.page}, httpd.Options{Poller: poller, MaxConnections: 2})
		var clients []*client
		for range 4 {
			c := r.dial()
			c.write(request("GET", "/"))
			clients = append(clients, c)
		}
		await(t, g.entered, "the first request")
		await(t, g.entered, "the second request")
		never(t, g.entered, "a third request at a bound of two")
		g.answer <- said("x")
		g.answer <- said("x")
		// They are idle now, and make room for the two who wait.
		for _, c := range clients[:2] {
			c.read("GET").want(t, 200, "x")
		}
		await(t, g.entered, "the third request")
		await(t, g.entered, "the fourth request")
		for _, c := range clients[:2] {
			c.wantEnd()
		}
		g.answer <- said("y")
		g.answer <- said("y")
		for _, c := range clients[2:] {
			c.read("GET").want(t, 200, "y")
		}
	})
}

// The one that has been idle longest makes room.
func TestBoundEvictsTheIdle(t *testing.T) {
	t.Parallel()
	r := start(t, pages{"/": memory("x")}, httpd.Options{MaxConnections: 3})
	var clients []*client
	for range 3 {
		c := r.dial()
		c.get("/")
		clients = append(clients, c)
	}
	time.Sleep(short + short/4) // a tick, within which all are as old
	clients[0].get("/")
	r.dial().get("/").want(t, 200, "x")
	clients[1].wantEnd()
	for _, i := range []int{0, 2} {
		clients[i].get("/").want(t, 200, "x")
	}
}

// At the bound a newcomer is not closed for the next one before its request has
// had the time to come.
func TestBoundSparesNewcomers(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/gate": g.page, "/": memory("x")}, httpd.Options{Poller: poller, MaxConnections: 2})
		busy := r.dial()
		busy.write(request("GET", "/gate"))
		await(t, g.entered, "the busy one's request")

		inTime(t, func() error {
			c, d, e := r.dial(), r.dial(), r.dial()
			defer c.Close()
			defer d.Close()
			defer e.Close()
			logged := r.log.change()
			d.write(request("GET", "/"))
			e.write(request("GET", "/"))
			select {
			case <-logged:
				return errors.New("c is taken for idle") // which it becomes, in a second
			case <-time.After(50 * time.Millisecond):
			}
			c.write(request("GET", "/"))
			for _, c := range []*client{c, d, e} {
				p, err := readResponse(c.r, "GET")
				if err != nil {
					return err
				}
				p.want(t, 200, "x")
			}
			return nil
		})

		g.answer <- said("y")
		busy.read("GET").want(t, 200, "y")
	})
}

// Newcomers that stay silent become idle as others do, and make room.
func TestBoundEvictsTheSilent(t *testing.T) {
	t.Parallel()
	r := start(t, pages{"/": memory("x")}, httpd.Options{MaxConnections: 2})
	c, d := r.dial(), r.dial()
	r.dial().get("/").want(t, 200, "x")
	c.wantEnd()
	d.get("/").want(t, 200, "x")
}

// At the bound, one who has sent half of a head, and one who does not send its
// content, make room when they have had their second, and the oldest first. A
// client whose head comes in time keeps its place.
func TestBoundEvictsTheSlow(t *testing.T) {
	const halfHead, noContent = "GET /half HTTP/1.1\r\nHost:", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"
	for name, first := range map[string]string{"half a head": halfHead, "no content": noContent, "an empty line": "\r\n"} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, poller string) {
				g := newGate()
				r := start(t, pages{"/": memory("x"), "/gate": g.page}, httpd.Options{Poller: poller, MaxConnections: 3})
				busy := r.dial()
				busy.write(request("GET", "/gate"))
				await(t, g.entered, "the busy one's request")
				began := time.Now()
				slow := r.dial()
				slow.write(first)
				if first == noContent {
					slow.read("GET").want(t, 200, "x")
				}
				r.barrier()
				half := r.dial()
				half.write(halfHead)
				new := r.dial()
				new.write(request("GET", "/"))
				new.read("GET").want(t, 200, "x")
				if since := time.Since(began); since < 900*time.Millisecond {
					t.Errorf("room was made after %v", since)
				}
				if first == halfHead {
					if p := slow.read("GET"); p.status != 408 || p.field("Connection") != "close" {
						t.Errorf("who sent half a head read %q", p.head)
					}
				}
				slow.wantEnd()
				half.write(" h\r\n\r\n")
				if p := half.read("GET"); p.status != 404 {
					t.Errorf("whose head was complete read %q", p.head)
				}
				g.answer <- said("y")
				busy.read("GET").want(t, 200, "y")
			})
		})
	}
}

// The bound is that of all loops together, wherever its connections are: all idle
// ones make room, and not one more is taken.
func TestBoundOfAllLoops(t *testing.T) {
	const bound = 8
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/gate": g.page, "/": memory("x")}, httpd.Options{Poller: poller, Loops: 4, MaxConnections: bound})
		for range 3 {
			var idle, busy []*client
			for range bound {
				c := r.dial()
				c.get("/").want(t, 200, "x")
				idle = append(idle, c)
			}
			for range bound + 1 {
				c := r.dial()
				c.write(request("GET", "/gate"))
				busy = append(busy, c)
			}
			for range bound {
				await(t, g.entered, "a request, for which an idle connection makes room")
			}
			never(t, g.entered, "a request beyond the bound")
			for _, c := range idle {
				c.wantEnd()
			}
			for range busy {
				g.answer <- said("y")
			}
			await(t, g.entered, "the last request")
			for _, c := range busy {
				if p, err := readResponse(c.r, "GET"); err != nil || p.status != 200 {
					t.Errorf("%v, %v", p, err)
				}
				c.Close()
			}
		}
	})
}

// For debugging: one connection at a time, closed after its reply.
func TestOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/": g.page}, httpd.Options{Poller: poller, OneAtATime: true, Loops: 4, MaxConnections: 100})
		c, d := r.dial(), r.dial()
		c.write(request("GET", "/") + request("GET", "/"))
		d.write(request("GET", "/"))
		await(t, g.entered, "the first request")
		never(t, g.entered, "a second request meanwhile")
		for _, c := range []*client{c, d} {
			g.answer <- said("x")
			p := c.read("GET")
			p.want(t, 200, "x")
			if p.field("Connection") != "close" {
				t.Errorf("%q does not say that the connection is closed", p.head)
			}
			c.wantEnd()
			c.Close()
		}
		await(t, g.entered, "the second request")
	})
}

// With no descriptor left, existing clients go on, a new one is told so, waiting
// costs nothing, and the server recovers by itself.
func TestNoDescriptorLeft(t *testing.T) {
	// Not parallel: the limit is the whole process's.
	for _, poller := range pollers() {
		t.Run(poller, func(t *testing.T) {
			inTime(t, func() error { return noDescriptorLeft(t, poller) })
		})
	}
}

// noDescriptorLeft is a try of TestNoDescriptorLeft. It is in vain when we come
// so late that the listener does not rest any more.
func noDescriptorLeft(t *testing.T, poller string) error {
	g := newGate()
	r := start(t, pages{"/": memory("x"), "/gate": g.page}, httpd.Options{Poller: poller})
	busy := r.dial()
	busy.write(request("GET", "/gate"))
	await(t, g.entered, "the busy one's request")
	refused, waiting := r.socket(), r.socket()

	giveBack := exhaust(t)
	defer giveBack()
	r.connect(refused)
	if got := string(readAll(t, refused)); !strings.HasPrefix(got, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n") ||
		!strings.Contains(got, "\r\nRetry-After: 1\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+string(web.ErrorReply(nil, 503).Body)) {
		t.Errorf("the refused client read %q", got)
	}
	await(t, r.troubles, "a word to Errorf")

	// Who comes within the listener's rest waits. The busy one goes on.
	r.connect(waiting)
	before := processorTime(t)
	g.answer <- said("y")
	busy.read("GET").want(t, 200, "y")
	giveBack()
	if _, err := syscall.Write(waiting, []byte("GET / HTTP/1.0\r\n\r\n")); err != syscall.EPIPE {
		must(t, err)
	}
	got := string(readAll(t, waiting))
	if strings.HasPrefix(got, "HTTP/1.1 503 ") {
		return errors.New("who was to wait is refused")
	}
	if !strings.HasSuffix(got, "x") {
		t.Errorf("who waited got %q", got)
	}
	if spent := processorTime(t) - before; spent > 50*time.Millisecond {
		t.Errorf("waiting took %v of the processor", spent)
	}
	r.dial().get("/").want(t, 200, "x")
	return nil
}

// An idle connection and the open files of the cache give way to a client when
// there is no descriptor left.
func TestNoDescriptorLeftButIdleOnes(t *testing.T) {
	for _, poller := range pollers() {
		t.Run(poller, func(t *testing.T) {
			r := start(t, pages{"/": memory("x"), "/file": file(t, pattern(100_000))}, httpd.Options{Poller: poller})
			idle := r.dial()
			idle.get("/file").want(t, 200, pattern(100_000))
			idle.get("/")
			newcomer := r.socket()
			giveBack := exhaust(t)
			defer giveBack()
			r.connect(newcomer)
			_, err := syscall.Write(newcomer, []byte("GET / HTTP/1.0\r\n\r\n"))
			must(t, err)
			if got := readAll(t, newcomer); string(got[len(got)-1:]) != "x" {
				t.Errorf("the newcomer got %q", got)
			}
		})
	}
}

// socket makes a client's socket that is not connected yet, for when there will
// be no descriptor left.
func (r *rig) socket() int {
	r.t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(r.t, err)
	syscall.CloseOnExec(fd)
	r.t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

func (r *rig) connect(fd int) {
	r.t.Helper()
	must(r.t, syscall.Connect(fd, &syscall.SockaddrUnix{Name: r.at.Path()}))
}

// readAll reads from a blocking socket up to its end.
func readAll(t testing.TB, fd int) (all []byte) {
	t.Helper()
	b := make([]byte, 4096)
	for {
		n, err := syscall.Read(fd, b)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			t.Fatalf("read: %v after %q", err, all)
		case n == 0:
			return all
		default:
			all = append(all, b[:n]...)
		}
	}
}

// exhaust takes all descriptors that the process may have, of which it leaves it
// few.
func exhaust(t testing.TB) (giveBack func()) {
	t.Helper()
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	null, err := os.Open(os.DevNull)
	must(t, err)
	fd := int(null.Fd())
	low := limit
	low.Cur = 64
	for int(low.Cur) <= fd+16 {
		low.Cur *= 2
	}
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	taken := []int{}
	for {
		n, err := syscall.Dup(fd)
		if err != nil {
			break
		}
		syscall.CloseOnExec(n)
		taken = append(taken, n)
	}
	return sync.OnceFunc(func() {
		for _, n := range taken {
			syscall.Close(n)
		}
		null.Close()
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	})
}

// processorTime is what the process has used so far.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
