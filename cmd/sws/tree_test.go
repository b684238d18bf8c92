package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/ipc/ready"
)

const (
	hugeSize = 100 << 20 // far more than any socket or pipe holds
	maxDepth = 16        // requests in one pipeline
	crowd    = 64        // clients at once
)

// TestTree serves some hundred files of all sizes, and compares every byte that
// comes back over each kind of socket, under each poller by name.
func TestTree(t *testing.T) {
	dir, files, huge := plant(t)
	for _, poller := range ready.Names() {
		t.Run(poller, func(t *testing.T) {
			s := startTree(t, dir, poller)
			for _, at := range s.addresses {
				t.Run(at.family, func(t *testing.T) {
					s.visit(t, at, 1, files)        // kept alive
					s.visit(t, at, maxDepth, files) // pipelined
					s.visit(t, at, 1, huge)
				})
			}
			t.Run("crowd", func(t *testing.T) { s.crowd(t, files) })
			s.stop(t)
		})
	}
}

// A treeFile is a file of the tree and how a client asks for it.
type treeFile struct {
	target  string
	content []byte
}

// plant makes the tree. The sizes stand close around those at which a server
// may go from one way of sending to another, and are dense below 90 KiB.
// Contents are windows on one noise, each its own, so that files mixed up and
// bytes out of place are seen.
func plant(t *testing.T) (dir string, files, huge []treeFile) {
	t.Helper()
	var sizes []int
	for i := range 300 {
		sizes = append(sizes, i*i)
	}
	for n := 512; n <= 1<<20; n *= 2 {
		sizes = append(sizes, n-1, n, n+1)
	}
	hugeOnes := []int{4<<20 + 1, hugeSize}
	if testing.Short() {
		hugeOnes = hugeOnes[:1]
	}
	total := len(sizes) + len(hugeOnes)

	const step = 61 // odd, so that no two files are aligned alike
	noise := make([]byte, hugeOnes[len(hugeOnes)-1]+total*step)
	rand.NewChaCha8([32]byte([]byte("the same noise in every run ...."))).Read(noise)

	dir = t.TempDir()
	for i, size := range append(sizes, hugeOnes...) {
		name := fmt.Sprintf("/%d of size %d.bin", i, size)
		if i%3 != 0 {
			name = fmt.Sprintf("/d%d/été%s", i%7, name)
		}
		f := treeFile{(&url.URL{Path: name}).EscapedPath(), noise[i*step:][:size]}
		if i%50 == 0 {
			name = fmt.Sprintf("/index of %d/index.html", i)
			f.target = (&url.URL{Path: strings.TrimSuffix(name, "index.html")}).EscapedPath()
		}
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, f.content, 0o644); err != nil {
			t.Fatal(err)
		}
		if i < len(sizes) {
			files = append(files, f)
		} else {
			huge = append(huge, f)
		}
	}
	return dir, files, huge
}

// A treeServer is the real command, serving the tree in the foreground.
type treeServer struct {
	addresses []treeAddress
	process   *os.Process
	logged    chan treeTotal // what its log adds up to, once it has ended
	wait      func() error
	stderr    *bytes.Buffer

	mu    sync.Mutex
	asked treeTotal // guarded by mu
}

// A treeAddress is where the server says that it listens: for people, and as
// net.Dial wants it.
type treeAddress struct{ family, network, address string }

// A treeTotal counts what was answered.
type treeTotal struct {
	requests int
	octets   int64
}

func startTree(t *testing.T, dir, poller string) *treeServer {
	t.Helper()
	args := []string{"-f", "-p", "0", "--poller", poller, "--loops", "2", "-l", "-", "-i", "127.0.0.1"}
	if probe, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		probe.Close()
		args = append(args, "-i", "::1")
	} else {
		t.Logf("IPv6 is left out, for the system has none: %v", err)
	}
	args = append(args, "-i", "unix:"+filepath.Join(kit.SocketDir(t), "tree"), dir)

	cmd := sws(t, args...)
	s := &treeServer{logged: make(chan treeTotal, 1), wait: cmd.Wait, stderr: new(bytes.Buffer)}
	cmd.Stderr = s.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	t.Cleanup(func() {
		s.process.Kill() // an error means that stop has ended it
		s.wait()
	})

	lines := bufio.NewScanner(stdout)
	for range strings.Count(strings.Join(args, " "), "-i ") {
		if !lines.Scan() {
			err := s.wait()
			t.Fatalf("sws ended before it listened: %v: %s", err, s.stderr)
		}
		s.addresses = append(s.addresses, parseAddress(t, lines.Text()))
	}
	go func() { s.logged <- addUp(lines) }()
	return s
}

func parseAddress(t *testing.T, line string) treeAddress {
	t.Helper()
	if path, ok := strings.CutPrefix(line, "unix:"); ok {
		return treeAddress{"UNIX", "unix", path}
	}
	u, err := url.Parse(line)
	if err != nil || u.Scheme != "http" || u.Port() == "0" || u.Path != "/" {
		t.Fatalf("listening line %q, want http://HOST:PORT/ or unix:/path", line)
	}
	if strings.HasPrefix(u.Host, "[") {
		return treeAddress{"IPv6", "tcp", u.Host}
	}
	return treeAddress{"IPv4", "tcp", u.Host}
}

var treeLine = regexp.MustCompile(`^(127\.0\.0\.1|::1|unix) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "GET /[!-~]* HTTP/1\.1" 200 (\d+)$`)

// addUp reads the log to its end. A line of another shape, as one of another
// status, is not counted.
func addUp(lines *bufio.Scanner) treeTotal {
	var sum treeTotal
	for lines.Scan() {
		if m := treeLine.FindStringSubmatch(lines.Text()); m != nil {
			n, _ := strconv.ParseInt(m[2], 10, 64)
			sum.add(n)
		}
	}
	return sum
}

func (sum *treeTotal) add(octets int64) {
	sum.requests++
	sum.octets += octets
}

// visit asks for all the files over one connection, depth at a time.
func (s *treeServer) visit(t *testing.T, at treeAddress, depth int, files []treeFile) {
	c, err := s.dial(at)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.conn.Close()
	for len(files) > 0 {
		n := min(depth, len(files))
		if err := c.get(files[:n], n == len(files)); err != nil {
			t.Error(err)
			return
		}
		files = files[n:]
	}
	if n, err := c.in.Discard(1); err != io.EOF {
		t.Errorf("after Connection: close: %d octets, %v, want the end of file", n, err)
	}
}

// crowd lets many clients in at once, evenly over the addresses, each with a
// share of the files, in an order and in pipelines of its own.
func (s *treeServer) crowd(t *testing.T, files []treeFile) {
	var clients sync.WaitGroup
	start := make(chan struct{})
	for i := range crowd {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			var share []treeFile
			for _, n := range random.Perm(len(files))[:len(files)/8] {
				share = append(share, files[n])
			}
			<-start
			s.visit(t, s.addresses[i%len(s.addresses)], 1+random.IntN(maxDepth), share)
		})
	}
	close(start)
	clients.Wait()
}

// stop ends the server as its operator does, and checks that its log has every
// request once.
func (s *treeServer) stop(t *testing.T) {
	t.Helper()
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	logged := <-s.logged
	if err := s.wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
	if s.stderr.Len() > 0 {
		t.Errorf("sws complains: %s", s.stderr)
	}
	if !t.Failed() && logged != s.asked {
		t.Errorf("the log adds up to %+v, want %+v", logged, s.asked)
	}
}

// A treeClient is a connection and a reader of answers that knows no more of
// HTTP than it must, so that it shares no mistake with the server.
type treeClient struct {
	server *treeServer
	conn   net.Conn
	in     *bufio.Reader
	piece  []byte
}

func (s *treeServer) dial(at treeAddress) (*treeClient, error) {
	conn, err := net.Dial(at.network, at.address)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(time.Minute)) // a server that hangs fails here
	return &treeClient{s, conn, bufio.NewReader(conn), make([]byte, 64<<10)}, nil
}

// get asks for the files in one write, with the last one for the end of the
// connection if it is to be so, and reads the answers.
func (c *treeClient) get(files []treeFile, last bool) error {
	var requests bytes.Buffer
	for i, f := range files {
		fmt.Fprintf(&requests, "GET %s HTTP/1.1\r\nHost: tree\r\n", f.target)
		if last && i == len(files)-1 {
			requests.WriteString("Connection: close\r\n")
		}
		requests.WriteString("\r\n")
	}
	if _, err := c.conn.Write(requests.Bytes()); err != nil {
		return err
	}
	for _, f := range files {
		if err := c.read(f.content); err != nil {
			return fmt.Errorf("GET %s: %w", f.target, err)
		}
	}
	return nil
}

// read reads one answer and compares its content.
func (c *treeClient) read(want []byte) error {
	if err := c.readHead(len(want)); err != nil {
		return err
	}
	for at := 0; at < len(want); {
		n, err := c.in.Read(c.piece[:min(len(c.piece), len(want)-at)])
		if got := c.piece[:n]; !bytes.Equal(got, want[at:at+n]) {
			for i := range got {
				if got[i] != want[at+i] {
					return fmt.Errorf("octet %d of %d is %#02x, want %#02x", at+i, len(want), got[i], want[at+i])
				}
			}
		}
		at += n
		if err != nil {
			return fmt.Errorf("after %d of %d octets: %w", at, len(want), err)
		}
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.asked.add(int64(len(want)))
	return nil
}

func (c *treeClient) readHead(want int) error {
	status, err := c.in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("status line %q: %w", status, err)
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("status line %q, want 200", status)
	}
	length := ""
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("head line %q: %w", line, err)
		}
		if line == "\r\n" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			if length != "" {
				return errors.New("two Content-Length fields")
			}
			length = strings.TrimSpace(value)
		}
	}
	if length != strconv.Itoa(want) {
		return fmt.Errorf("Content-Length %q, want %d", length, want)
	}
	return nil
}
