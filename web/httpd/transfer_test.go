package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"xanadu/web"
	"xanadu/web/httpd"
)

// longSize is more than any socket or pipe holds, and no round number.
const longSize = 5<<20 + 12345

// A long document comes through to the octet, in whole, in part and in parts,
// from memory and from a file, over both kinds of sockets.
func TestLongDocument(t *testing.T) {
	body := pattern(longSize)
	each(t, func(t *testing.T, poller string) {
		site := pages{"/memory": memory(body), "/file": file(t, body)}
		for _, r := range []*rig{
			start(t, site, httpd.Options{Poller: poller}),
			startTCP(t, site, httpd.Options{Poller: poller}),
		} {
			c := r.dial()
			for _, target := range []string{"/memory", "/file"} {
				get := func(ranges string) *response {
					c.write("GET " + target + " HTTP/1.1\r\nHost: h\r\nRange: " + ranges + "\r\n\r\n")
					return c.read("GET")
				}
				c.get(target).want(t, 200, body)
				get("bytes=100000-5000000").want(t, 206, body[100_000:5_000_001])
				p := get("bytes=5-1000000, 2000000-2000000, -2000000")
				_, boundary, _ := strings.Cut(p.field("Content-Type"), "boundary=")
				part := func(from, to int) string {
					return fmt.Sprintf("\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s",
						boundary, from, to, longSize, body[from:to+1])
				}
				p.want(t, 206, part(5, 1_000_000)+part(2_000_000, 2_000_000)+part(longSize-2_000_000, longSize-1)+
					"\r\n--"+boundary+"--\r\n")
				c.write(request("HEAD", target))
				c.read("HEAD").want(t, 200, "")
				c.get(target).want(t, 200, body)
			}
			log := r.log.await(t, 10)
			if log[0].octets != longSize || log[1].octets != 4_900_001 || log[3].octets != 0 || log[7].octets != log[2].octets {
				t.Errorf("log: %v", log)
			}
		}
	})
}

// As many parts as there may be come through, in the order they were asked for,
// and one more is answered with the whole.
func TestManyParts(t *testing.T) {
	const size = 4 << 20
	body := pattern(size)
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/memory": memory(body), "/file": file(t, body)}, httpd.Options{Poller: poller})
		c := r.dial()
		for _, length := range []int{1, 700, 18_000} {
			for _, target := range []string{"/memory", "/file"} {
				for _, n := range []int{17, 20, 100, web.MaxSpans, web.MaxSpans + 1} {
					var ranges, want strings.Builder
					for i := n; i > 0; i-- {
						fmt.Fprintf(&ranges, ",%d-%d", i*20_000, i*20_000+length-1)
					}
					c.write("GET " + target + " HTTP/1.1\r\nHost: h\r\nRange: bytes=" + ranges.String()[1:] + "\r\n\r\n")
					p := c.read("GET")
					if n > web.MaxSpans {
						p.want(t, 200, body)
						continue
					}
					_, boundary, _ := strings.Cut(p.field("Content-Type"), "boundary=")
					for i := n; i > 0; i-- {
						fmt.Fprintf(&want, "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s",
							boundary, i*20_000, i*20_000+length-1, size, body[i*20_000:][:length])
					}
					p.want(t, 206, want.String()+"\r\n--"+boundary+"--\r\n")
				}
			}
		}
	})
}

// Of a document without validators, a part goes out without any.
func TestPartWithoutValidator(t *testing.T) {
	page := func(*web.Request) *web.Reply {
		p := said("0123456789")
		p.Ranges = true
		return p
	}
	r := start(t, pages{"/": page}, httpd.Options{})
	c := r.dial()
	for _, test := range []struct {
		field  string
		status int
		body   string
	}{
		{"Range: bytes=2-4", 206, "234"},
		{"Range: bytes=2-4\r\nIf-Range: \"x\"", 200, "0123456789"},
		{"Accept: */*", 200, "0123456789"},
	} {
		c.write("GET / HTTP/1.1\r\nHost: h\r\n" + test.field + "\r\n\r\n")
		p := c.read("GET")
		p.want(t, test.status, test.body)
		if got := p.field("Accept-Ranges") + p.field("ETag") + p.field("Last-Modified"); got != "bytes" {
			t.Errorf("%s: Accept-Ranges, ETag and Last-Modified are %q together, want bytes", test.field, got)
		}
	}
}

// Lengths around those at which one way of sending goes over into another.
func TestLengths(t *testing.T) {
	site := make(pages)
	var sizes []int
	for _, size := range []int{0, 1, 4 << 10, 12 << 10, 16 << 10, 44 << 10, 60 << 10, 64 << 10, 1 << 20, 2 << 20} {
		for n := max(0, size-1); n <= size+1; n++ {
			sizes = append(sizes, n)
			site[fmt.Sprint("/m", n)] = memory(pattern(n))
			site[fmt.Sprint("/f", n)] = file(t, pattern(n))
		}
	}
	each(t, func(t *testing.T, poller string) {
		r := start(t, site, httpd.Options{Poller: poller})
		c := r.dial()
		for range 2 { // asked of the site, then kept
			for _, n := range sizes {
				c.write(request("GET", fmt.Sprint("/m", n)) + request("GET", fmt.Sprint("/f", n)))
				c.read("GET").want(t, 200, pattern(n))
				c.read("GET").want(t, 200, pattern(n))
			}
		}
	})
}

// aborted reads what comes of a response until the connection ends, and wants it
// to be the first part of the body and no more. The log tells how much it was.
func (r *rig) aborted(c *client, size int, body string) {
	r.t.Helper()
	length := ""
	for {
		line, err := c.r.ReadString('\n')
		must(r.t, err)
		if line == "\r\n" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length = value
		}
	}
	if length != fmt.Sprintf("%d\r\n", size) {
		r.t.Errorf("Content-Length: %s, want %d", length, size)
	}
	got := c.all()
	if len(got) >= size || !strings.HasPrefix(body, string(got)) {
		r.t.Errorf("%d octets of content, which are not the first of the %d there are", len(got), len(body))
	}
	r.log.want(r.t, record{"GET / HTTP/1.1", 200, int64(len(got))}.String())
}

// A file that becomes shorter while it is sent: the connection ends. It is not
// padded, and the next response is not taken for its rest.
func TestFileCutDuringTransfer(t *testing.T) {
	const size = 6 << 20
	each(t, func(t *testing.T, poller string) {
		path := filepath.Join(t.TempDir(), "file")
		body := pattern(size)
		must(t, os.WriteFile(path, []byte(body), 0o600))
		r := start(t, pages{"/": open(path, size)}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/") + request("GET", "/"))
		_, err := c.r.Peek(1) // it has begun
		must(t, err)
		must(t, os.Truncate(path, size/2))
		r.aborted(c, size, body[:size/2])
	})
}

// A file that has become shorter before it is sent.
func TestFileCutBeforeTransfer(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		path := filepath.Join(t.TempDir(), "file")
		must(t, os.WriteFile(path, []byte("short"), 0o600))
		r := start(t, pages{"/": open(path, 100_000)}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/") + request("GET", "/"))
		r.aborted(c, 100_000, "short")
	})
}

// A client that goes away in the midst of a transfer: the log tells how much it
// was, and the file is closed.
func TestClientGoesDuringTransfer(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		body := pattern(longSize)
		r := start(t, pages{"/f": file(t, body), "/m": memory(body), "/": memory("next")}, httpd.Options{Poller: poller})
		for i, target := range []string{"/f", "/m"} {
			c := r.dial()
			c.write(request("GET", target))
			_, err := io.CopyN(io.Discard, c.r, 10_000) // the head and more
			must(t, err)
			c.Close()
			rec := r.log.await(t, i+1)[i]
			if rec.octets <= 0 || rec.octets >= longSize {
				t.Errorf("log: %v", rec)
			}
		}
		r.dial().get("/").want(t, 200, "next")
	})
}

// Many clients take long documents at once, each at its own pace.
func TestLongDocumentsAtOnce(t *testing.T) {
	body := pattern(2 << 20)
	each(t, func(t *testing.T, poller string) {
		site := pages{"/f": file(t, body), "/m": memory(body), "/": memory("short")}
		r := startTCP(t, site, httpd.Options{Poller: poller, Loops: 2})
		var all sync.WaitGroup
		for i := range 12 {
			c := r.dial()
			all.Go(func() {
				c.r = bufio.NewReaderSize(patient{c.Conn}, 1<<(10+i%6))
				for range 2 {
					c.get([]string{"/f", "/m"}[i%2]).want(t, 200, body)
					c.get("/").want(t, 200, "short")
				}
			})
		}
		all.Wait()
	})
}

// The cache keeps no more files open than it may, which are fewer while many
// clients are connected.
func TestFilesInCache(t *testing.T) {
	const n = 300
	dir := t.TempDir()
	site := make(pages)
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		must(t, os.WriteFile(path, []byte(pattern(20_000+i)), 0o600))
		site[fmt.Sprint("/", i)] = open(path, 20_000+i)
	}
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 400
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	r := start(t, site, httpd.Options{})
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))

	share, lent, few := httpd.Files(r.Server)
	if share+lent >= n || few < 4 {
		t.Fatalf("%d files may be open, and %d more with %d clients: the test is for fewer files", share, lent, few)
	}
	check := func(when string, least, most int) {
		t.Helper()
		c := r.dial()
		defer c.Close()
		for i := range n {
			c.get(fmt.Sprint("/", i)).want(t, 200, pattern(20_000+i))
		}
		r.barrier()
		if got := openFiles(t, dir); got < least || got > most {
			t.Errorf("%s: %d documents are kept open, want %d to %d", when, got, least, most)
		}
	}
	check("one client", share+1, share+lent)
	var clients []*client
	for range few + 1 {
		c := r.dial()
		c.get("/0")
		clients = append(clients, c)
	}
	r.barrier()
	if got := openFiles(t, dir); got > share {
		t.Errorf("many clients have come: %d documents are kept open, want %d at most", got, share)
	}
	check("many clients", 1, share)
	for _, c := range clients {
		c.Close()
	}
	r.barrier()
	check("one client again", share+1, share+lent)
}

// openFiles counts the descriptors of files below dir.
func openFiles(t testing.TB, dir string) (n int) {
	t.Helper()
	const list = "/proc/self/fd"
	entries, err := os.ReadDir(list)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("this system has no " + list)
	}
	must(t, err)
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(list, e.Name())); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// A site that does not say how long a document keeps is asked each time.
func TestNotKept(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		n := 0
		site := pages{"/": func(*web.Request) *web.Reply {
			n++
			return said(fmt.Sprint(n))
		}}
		r := start(t, site, httpd.Options{Poller: poller})
		c := r.dial()
		for i := 1; i <= 3; i++ {
			c.get("/").want(t, 200, fmt.Sprint(i))
		}
		c.write("GET / HTTP/1.0\r\n\r\n")
		if b, err := io.ReadAll(c.r); err != nil || !strings.HasSuffix(string(b), "\r\n\r\n4") {
			t.Errorf("%q, %v", b, err)
		}
	})
}
