package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/ipc/addr"
	"xanadu/web"
	"xanadu/web/http1"
)

// A client is the other end of a connection. What it cannot read as a response
// fails the test.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

// dial connects to the server.
func (r *rig) dial() *client {
	r.t.Helper()
	network, address := "unix", r.at.Path()
	if r.at.Network() == addr.TCP {
		network, address = "tcp", r.at.AddrPort().String()
	}
	conn, err := net.Dial(network, address)
	must(r.t, err)
	r.t.Cleanup(func() { conn.Close() })
	return newClient(r.t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(patience))
	return &client{conn, t, bufio.NewReader(patient{conn})}
}

// A patient connection gives each of its Reads a time of its own.
type patient struct{ net.Conn }

func (p patient) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(patience))
	return p.Conn.Read(b)
}

// Close ends the connection now. Closing the descriptor alone may not: a program
// that another test has started at this moment holds a copy until its execve(2).
// Over TCP only the end of what is sent could be told so, and not a reset.
func (c *client) Close() error {
	if conn, ok := c.Conn.(*net.UnixConn); ok {
		conn.CloseRead()
		conn.CloseWrite()
	}
	return c.Conn.Close()
}

// write sends text. A server that has ended the connection meanwhile is no
// error here: it shows in what is read.
func (c *client) write(text string) {
	c.t.Helper()
	err := c.send(text)
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatal(err)
	}
}

// send is write that returns what went wrong.
func (c *client) send(text string) error {
	c.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c.Conn, text)
	return err
}

// request is a usual one.
func request(method, target string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"
}

// get asks for target and returns the response.
func (c *client) get(target string) *response {
	c.t.Helper()
	c.write(request("GET", target))
	return c.read("GET")
}

// read reads the response to a request of the method.
func (c *client) read(method string) *response {
	c.t.Helper()
	p, err := readResponse(c.r, method)
	if err != nil {
		c.t.Fatal("read a response: ", err)
	}
	return p
}

// all reads up to the end of the connection.
func (c *client) all() []byte {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	must(c.t, err)
	return b
}

// wantEnd fails unless the server ends the connection and sends nothing more.
func (c *client) wantEnd() {
	c.t.Helper()
	if b, err := io.ReadAll(c.r); len(b) > 0 || err != nil {
		c.t.Errorf("read %q, %v; want the end of the connection", b, err)
	}
}

// closeWrite ends the client's sending direction.
func (c *client) closeWrite() {
	c.t.Helper()
	must(c.t, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
}

// A response is one that was read whole.
type response struct {
	status int
	head   []string // its lines
	body   []byte
}

// field returns the value of the one field of that name, or "".
func (p *response) field(name string) (value string) {
	for _, line := range p.head[1:] {
		if n, v, _ := strings.Cut(line, ": "); strings.EqualFold(n, name) {
			value = v
		}
	}
	return value
}

func (p *response) want(t testing.TB, status int, body string) {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d", p.status, status)
	}
	if string(p.body) != body {
		t.Errorf("content %.80q of %d octets, want %.80q of %d", p.body, len(p.body), body, len(body))
	}
}

// readResponse reads one response to a request of the method, as strictly as a
// server can write it. The end of r in front of it is io.EOF.
func readResponse(r *bufio.Reader, method string) (*response, error) {
	p := new(response)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && len(p.head) == 0 && line == "" {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("the head ends with %q after %q: %w", line, p.head, err)
		}
		line, ok := strings.CutSuffix(line, "\r\n")
		if ok && line == "" && len(p.head) > 0 {
			break
		}
		well := isField(line)
		if len(p.head) == 0 {
			p.status, well = statusOf(line)
		}
		if !ok || !well {
			return nil, fmt.Errorf("%q is no line of a head, after %q", line, p.head)
		}
		p.head = append(p.head, line)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: %q", err, p.head)
	}
	if method == "HEAD" || p.status == 204 || p.status == 304 {
		return p, nil
	}
	size, err := strconv.Atoi(p.field("Content-Length"))
	if err != nil {
		return nil, fmt.Errorf("Content-Length: %w: %q", err, p.head)
	}
	p.body = make([]byte, size)
	if _, err := io.ReadFull(r, p.body); err != nil {
		return nil, fmt.Errorf("content of %d octets: %w", size, err)
	}
	return p, nil
}

// statusOf reads a status line.
func statusOf(line string) (status int, ok bool) {
	rest, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	code, reason, spaced := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	return status, ok && spaced && err == nil && status >= 200 && status <= 599 && reason == http1.StatusText(status)
}

// isField reports whether line is a name, a colon, one space and a value, which
// is not empty and printable.
func isField(line string) bool {
	name, value, ok := strings.Cut(line, ": ")
	for _, c := range []byte(name) {
		ok = ok && (c == '-' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z')
	}
	for _, c := range []byte(value) {
		ok = ok && ' ' <= c && c <= '~'
	}
	return ok && name != "" && value != "" && strings.TrimSpace(value) == value
}

// check looks for what every response has, and what none has twice.
func (p *response) check() error {
	seen := make(map[string]bool, 8)
	for _, line := range p.head[1:] {
		name, _, _ := strings.Cut(line, ":")
		if seen[name] {
			return fmt.Errorf("two fields %s", name)
		}
		seen[name] = true
	}
	date, ok := web.ParseDate([]byte(p.field("Date")))
	if age := time.Since(date); !ok || age < -time.Second || age > patience {
		return errors.New("no Date, or another one")
	}
	if none := p.status == 204 || p.status == 304; seen["Content-Length"] == none {
		return errors.New("Content-Length where there is none, or none where there is one")
	}
	if seen["Transfer-Encoding"] {
		return errors.New("a coding that nobody asked for")
	}
	return nil
}

// responses reads all that a connection brought as responses, the ones that the
// log tells of: as many, each with its status and as much content.
func responses(all []byte, log []record) (list []*response, err error) {
	r := bufio.NewReader(bytes.NewReader(all))
	for i := 0; ; i++ {
		var rec record
		if i < len(log) {
			rec = log[i]
		}
		method, _, _ := strings.Cut(rec.line, " ")
		if rec.status == 400 && rec.octets > 0 {
			method = "" // what looks like one has not been understood
		}
		p, err := readResponse(r, method)
		if err == io.EOF && i == len(log) {
			return list, nil
		}
		if err != nil {
			return list, fmt.Errorf("response %d of %d in the log: %w", i, len(log), err)
		}
		if p.status != rec.status || int64(len(p.body)) != rec.octets {
			return list, fmt.Errorf("response %d is %d with %d octets, the log says %v", i, p.status, len(p.body), rec)
		}
		list = append(list, p)
	}
}
