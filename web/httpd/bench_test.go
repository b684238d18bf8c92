package httpd_test

import (
	"strings"
	"syscall"
	"testing"

	"xanadu/internal/kit"
	"xanadu/web/httpd"
)

// exchange is a client that makes no garbage: it sends a request and reads a
// response of known length, from a blocking socket.
type exchange struct {
	t       testing.TB
	fd      int
	request []byte
	reply   []byte
	size    int // of the response
}

// exchange asks for a document of so many octets.
func (r *rig) exchange(size int) *exchange {
	r.t.Helper()
	c := r.dial()
	p := c.get("/")
	if len(p.body) != size {
		r.t.Fatalf("%d octets of content, want %d", len(p.body), size)
	}
	e := &exchange{t: r.t, request: []byte(request("GET", "/")), reply: make([]byte, 1<<20)}
	e.size = len(strings.Join(p.head, "\r\n")) + len("\r\n\r\n") + size
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	must(r.t, err)
	raw.Control(func(fd uintptr) { e.fd, err = syscall.Dup(int(fd)) })
	must(r.t, err)
	r.t.Cleanup(func() { syscall.Close(e.fd) })
	must(r.t, syscall.SetNonblock(e.fd, false))
	return e
}

func (e *exchange) once() {
	if _, err := syscall.Write(e.fd, e.request); err != nil {
		e.t.Fatal(err)
	}
	for got := 0; got < e.size; {
		n, err := syscall.Read(e.fd, e.reply)
		if err != nil || n <= 0 {
			e.t.Fatalf("%d, %v", n, err)
		}
		got += n
	}
}

// What runs for ever on the usual path, a document that is kept asked for on a
// connection that is kept, must not leave garbage behind.
func TestNoAllocationPerRequest(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector allocates")
	}
	for _, poller := range pollers() { // not parallel: all goroutines are counted
		t.Run(poller, func(t *testing.T) {
			for _, size := range []int{0, 1000, 20_000} {
				quiet := &quietLog{}
				r := start(t, pages{"/": memory(pattern(size))}, httpd.Options{Poller: poller, Log: quiet})
				e := r.exchange(size)
				e.once()
				if n := testing.AllocsPerRun(50, e.once); n > 0 {
					t.Errorf("%v allocations per request of %d octets", n, size)
				}
			}
		})
	}
}

func BenchmarkKeepAlive(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"1KiB", 1 << 10}, {"100KiB", 100 << 10}} {
		b.Run(bench.name, func(b *testing.B) {
			r := startTCP(b, pages{"/": memory(pattern(bench.size))}, httpd.Options{Log: &quietLog{}})
			e := r.exchange(bench.size)
			b.SetBytes(int64(bench.size))
			b.ReportAllocs()
			for b.Loop() {
				e.once()
			}
		})
	}
}

func BenchmarkConnection(b *testing.B) {
	r := startTCP(b, pages{"/": memory(pattern(1 << 10))}, httpd.Options{Log: &quietLog{}})
	at := r.at.AddrPort()
	to := &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	ask := []byte("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	buf := make([]byte, 64<<10)
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	for b.Loop() {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		must(b, err)
		must(b, syscall.Connect(fd, to))
		_, err = syscall.Write(fd, ask)
		must(b, err)
		for n := 1; n > 0; {
			n, err = syscall.Read(fd, buf)
			must(b, err)
		}
		syscall.Close(fd)
	}
}
