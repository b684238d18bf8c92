//go:build unix

package examples

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// testMultiplex has every way hear what comes, when it comes.
func testMultiplex(t *testing.T, bin string) {
	list, err := exec.Command(bin+"/multiplex", "-list").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for text := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(text, " ")
		names++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.Command(bin+"/multiplex", "-how", name, ":").CombinedOutput(); err != nil {
				if strings.Contains(string(out), errors.ErrUnsupported.Error()) {
					t.Skipf("this system refuses it: %s", out)
				}
				t.Fatalf("%v: %s", err, out)
			}
			transcript := atOnce
			if name == "blocking" {
				transcript = inTurn
			}
			newSession(t, bin).follow(strings.ReplaceAll(transcript, "NAME", name))
		})
	}
	if names < 7 { // the lecture's four, and select, pselect or epoll, and poll
		t.Errorf("%d ways:\n%s", names, list)
	}
}

const atOnce = `2$ mkfifo one two
2$
1$ ./multiplex -how NAME 'cat one' 'cat two' 'echo at once; echo and done'
3 --> at once
3 --> and done
3 ends
2$ cat > two
2< a line
2 --> a line
3$ printf 'two lines\nand\033colour' > one
3$
1 --> two lines
1 --> and\x1bcolour
1 ends
2< another
2 --> another
2< ^D
2$
2 ends
1$
`

const inTurn = `2$ mkfifo one two
2$
1$ ./multiplex -how NAME 'cat one' 'cat two' 'echo at once; echo and done'
2$ cat > two
2< a line
3$ printf 'two lines\nand\033colour' > one
3$
1 --> two lines
1 --> and\x1bcolour
1 ends
2 --> a line
2< another
2 --> another
2< ^D
2$
2 ends
3 --> at once
3 --> and done
3 ends
1$
`

// A story is a transcript with a name.
type story struct{ name, transcript string }

// follow follows each of the stories in a session of its own. In the transcripts
// it replaces words by others, as strings.NewReplacer does.
func follow(t *testing.T, bin string, stories []story, replace ...string) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			newSession(t, bin).follow(strings.NewReplacer(replace...).Replace(story.transcript))
		})
	}
}

// testCommand runs command(3) over both wirings, which nothing but the name may
// tell apart.
func testCommand(t *testing.T, bin string) {
	for _, wiring := range []string{"pipe", "socketpair"} {
		t.Run(wiring, func(t *testing.T) {
			follow(t, bin, []story{
				{"more than the buffers and a pipe take", `1$ ./command -n 3 -over WIRING 'yes | head -90000; yes no | head -90000 >&2'
standard output, 3 of 180000 bytes:
y
y
standard error, 3 of 270000 bytes:
no
exit status 0
1$
`},
				{"both at once", `1$ ./command -over WIRING 'for i in 1 2 3; do echo out $i; echo err $i >&2; done'
standard output, 18 bytes:
out 1
out 2
out 3
standard error, 18 bytes:
err 1
err 2
err 3
exit status 0
1$
`},
				{"without the last newline", `1$ ./command -over WIRING 'printf dome; printf "\033c" >&2'
standard output, 4 bytes:
dome
standard error, 2 bytes:
\x1bc
exit status 0
1$
`},
				{"not there", `1$ ./command -over WIRING 'nothing-here 2>/dev/null'
standard output, 0 bytes:
standard error, 0 bytes:
exit status 127
1$
`},
				{"killed", `1$ ./command -over WIRING 'echo before; kill -9 $$'
standard output, 7 bytes:
before
standard error, 0 bytes:
SIGKILL
1$
`},
				{"too slow", `1$ ./command -over WIRING -t 100ms 'echo before; sleep 60'
standard output, 7 bytes:
before
standard error, 0 bytes:
its time was up
SIGKILL
1$
`},
				{"something is left behind", `2$ mkfifo gate
2$
1$ ./command -over WIRING 'cat gate & echo left'
standard output, 5 bytes:
left
standard error, 0 bytes:
something it started still writes
exit status 0
1$
2$ : > gate
2$
`},
			}, "WIRING", wiring)
		})
	}
}

// testPager has the user quit, and press ^C, which is for the pager alone.
func testPager(t *testing.T, bin string) {
	follow(t, bin, []story{
		{"all of it", `1$ seq 30000 > long; PAGER='cmp - long && echo the same' ./pager long
the same
1$
`},
		{"none but the first line", `1$ seq 30000 > long; PAGER='head -1' ./pager long; echo status $?
1
status 0
1$
`},
		{"none", `1$ seq 30000 > long; PAGER=: ./pager long; echo status $?
status 0
1$
`},
		{"without $PAGER", `1$ printf '#!/bin/sh\ncat; echo --More--\n' > more; chmod +x more; echo a dome > file; PAGER= ./pager file
a dome
--More--
1$
`},
		{"^C, by which the pager ends", `1$ mkfifo gate; echo a dome > file; export PAGER='cat; cat gate'; exec ./pager file
a dome
1< ^C
1$
`},
	})
	t.Run("^C, which the pager takes no notice of", func(t *testing.T) {
		t.Parallel()
		s := newSession(t, bin)
		s.follow(`1$ mkfifo gate; echo a dome > file; export PAGER='trap "" INT; cat; cat gate'; exec ./pager file
a dome
1< ^C
2$ echo and caves of ice > gate
2$
and caves of ice
`)
		for !s.terminals["1"].ended {
			s.look(nil)
		}
		if status := s.reap("1"); !status.Success() {
			t.Errorf("pager: %v", status)
		}
	})
}

// testVersions has clients of both versions of IP try each of the servers.
func testVersions(t *testing.T, bin string) {
	needIPv6(t)
	follow(t, bin, []story{
		{"streams to both", `1$ ./streamread
Socket has port #65398
2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
2$ ./streamwrite ::1 65398
--> Half a league, half a league . . .
Ending connection
2$ ./streamwrite ::ffff:127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
2$
`},
		{"streams to IPv4", `1$ ./streamread -4
Socket has port #65398
2$ ./streamwrite ::1 65398
streamwrite: connect tcp:[::1]:65398: connect: connection refused
2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
2$ ./streamwrite -4 localhost 65398
--> Half a league, half a league . . .
Ending connection
2$
`},
		{"streams to IPv6", `1$ ./streamread -6
Socket has port #65398
2$ ./streamwrite 127.0.0.1 65398
streamwrite: connect tcp:127.0.0.1:65398: connect: connection refused
2$ ./streamwrite ::1 65398
--> Half a league, half a league . . .
Ending connection
2$
`},
		{"streams to both, with select", `1$ ./strchkread
Socket has port #65398
2$ ./streamwrite ::1 65398
--> Half a league, half a league . . .
Ending connection
2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
1< ^C
1$ ./strchkread -4
Socket has port #65399
2$ ./streamwrite ::1 65399
streamwrite: connect tcp:[::1]:65399: connect: connection refused
2$
1< ^C
1$ ./strchkread -6
Socket has port #65400
2$ ./streamwrite 127.0.0.1 65400
streamwrite: connect tcp:127.0.0.1:65400: connect: connection refused
2$
`},
		{"datagrams over IPv4 to both", `1$ ./dgramread
Socket has port #64293
2$ ./dgramsend 127.0.0.1 64293
--> The sea is calm tonight, the tide is full...
1$
`},
		{"datagrams over IPv6 to both", `1$ ./dgramread
Socket has port #64293
2$ ./dgramsend ::1 64293
--> The sea is calm tonight, the tide is full...
1$
`},
		// The datagram over the other version is not received: it would end
		// the reader, and the second one would not be.
		{"datagrams to IPv4", `1$ ./dgramread -4
Socket has port #64293
2$ ./dgramsend ::1 64293
2$ ./dgramsend 127.0.0.1 64293
--> The sea is calm tonight, the tide is full...
1$
`},
		{"datagrams to IPv6", `1$ ./dgramread -6
Socket has port #64293
2$ ./dgramsend 127.0.0.1 64293
2$ ./dgramsend ::1 64293
--> The sea is calm tonight, the tide is full...
1$
`},
	})
}

// testSignals ends udgramread by signals: the socket file goes with it, and its
// parent learns of the signal.
func testSignals(t *testing.T, bin string) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := newSession(t, bin)
			s.run("1", "exec ./udgramread")
			s.expect("socket --> socket")
			if err := s.terminals["1"].cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for !s.terminals["1"].ended {
				s.look(nil)
			}
			if status := s.reap("1").Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != sig {
				t.Errorf("wait status %#x, want signal %d", status, sig)
			}
			file := filepath.Join(s.dir, "socket")
			if _, err := os.Lstat(file); (sig == syscall.SIGKILL) != (err == nil) {
				t.Errorf("the socket file: %v", err)
			}
			// In any case the next one can begin, and a second one cannot.
			s.follow(`1$ ./udgramread
socket --> socket
2$ ./udgramread
udgramread: bind unix-dgram:socket: bind: address already in use: a process has that socket open
2$ ./udgramsend socket
--> The sea is calm tonight, the tide is full...
1$
`)
			if _, err := os.Lstat(file); err == nil {
				t.Error("the socket file is still there")
			}
		})
	}
}

// testFaults runs the programs into what can go wrong: each says which call met
// what, and fails.
func testFaults(t *testing.T, bin string) {
	for _, test := range []struct {
		name, command string
		status        int
		want          string // of stderr but for the list of flags, "|" between its lines; what begins with / is a pattern
	}{
		{"no operand", "./udgramsend", 2, "usage: udgramsend path"},
		{"one operand", "./dgramsend localhost", 2, "usage: dgramsend [-4 | -6] host port"},
		{"three operands", "./streamwrite localhost 1 2", 2, "usage: streamwrite [-4 | -6] host port"},
		{"an operand too many", "./streamread 65398", 2, "usage: streamread [-4 | -6]"},
		{"no patience", "./strchkread -t -1s", 2, "usage: strchkread [-4 | -6] [-t 5s]"},
		{"help", "./streamwrite -h", 0, "usage: streamwrite [-4 | -6] host port"},
		{"no such flag", "./command -x :", 2, "flag provided but not defined: -x|usage: command [-over pipe | socketpair] [-n bytes] [-t time] line"},
		{"three operands for an option", "./sockopt SO_LINGER 1s 2s", 2, "usage: sockopt [-domain name] [-type name] [option [value]]"},
		{"no such option", "./sockopt SO_LINGERS", 1, `sockopt: there is no option "SO_LINGERS"`},
		{"an option of another type", "./sockopt -type dgram TCP_NODELAY on", 1, "/sockopt: set TCP_NODELAY of fd \\d+: setsockopt: .*"},
		{"no port", "./dgramsend 127.0.0.1 65536", 1, `dgramsend: the port must be 0 to 65535, not "65536"`},
		{"no such host", "./streamwrite nohost.invalid 80", 1, "/streamwrite: lookup nohost.invalid.*: .*"},
		{"no address of that version", "./streamwrite -6 127.0.0.1 80", 1, "/streamwrite: .*127.0.0.1: no suitable address.*"},
		{"no file", "./pager nothing-here", 1, "pager: open nothing-here: no such file or directory"},
		{"no pager", "PAGER=nothing-here ./pager README", 1, "/.*nothing-here.*|pager: nothing-here: exit status 12[67]"},
		{"a folder", "./pager .", 1, "pager: read .: is a directory"},
		{"the pager fails", "PAGER='cat >/dev/null; exit 3' ./pager README", 1, "pager: cat >/dev/null; exit 3: exit status 3"},
		{"a path too long", "./udgramsend " + strings.Repeat("x", 200), 1, "/udgramsend: the path is 200 bytes long; .*"},
		{"a socket that is a file", "cp README socket; ./udgramread", 1, "udgramread: bind unix-dgram:socket: bind: address already in use: the file there is no socket"},
		{"a file that is no socket", "./udgramsend README", 1, "/udgramsend: send from fd \\d+ to unix-dgram:README: sendto: .*"},
		{"no descriptor left", "ulimit -n 3; ./streamread", 1, "streamread: listen tcp:*:0: socket: too many open files"},
		{"none for the second end", "ulimit -n 4; ./socketpair", 1, "socketpair: socketpair AF_UNIX SOCK_STREAM: socketpair: too many open files (EMFILE)"},
		{"none for a pipe", "ulimit -n 4; ./pipe", 1, "pipe: make a pipe: pipe2: too many open files"},
		{"no such way", "./multiplex -how telepathy :", 2, `/multiplex: "telepathy" is none of the ways of this system: blocking, .*`},
		{"an operand", "./socketpair inet", 2, "usage: socketpair [-domain name] [-type name] [-protocol number] | -all"},
		{"no command", "./multiplex", 2, "usage: multiplex [-how name] command ...|       multiplex -list"},
		{"no such domain", "./socketpair -domain unixes", 2, `/invalid value "unixes" for flag -domain: "unixes" is neither a number nor one of AF_UNIX, .*`},
		{"no such zone", "./streamwrite fe80::1%nosuch 80", 1, `/streamwrite: connect tcp:\[fe80::1%nosuch\]:80: .*nosuch.*`},
		{"no such zone for a datagram", "./dgramsend fe80::1%nosuch 80", 1, `/dgramsend: send from fd \d+ to udp:\[fe80::1%nosuch\]:80: .*nosuch.*`},
		{"no such wiring", "./command -over telepathy :", 2, "usage: command [-over pipe | socketpair] [-n bytes] [-t time] line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, bin)
			if err := os.WriteFile(filepath.Join(s.dir, "README"), []byte("some text\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(test.want, "pipe2") && runtime.GOOS != "linux" {
				test.want = strings.Replace(test.want, "pipe2", "pipe", 1)
			}
			cmd := exec.Command("sh", "-c", test.command)
			cmd.Dir = s.dir
			cmd.Env = append(os.Environ(), "LC_ALL=C")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, _ := cmd.Output()
			if got := cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("exit status %d, want %d", got, test.status)
			}
			said, _, _ := strings.Cut(stderr.String(), "\n  -")
			got := strings.ReplaceAll(strings.TrimSpace(said), "\n", "|")
			if pattern, ok := strings.CutPrefix(test.want, "/"); ok {
				pattern = strings.ReplaceAll(pattern, "|", `\|`)
				if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
					t.Errorf("it says %q, want what matches %q", got, pattern)
				}
			} else if got != test.want {
				t.Errorf("it says %q, want %q", got, test.want)
			}
			if len(out) > 0 {
				t.Errorf("it prints %q", out)
			}
		})
	}
}

// testBrokenConnection has a client break its connection off: the servers say so
// and serve the next one.
func testBrokenConnection(t *testing.T, bin string) {
	for _, server := range []string{"streamread", "strchkread"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, bin)
			s.run("1", "./"+server+" -4 2>complaints")
			s.expect("Socket has port #65398")
			conn, err := net.Dial("tcp", "127.0.0.1:"+s.real["65398"])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("Cannon to right")); err != nil {
				t.Fatal(err)
			}
			s.expect("--> Cannon to right")
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
			s.follow(`2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
2$
`)
			got, err := os.ReadFile(filepath.Join(s.dir, "complaints"))
			want := regexp.MustCompile("^" + server + `: receive from fd \d+: recv: connection reset by peer\n$`)
			if err != nil || !want.Match(got) {
				t.Errorf("it says %q, %v, want what matches %v", got, err, want)
			}
		})
	}
}

// testCombinations compares the table of socketpair with what is known of Linux.
func testCombinations(t *testing.T, bin string) {
	out, err := exec.Command(bin+"/socketpair", "-all").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for text := range strings.Lines(string(out)) {
		row := regexp.MustCompile(" {2,}").Split(strings.TrimSpace(text), -1)
		if len(row) != 6 {
			t.Fatalf("row %q, want 6 columns", row)
		}
		got[row[0]+" "+row[1]] = row[2:]
		for _, cell := range row[2:] {
			if row[0] != "domain" && !strings.HasPrefix(cell, "ok") && !regexp.MustCompile(`^E[A-Z]+$`).MatchString(cell) {
				t.Errorf("%q: %q is no errno", row, cell)
			}
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	const refused = "EPROTONOSUPPORT"
	for combination, want := range map[string][]string{
		"domain type":            {"protocol 0", "1", "6", "17"},
		"AF_UNIX SOCK_STREAM":    {"ok", "ok", refused, refused},
		"AF_UNIX SOCK_DGRAM":     {"ok", "ok", refused, refused},
		"AF_UNIX SOCK_SEQPACKET": {"ok", "ok", refused, refused},
		"AF_UNIX SOCK_RAW":       {"ok: SOCK_DGRAM", "ok: SOCK_DGRAM", refused, refused},
		"AF_UNIX SOCK_RDM":       {"ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT", refused, refused},
		"AF_INET SOCK_STREAM":    {"EOPNOTSUPP", refused, "EOPNOTSUPP", refused},
		"AF_INET SOCK_RDM":       {"ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT"},
		"AF_NETLINK SOCK_STREAM": {"ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT"},
		"AF_NETLINK SOCK_DGRAM":  {"EOPNOTSUPP", refused, "EOPNOTSUPP", refused},
	} {
		if !slices.Equal(got[combination], want) {
			t.Errorf("%s: %q, want %q", combination, got[combination], want)
		}
	}
	for combination, cells := range got {
		if !strings.HasPrefix(combination, "AF_UNIX") && strings.Contains(strings.Join(cells, " "), "ok") {
			t.Errorf("%s: %q: only AF_UNIX has pairs", combination, cells)
		}
	}
}
