package httpd_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/web/httpd"
)

// served is within which time a client is served whatever others do.
const served = 2 * time.Second

// holdingUp are the ways to hold a program up, with 600 octets a second.
var holdingUp = map[string]func(net.Conn) error{
	"readers": func(c net.Conn) error {
		if _, err := io.WriteString(c, request("GET", "/cgi-bin/much")); err != nil {
			return err
		}
		return trickle(func(b []byte) error { _, err := io.ReadFull(c, b); return err })
	},
	"content": func(c net.Conn) error {
		const head = "POST /cgi-bin/cat HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n"
		if _, err := io.WriteString(c, head+pattern(70_000)); err != nil {
			return err
		}
		return trickle(func(b []byte) error { _, err := c.Write(b); return err })
	},
}

// trickle passes 600 octets a second until that fails.
func trickle(pass func([]byte) error) error {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		<-pace.C
		if err := pass(make([]byte, 60)); err != nil {
			return err
		}
	}
}

// dialFrom connects from an address of the loopback network.
func dialFrom(ctx context.Context, s *stage, from net.IP) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	return d.DialContext(ctx, "tcp", s.at.AddrPort().String())
}

// places is how many programs run at once: as many as by default on two cores.
const places = 8

// occupy has n clients hold programs up in one way, each coming again when it is
// cut off, until leave. It returns when those who have no place wait.
func occupy(t *testing.T, s *stage, n int, from func(i int) net.IP, slow func(net.Conn) error) (leave func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := dialFrom(ctx, s, from(i))
				if err != nil {
					continue
				}
				stop := context.AfterFunc(ctx, func() { c.Close() })
				slow(c)
				stop()
				c.Close()
			}
		})
	}
	leave = func() {
		cancel()
		all.Wait()
		s.wantNone()
	}
	deadline := time.Now().Add(patience)
	for httpd.FreePlaces(s.Server) > 0 || n > places && httpd.Waiting(s.Server) == 0 {
		if time.Now().After(deadline) {
			leave()
			t.Fatal("waited in vain for all places to be taken")
		}
		time.Sleep(time.Millisecond)
	}
	return leave
}

// TestProgramSlowClients: whatever number of slow clients comes, and comes again,
// an honest one has a program run in time.
func TestProgramSlowClients(t *testing.T) {
	one := func(int) net.IP { return net.IPv4(127, 0, 1, 1) }
	each := func(i int) net.IP { return net.IPv4(127, 0, 2, byte(i+1)) }
	honest := net.IPv4(127, 0, 3, 1)
	for _, test := range []struct {
		name   string
		n      int
		from   func(int) net.IP
		honest net.IP
	}{
		{"12 of one address", 12, one, honest},
		{"12 of one address, which is the honest one's", 12, one, one(0)},
		{"12 addresses", 12, each, honest},
		{"100 of one address", 100, one, honest},
		{"100 addresses", 100, each, honest},
	} {
		for form, slow := range holdingUp {
			t.Run(form+", "+test.name, func(t *testing.T) {
				// On a busy machine a try may be in vain.
				var took time.Duration
				for range 4 {
					if took = askAmong(t, test.n, test.from, slow, test.honest); took <= served {
						return
					}
				}
				t.Errorf("an honest client is served after %v", took)
			})
		}
	}
}

// askAmong returns the longest time in which an honest client is served among n
// slow ones.
func askAmong(t *testing.T, n int, from func(i int) net.IP, slow func(net.Conn) error, honest net.IP) (took time.Duration) {
	s := play(t, map[string]string{
		"much":   plainHead + `exec head -c 50000000 /dev/zero`,
		"cat":    `cat >/dev/null; ` + plainHead,
		"honest": plainHead + `echo served`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{AtOnce: places}})
	leave := occupy(t, s, n, from, slow)
	defer leave()
	for range 3 {
		took = max(took, ask(t, s, honest))
	}
	return took
}

// ask has a client run a program and returns how long that took.
func ask(t *testing.T, s *stage, from net.IP) time.Duration {
	t.Helper()
	began := time.Now()
	c, err := dialFrom(t.Context(), s, from)
	must(t, err)
	defer c.Close()
	c.SetDeadline(began.Add(patience))
	_, err = io.WriteString(c, "GET /cgi-bin/honest HTTP/1.0\r\n\r\n")
	must(t, err)
	answer, err := io.ReadAll(c)
	if !strings.HasSuffix(string(answer), "\r\n\r\nserved\n") || err != nil {
		t.Errorf("an honest client gets %.200q, %v", answer, err)
	}
	return time.Since(began)
}

// TestProgramShare: a client that has all places loses one that is more than its
// share when another waits: the youngest, although it waits for no client.
func TestProgramShare(t *testing.T) {
	s := play(t, map[string]string{
		"long":   plainHead + `echo begun; while [ ! -e "$DIR/go" ]; do sleep 0.02; done; echo over`,
		"honest": plainHead + `echo served`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{AtOnce: 4}})
	var long []*client
	for range 4 {
		conn, err := dialFrom(t.Context(), s, net.IPv4(127, 0, 1, 1))
		must(t, err)
		c := &client{conn, t, bufio.NewReader(patient{conn})}
		defer c.Close()
		c.write(request("GET", "/cgi-bin/long"))
		for line := ""; line != "begun\n"; {
			line, err = c.r.ReadString('\n')
			must(t, err)
		}
		long = append(long, c)
	}
	if took := ask(t, s, net.IPv4(127, 0, 3, 1)); took > served {
		t.Errorf("another client is served after %v", took)
	}
	must(t, os.WriteFile(s.dir+"/go", nil, 0o644))
	for i, c := range long {
		rest, err := io.ReadAll(io.LimitReader(c.r, int64(len("\r\n5\r\nover\n\r\n0\r\n\r\n"))))
		if whole := err == nil && strings.Contains(string(rest), "over\n\r\n0\r\n"); whole != (i < 3) {
			t.Errorf("program %d of 4: %q, %v", i+1, rest, err)
		}
	}
	s.wantNone()
}

// TestProgramFairReader: a client that takes its answer at a fair rate keeps its
// program while another waits and a slow one loses its own.
func TestProgramFairReader(t *testing.T) {
	s := play(t, map[string]string{
		"much":   plainHead + `exec head -c 50000000 /dev/zero`,
		"honest": plainHead + `echo served`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{AtOnce: 2}})
	fair, err := dialFrom(t.Context(), s, net.IPv4(127, 0, 2, 1))
	must(t, err)
	defer fair.Close()
	_, err = io.WriteString(fair, "GET /cgi-bin/much HTTP/1.0\r\n\r\n")
	must(t, err)
	done := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 64<<10)
		for pace := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-pace.C:
			}
			if _, err := io.ReadFull(fair, b); err != nil {
				done <- err
				return
			}
		}
	}()
	slow, err := dialFrom(t.Context(), s, net.IPv4(127, 0, 1, 1))
	must(t, err)
	defer slow.Close()
	_, err = io.WriteString(slow, "GET /cgi-bin/much HTTP/1.0\r\n\r\n")
	must(t, err)
	eventually(t, "places that are all taken", func() bool { return httpd.FreePlaces(s.Server) == 0 })
	for range 3 {
		ask(t, s, net.IPv4(127, 0, 3, 1))
	}
	close(stop)
	if err := <-done; err != nil {
		t.Errorf("the fair client: %v", err)
	}
	slow.SetDeadline(time.Now().Add(patience))
	if n, err := io.Copy(io.Discard, slow); err == nil || n >= 50_000_000 {
		t.Errorf("the slow client gets %d octets, %v", n, err)
	}
	fair.Close()
	s.wantNone()
}
