package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xanadu/internal/sys"
)

// refuseCalls has the system refuse these calls, as a sandbox does.
func refuseCalls(names string) {
	numbers := map[string]int{"ptrace": syscall.SYS_PTRACE, "close_range": 436, "prlimit": syscall.SYS_PRLIMIT64}
	var refused []int
	for name := range strings.FieldsSeq(names) {
		refused = append(refused, numbers[name])
	}
	if len(refused) == 0 {
		return
	}
	if errno := sys.Refuse(syscall.EPERM, refused...); errno != 0 {
		panic(errno)
	}
}

const limitsScript = "printf 'Content-Type: text/plain\\n\\n'\nulimit -t\nulimit -c\nexec ls /proc/self/fd\n" // which opens 3

// A program has its limits and nothing open but its own where the server is
// confined, and where it is traced. Where limits cannot be set it does not run, and
// the server says so when it begins.
func TestConfined(t *testing.T) {
	t.Parallel()
	programs := plantPrograms(t, map[string]string{"limits": limitsScript})
	const runs, fails = "\r\n\r\n60\n0\n0\n1\n2\n3\n", "HTTP/1.1 500 "
	for _, test := range []struct{ refused, want, stderr string }{
		{"ptrace", runs, ""},
		{"close_range", runs, ""},
		{"ptrace close_range", runs, ""},
		{"prlimit", fails, "sws: -c " + programs + ": every program will be answered for with 500, since its limits cannot be set: " +
			"prlimit: operation not permitted; allow that call where this server is confined\n" +
			"sws: program /cgi-bin/limits: start ./limits: RLIMIT_CORE: prlimit: operation not permitted\n"},
	} {
		t.Run(test.refused, func(t *testing.T) {
			cmd := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, documents(t, 1))}
			cmd.Env = append(cmd.Env, refusedCalls+"="+test.refused)
			cmd.begin(t)
			cmd.listens(t)
			if got := cmd.ask(t, "GET /cgi-bin/limits HTTP/1.0\r\n\r\n"); !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q in it", got, test.want)
			}
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, test.stderr)
		})
	}
}

func TestTraced(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	programs := plantPrograms(t, map[string]string{"limits": limitsScript})
	inner := sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, documents(t, 1))
	c := exec.Command(strace, append([]string{"-D", "-f", "-qq", "-e", "trace=none", "-e", "signal=none", "-o", filepath.Join(t.TempDir(), "trace")}, inner.Args...)...)
	c.Env = inner.Env
	cmd := &command{Cmd: c}
	cmd.begin(t)
	cmd.listens(t)
	if got, want := cmd.ask(t, "GET /cgi-bin/limits HTTP/1.0\r\n\r\n"), "\r\n\r\n60\n0\n0\n1\n2\n3\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q at its end", got, want)
	}
	// With -D it is sws that is our child, not strace(1).
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 0, "")
}
