package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// A command is sws in the foreground. Its stdout is read line by line; what it
// complains of is kept for the end.
type command struct {
	*exec.Cmd
	stdout *bufio.Reader
	pipe   io.Closer // the reader's end of stdout
	stderr bytes.Buffer
	at     string // HOST:PORT, or the path of a UNIX socket
}

// foreground starts sws -f with one address, and waits until it listens. It is
// killed when the test ends before it.
func foreground(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{Cmd: sws(t, append([]string{"-f", "-p", "0"}, args...)...)}
	c.begin(t)
	c.listens(t)
	return c
}

// listens waits until the command says where it listens.
func (c *command) listens(t *testing.T) {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("sws ended before it listened: %v, %s", c.Wait(), &c.stderr)
	}
	c.at = strings.TrimSuffix(line, "\n")
	c.at = strings.TrimPrefix(c.at, "unix:")
	c.at = strings.TrimSuffix(strings.TrimPrefix(c.at, "http://"), "/")
}

func (c *command) begin(t *testing.T) {
	t.Helper()
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout, c.pipe = bufio.NewReader(pipe), pipe
	if c.Stderr == nil {
		c.Stderr = &c.stderr
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait() // an error means that end has waited
	})
}

// dial connects to the server.
func (c *command) dial(t *testing.T) net.Conn {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(c.at) {
		network = "unix"
	}
	conn, err := net.Dial(network, c.at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hangs))
	return conn
}

// ask sends a request, whose connection the server closes, and returns all that
// comes back.
func (c *command) ask(t *testing.T, request string) string {
	t.Helper()
	conn := c.dial(t)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v after %q", err, answer)
	}
	conn.Close()
	return string(answer)
}

// signal sends sig.
func (c *command) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := c.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end waits for the command and compares its exit status and what it complained
// of. It returns the rest of its stdout.
func (c *command) end(t *testing.T, status int, stderr string) string {
	t.Helper()
	rest, _ := io.ReadAll(c.stdout)
	c.Wait()
	if got := c.ProcessState.ExitCode(); got != status {
		t.Errorf("%v, want exit status %d", c.ProcessState, status)
	}
	if got := c.stderr.String(); got != stderr {
		t.Errorf("stderr: got %q, want %q", got, stderr)
	}
	return string(rest)
}

// documents makes a document root with a file "file" of some octets.
func documents(t *testing.T, octets int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), bytes.Repeat([]byte("x"), octets), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestHelpAndVersion(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"-h", usage()},
		{"--help", usage()},
		{"--completion=bash", completion("bash")},
		{"--version", "sws " + version + "\n"},
	} {
		cmd := sws(t, c.flag)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		if err != nil || string(stdout) != c.want || stderr.Len() > 0 {
			t.Errorf("%s: %v, stdout %q, stderr %q", c.flag, err, stdout, &stderr)
		}
	}
}

// Every failure is one line that names the thing and says what to do, and the
// same whether the daemon or the command in the foreground meets it.
func TestFailures(t *testing.T) {
	docs := documents(t, 1)
	file := filepath.Join(docs, "file")
	socket := filepath.Join(kit.SocketDir(t), "taken")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenUnix, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer takenUnix.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}

	free := []string{"-i", "127.0.0.1", "-p", "0"}
	for _, c := range []struct {
		name   string
		skip   string // why not, if so
		args   []string
		status int
		want   string
	}{
		{"missing directory", "", append(free, docs+"/none"), 1,
			"serve " + docs + "/none: open: no such file or directory; name a directory or a file that exists"},
		{"file for a directory", "", append(free, file+"/sub"), 1,
			"serve " + file + "/sub: open: not a directory; name a directory or a regular file"},
		{"device", "", append(free, os.DevNull), 1,
			"serve " + os.DevNull + ": open: not a directory; name a directory or a regular file"},
		{"programs beside a file", "", append(free, "-c", docs, file), 1,
			"serve " + file + ": a single file is served without CGI programs; name its directory"},
		{"users beside a file", "", append(free, "--user-dir", "www", file), 1,
			"serve " + file + ": a single file is served without user directories; name its directory"},
		{"unreadable directory", asRoot("root reads every directory"), append(free, closed), 1,
			"serve " + closed + ": open: permission denied; whoever serves it must be able to read and search it (chmod a+rx)"},
		{"name with control characters", "", append(free, docs+"/a\x1b\nb"), 1,
			"serve " + docs + `/a\x1b; b: open: no such file or directory; name a directory or a file that exists`},
		{"port in use", "", []string{"-i", "127.0.0.1", "-p", port, docs}, 1,
			"listen tcp:127.0.0.1:" + port + ": bind: address already in use; stop the server that listens there, or choose another port with -p"},
		{"port of root", asRoot("root may use every port"), []string{"-i", "127.0.0.1", "-p", "1", docs}, 1,
			"listen tcp:127.0.0.1:1: bind: permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE; choose another one with -p"},
		{"address of another host", "", []string{"-i", "192.0.2.1", "-p", "0", docs}, 1,
			"listen tcp:192.0.2.1:0: bind: cannot assign requested address; choose another address with -i"},
		{"UNIX socket in use", "", []string{"-i", "unix:" + socket, docs}, 1,
			"listen unix:" + socket + ": bind: address already in use: a process has that socket open; stop the server that listens there, or name another path with -i"},
		{"UNIX socket in no directory", "", []string{"-i", "unix:/nowhere/s", docs}, 1,
			"listen unix:/nowhere/s: bind: no such file or directory; name another path with -i"},
		{"log in no directory", "", append(free, "-l", docs+"/none/log", docs), 1,
			"log " + docs + "/none/log: open: no such file or directory; name a file that can be written with -l"},
		{"log that is a directory", "", append(free, "-l", docs, docs), 1,
			"log " + docs + ": open: is a directory; name a file that can be written with -l"},
		{"unwritable log", asRoot("root writes everywhere"), append(free, "-l", closed+"/log", docs), 1,
			"log " + closed + "/log: open: permission denied; name a file that can be written with -l"},
		{"port too large", "", []string{"-p", "99999", docs}, 2, `-p: the port must be 0 to 65535, not "99999"`},
		{"port of letters", "", []string{"-p", "80a", docs}, 2, `-p: the port must be 0 to 65535, not "80a"`},
		{"bad address", "", []string{"-i", "1.2.3", docs}, 2,
			`-i: "1.2.3" is neither an IP address nor a host name: an IPv4 address is four numbers from 0 to 255`},
		{"unknown flag", "", []string{"-x", docs}, 2, "unknown option -x; sws -h shows the usage"},
		{"programs among documents", "", []string{"-c", docs, docs}, 1,
			"run programs from " + docs + ": the documents lie in it; give the programs a directory of their own"},
	} {
		for mode, flags := range map[string][]string{"daemon": nil, "foreground": {"-f"}} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				if c.skip != "" {
					t.Skip(c.skip)
				}
				cmd := sws(t, append(flags, c.args...)...)
				var stdout, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				cmd.Run()
				if got, want := stderr.String(), "sws: "+c.want+"\n"; got != want {
					t.Errorf("stderr:\ngot  %swant %s", got, want)
				}
				if got := cmd.ProcessState.ExitCode(); got != c.status {
					t.Errorf("%v, want exit status %d", cmd.ProcessState, c.status)
				}
				if stdout.Len() > 0 {
					t.Errorf("stdout: %q", &stdout)
				}
			})
		}
	}
}

// asRoot returns why when the tests run as root.
func asRoot(why string) string {
	if os.Getuid() == 0 {
		return why
	}
	return ""
}

// everywhere is a pattern for the URLs of a server that listens on all addresses:
// those of IPv6 may be missing.
func everywhere(t *testing.T) string {
	t.Helper()
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	pattern := `http://127\.0\.0\.1:(\d+)/\n(http://\[::1\]:(\d+)/\n)?`
	for _, a := range interfaces {
		if ip := a.(*net.IPNet).IP; ip.To4() != nil && !ip.IsLoopback() {
			pattern += `http://` + regexp.QuoteMeta(ip.String()) + `:(\d+)/\n`
		}
	}
	return pattern + `(http://\[[0-9a-f:%a-z.]+\]:(\d+)/\n)*`
}

func TestServesWhereItSays(t *testing.T) {
	docs := documents(t, 7)
	const request = "GET /file HTTP/1.0\r\n\r\n"
	for _, c := range []struct {
		name string
		args []string
		want string // a pattern, of the lines that say where
	}{
		{"everywhere", nil, everywhere(t)},
		{"IPv4", []string{"-i", "127.0.0.1"}, `http://127\.0\.0\.1:(\d+)/\n`},
		{"UNIX", []string{"-i", "unix:" + filepath.Join(kit.SocketDir(t), "s")}, `unix:/.*/s\n`},
		{"several", []string{"-i", "127.0.0.1", "-i", "unix:" + filepath.Join(kit.SocketDir(t), "s")},
			`http://127\.0\.0\.1:(\d+)/\nunix:/.*/s\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := foreground(t, append(c.args, docs)...)
			if got := cmd.ask(t, request); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "\r\n\r\nxxxxxxx") {
				t.Errorf("got %q", got)
			} else if !strings.Contains(got, "\r\nServer: sws/"+version+"\r\n") {
				t.Errorf("no Server field in %q", got)
			}
			cmd.signal(t, syscall.SIGTERM)
			rest := cmd.end(t, 0, "")
			said := "http://" + cmd.at + "/\n" + rest
			if filepath.IsAbs(cmd.at) {
				said = "unix:" + cmd.at + "\n" + rest
				if _, err := os.Lstat(cmd.at); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the socket's file is left: %v", err)
				}
			}
			if !regexp.MustCompile("^" + c.want + "$").MatchString(said) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// The manual's log, octet by octet, through the whole server.
func TestLogLines(t *testing.T) {
	docs := documents(t, 1406)
	socket := filepath.Join(kit.SocketDir(t), "s")
	for _, at := range []struct{ name, peer, flag string }{
		{"TCP", "127.0.0.1", "127.0.0.1"},
		{"UNIX", "127.0.0.1", "unix:" + socket},
	} {
		t.Run(at.name, func(t *testing.T) {
			cmd := foreground(t, "-l", "-", "-i", at.flag, docs)
			for _, c := range []struct{ request, want string }{
				{"GET /file HTTP/1.0\r\n\r\n", `"GET /file HTTP/1.0" 200 1406`},
				{"HEAD /file HTTP/1.0\r\n\r\n", `"HEAD /file HTTP/1.0" 200 0`},
				{"GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", `"GET /file HTTP/1.1" 200 1406`},
				{"GET /none?a=\"b\\ HTTP/1.0\r\n\r\n", `"GET /none?a=\x22b\x5c HTTP/1.0" 404 `},
				{"GET /\xc3\xa9 HTTP/1.0\r\n\r\n", `"GET /\xc3\xa9 HTTP/1.0" 404 `},
				{"GET /\x1b[31m HTTP/1.0\r\n\r\n", `"GET /\x1b[31m HTTP/1.0" 400 `},
				{"GET /\nfile HTTP/1.0\r\n\r\n", `"GET /" 400 `},
				{"\x00\xff\r\n\r\n", `"\x00\xff" 400 `},
			} {
				before := time.Now().UTC().Truncate(time.Second)
				answer := cmd.ask(t, c.request)
				line, err := cmd.stdout.ReadString('\n')
				after := time.Now()
				if err != nil {
					t.Fatal(err)
				}
				peer, rest, _ := strings.Cut(line, " ")
				stamp, rest, _ := strings.Cut(rest, " ")
				if strings.HasSuffix(c.want, " ") { // an error page, as long as it is
					_, page, _ := strings.Cut(answer, "\r\n\r\n")
					c.want += strconv.Itoa(len(page))
				}
				if peer != at.peer || rest != c.want+"\n" {
					t.Errorf("got %q, want %s TIME %s", line, at.peer, c.want)
				}
				when, err := time.Parse("2006-01-02T15:04:05Z", stamp)
				if err != nil || when.Before(before) || when.After(after) {
					t.Errorf("time %q of a request between %v and %v", stamp, before, after)
				}
			}
			cmd.signal(t, syscall.SIGINT)
			if rest := cmd.end(t, 0, ""); rest != "" {
				t.Errorf("more lines than requests: %q", rest)
			}
		})
	}
}

// -d is one connection at a time, closed after its reply, and nothing but the
// log on stdout, whatever -l says.
func TestDebug(t *testing.T) {
	const size = 16 << 20 // more than the sockets between hold
	docs := documents(t, size)
	log := filepath.Join(t.TempDir(), "log")
	cmd := &command{Cmd: sws(t, "-d", "-p", "0", "-i", "127.0.0.1", "-l", log, docs)}
	complaints, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.begin(t)
	stderr := bufio.NewReader(complaints)
	line, err := stderr.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	cmd.at = strings.TrimSuffix(strings.TrimPrefix(line, "http://"), "/\n")

	// The first client is slow to take its reply; the second has to wait.
	first := cmd.dial(t)
	io.WriteString(first, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := io.ReadFull(first, make([]byte, 15)); err != nil {
		t.Fatal(err)
	}
	second := cmd.dial(t)
	io.WriteString(second, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
	for i, conn := range []net.Conn{first, second} {
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
		conn.Close() // until then the server reads on for a while
	}
	cmd.signal(t, syscall.SIGTERM)
	lines, _ := io.ReadAll(cmd.stdout)
	order := regexp.MustCompile(`^.* "GET /file HTTP/1.1" 200 16777216\n.* "GET /none HTTP/1.1" 404 \d+\n$`)
	if !order.Match(lines) {
		t.Errorf("stdout: %q", lines)
	}
	if rest, _ := io.ReadAll(stderr); len(rest) > 0 {
		t.Errorf("stderr: %q", rest)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(log); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of -l: %v", err)
	}
}

// A moved log is opened anew; what cannot be opened is said, and the old one is
// written on.
func TestHangUpReopensLog(t *testing.T) {
	docs := documents(t, 3)
	logs := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(logs, "log")
	cmd := foreground(t, "-i", "127.0.0.1", "-l", log, docs)
	request := func(n int) { cmd.ask(t, fmt.Sprintf("GET /%d HTTP/1.0\r\n\r\n", n)) }
	request(1)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	cmd.signal(t, syscall.SIGHUP)
	// That the file is there does not yet mean that lines go to it.
	written := func(line string) bool {
		b, _ := os.ReadFile(log)
		return bytes.Contains(b, []byte(line))
	}
	eventually(t, "a line in the new log", func() bool {
		cmd.ask(t, "GET /new HTTP/1.0\r\n\r\n")
		return written(`"GET /new `)
	})
	request(2)
	eventually(t, "the second line in the new log", func() bool { return written(`"GET /2 `) })

	away := logs + ".away"
	if err := os.Rename(logs, away); err != nil {
		t.Fatal(err)
	}
	cmd.signal(t, syscall.SIGHUP)
	request(3)
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 0, "sws: log "+log+": open: no such file or directory; the old file is written on\n")
	got := make(map[string]string)
	for _, name := range []string{"log.1", "log"} {
		b, err := os.ReadFile(filepath.Join(away, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(b)
	}
	all := got["log.1"] + got["log"]
	for n := range 3 {
		if want := fmt.Sprintf(`"GET /%d HTTP/1.0" 404 `, n+1); strings.Count(all, want) != 1 {
			t.Errorf("%d lines with %s, want 1: %q", strings.Count(all, want), want, got)
		}
	}
	if !strings.Contains(got["log"], `"GET /3 `) {
		t.Errorf("the third line is not in the file that was open: %q", got)
	}
}

// eventually waits for what no event tells of, as a file that another process
// makes.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// SIGTERM lets a reply that is under way come to its end; a second one does not.
func TestTerminate(t *testing.T) {
	const size = 64 << 20 // more than the sockets between hold
	docs := documents(t, 0)
	if err := os.Truncate(filepath.Join(docs, "file"), size); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		twice  bool
		status int
		stderr string
	}{
		{"once", false, 0, ""},
		{"twice", true, 1, "sws: a second signal cut off the requests under way\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := foreground(t, "-i", "127.0.0.1", docs)
			idle, busy := cmd.dial(t), cmd.dial(t)
			reader := bufio.NewReader(busy)
			io.WriteString(idle, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
			io.WriteString(busy, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
			head, err := reader.ReadString('\n')
			if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
				t.Fatalf("%v, %q", err, head)
			}
			cmd.signal(t, syscall.SIGTERM)
			// The idle connection's end is the sign that the signal has come.
			if _, err := io.ReadAll(idle); err != nil {
				t.Fatal(err)
			}
			idle.Close()
			if c.twice {
				cmd.signal(t, syscall.SIGTERM)
				cmd.end(t, c.status, c.stderr)
				return
			}
			for line := ""; line != "\r\n"; {
				if line, err = reader.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := io.Copy(io.Discard, reader); n != size || err != nil {
				t.Errorf("%d octets, %v; want %d and the end", n, err, size)
			}
			busy.Close()
			cmd.end(t, c.status, c.stderr)
		})
	}
}

// A reader of stdout that goes away ends no server, though Go's default for a
// broken stdout is to end the process.
func TestReaderOfLogGoesAway(t *testing.T) {
	docs := documents(t, 3)
	cmd := foreground(t, "-i", "127.0.0.1", "-l", "-", docs)
	cmd.pipe.Close()
	cmd.ask(t, "GET /file HTTP/1.0\r\n\r\n")
	cmd.ask(t, "GET /file HTTP/1.0\r\n\r\n")
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 1, "sws: log on stdout: write: broken pipe; up to 4096 KiB of lines wait in memory\n"+
		"sws: log on stdout: close: 2 lines lost\n")
}
