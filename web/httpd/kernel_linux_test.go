package httpd_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"xanadu/ipc/addr"
	"xanadu/web/httpd"
)

// A client that does not read what it has asked for is given up after a while,
// however the connection comes to its end, and nothing waits for it in the
// kernel: it is reset.
func TestNothingIsLeftToTheKernel(t *testing.T) {
	const held = 1 << 20 // what the kernel takes at once, and the client's side does not
	for _, test := range []struct {
		name string
		opt  httpd.Options
		ask  func(t *testing.T, r *rig, c *client)
	}{
		{"stuck", httpd.Options{ReplyTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/long"))
		}},
		{"idle", httpd.Options{IdleTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/held"))
		}},
		{"to be closed", httpd.Options{ReplyTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write("GET /held HTTP/1.0\r\n\r\n")
		}},
		{"ended by the client", httpd.Options{ReplyTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/held"))
			r.log.await(t, 1)
			c.closeWrite()
		}},
		{"refused", httpd.Options{ReplyTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/held") + "\r\n\r\n\r\n")
		}},
		{"content does not come", httpd.Options{ContentTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write("GET /held HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
		}},
		{"evicted", httpd.Options{MaxConnections: 1}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/held"))
			r.log.await(t, 1)
			r.dial().get("/").want(t, 200, "x")
		}},
		{"at the end", httpd.Options{ReplyTimeout: short}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/held"))
			r.log.await(t, 1)
			r.Shutdown(patience)
		}},
		{"cut at the end", httpd.Options{}, func(t *testing.T, r *rig, c *client) {
			c.write(request("GET", "/long"))
			_, err := c.r.Peek(1)
			must(t, err)
			r.Shutdown(short)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := startTCP(t, pages{"/": memory("x"), "/held": memory(pattern(held)), "/long": memory(pattern(longSize))}, test.opt)
			c := newClient(t, dialSmall(t, r.at))
			test.ask(t, r, c)
			local, peer := c.RemoteAddr().(*net.TCPAddr).Port, c.LocalAddr().(*net.TCPAddr).Port
			eventually(t, "the end of the server's socket", func() bool { return !exists(t, local, peer) })
			if _, err := io.ReadAll(c.r); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection ended with %v, want a reset", err)
			}
		})
	}
}

// A client that reads slowly, but its fair part, gets all of a reply behind which
// the connection is closed.
func TestSlowReaderOfAClosedConnection(t *testing.T) {
	t.Parallel()
	const held = 1 << 20
	const timeout = 3 * short
	r := startTCP(t, pages{"/": memory(pattern(held))}, httpd.Options{ReplyTimeout: timeout})
	inTime(t, func() error {
		c := newClient(t, dialSmall(t, r.at))
		defer c.Close()
		c.write("GET / HTTP/1.0\r\n\r\n")
		c.r.Reset(&slowly{patient{c.Conn}, held / 16, short / 2})
		p, err := readResponse(c.r, "GET")
		if err != nil {
			return err
		}
		p.want(t, 200, pattern(held))
		c.wantEnd()
		return nil
	})
}

// dialSmall connects to a, with a receive buffer that takes little.
func dialSmall(t *testing.T, a addr.Addr) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		e := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return errors.Join(e, err)
	}}
	conn, err := d.Dial("tcp", a.AddrPort().String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// exists reports whether the kernel has a TCP socket from one port of this host
// to another, in whatever state.
func exists(t *testing.T, from, to int) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Skip("the kernel's sockets cannot be listed: ", err)
	}
	return strings.Contains(string(table), fmt.Sprintf(" 0100007F:%04X 0100007F:%04X ", from, to))
}
