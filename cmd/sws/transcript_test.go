package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/pflag"

	"xanadu/internal/kit"
)

var update = flag.Bool("update", false, "rewrite what the transcripts expect")

// planted is when the files of a transcript were last modified.
var planted = time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)

// TestTranscripts plays testdata/*.txtar, a story each, against the command
// itself. Besides the commands of testscript they have:
//
//	serve FLAG... DIR   starts sws with -f or -d among the flags and waits until
//	                    it listens; $at is where, $url the same for people
//	wire [-head] FILE   sends a file to $at, byte for byte but that its lines end
//	                    with CR LF and \xhh is an octet, and prints the answer,
//	                    or its head alone
//	end [SIGNAL]        ends sws, as SIGTERM if not told otherwise, and prints
//	                    what it wrote on stdout and stderr since serve
//	fails STATUS FLAG.. runs sws, which ends with that status
//	daemon PATH         takes the daemon that listens at a UNIX socket for the
//	                    one to be ended, and $at for the socket
//	ended               waits for the end of that daemon, which another command ends
//	tell FILE           prints a file
//
// What is printed has another time, port and entity-tag in each run, another
// version and policy one day: they are replaced by TIME, PORT and so on, and the
// paths of $WORK and $SOCKETS by their names.
func TestTranscripts(t *testing.T) {
	adoptOrphans(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup:              setUpTranscript,
		Condition:          userCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":  cmdServe,
			"wire":   cmdWire,
			"end":    cmdEnd,
			"fails":  cmdFails,
			"daemon": cmdDaemon,
			"ended":  cmdEnded,
			"tell":   cmdTell,
		},
	})
}

// userCondition is [user:NAME], whether the system has such a user, and [root],
// whether the tests run as root.
func userCondition(condition string) (bool, error) {
	if condition == "root" {
		return os.Getuid() == 0, nil
	}
	name, ok := strings.CutPrefix(condition, "user:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	_, err := user.Lookup(name)
	return err == nil, nil
}

// played is the server of a transcript: one that was started, or a daemon.
type played struct {
	cmd            *exec.Cmd // nil: none, or a daemon
	stdout, stderr *output
	daemon         int // its process id; 0: none
}

func setUpTranscript(env *testscript.Env) error {
	env.Values["played"] = new(played)
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	// Where "exec sws" finds this binary, which is then sws.
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(exe, filepath.Join(bin, "sws")); err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv(asCommand, "1")
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	sockets := kit.SocketDir(env.T().(testing.TB))
	env.Setenv("SOCKETS", sockets)
	return filepath.WalkDir(env.WorkDir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, planted, planted)
	})
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("played").(*played)
	if neg || p.cmd != nil {
		ts.Fatalf("serve: one server at a time, and one that works")
	}
	flags := new(settings).flags()
	ts.Check(flags.Parse(args))
	p.stdout, p.stderr = newOutput(), newOutput()
	cmd := exec.Command(ts.Getenv("WORK")+"/.bin/sws", args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{asCommand, "COLOUR", "GORACE", "PATH", "TERM"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	says := p.stdout // where it announces itself
	if flags.Changed("debug") {
		says = p.stderr
	}
	ts.Check(cmd.Start())
	p.cmd = cmd
	ts.Defer(func() {
		if p.cmd != nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	for deadline := time.After(10 * time.Second); !strings.Contains(says.String(), "\n"); {
		select {
		case <-says.wrote:
		case <-deadline:
			ts.Fatalf("serve: it does not say where it listens: stdout %q, stderr %q", p.stdout, p.stderr)
		}
	}
	url, _, _ := strings.Cut(says.String(), "\n")
	at := strings.TrimPrefix(url, "unix:")
	at = strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/")
	ts.Setenv("url", url)
	ts.Setenv("at", at)
}

func cmdWire(ts *testscript.TestScript, neg bool, args []string) {
	headOnly := len(args) == 2 && args[0] == "-head"
	if neg || len(args) != 1 && !headOnly {
		ts.Fatalf("usage: wire [-head] file")
	}
	conn, err := net.Dial(networkOf(ts.Getenv("at")), ts.Getenv("at"))
	ts.Check(err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.WriteString(conn, octets(ts.ReadFile(args[len(args)-1])))
	ts.Check(err)
	answer, err := io.ReadAll(conn)
	ts.Check(err)
	if headOnly {
		answer, _, _ = bytes.Cut(answer, []byte("\r\n\r\n"))
		answer = append(answer, "\r\n"...)
	}
	io.WriteString(ts.Stdout(), settled(ts, strings.ReplaceAll(string(answer), "\r\n", "\n")))
}

func networkOf(at string) string {
	if filepath.IsAbs(at) {
		return "unix"
	}
	return "tcp"
}

// octets is what a file of a transcript says that the client sends.
func octets(text string) string {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	return regexp.MustCompile(`\\x[0-9a-f]{2}`).ReplaceAllStringFunc(text, func(escape string) string {
		c, _ := strconv.ParseUint(escape[2:], 16, 8)
		return string([]byte{byte(c)})
	})
}

func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("played").(*played)
	if neg || len(args) > 1 || p.cmd == nil && p.daemon == 0 {
		ts.Fatalf("usage: end [signal], after serve or daemon")
	}
	sig := syscall.SIGTERM
	if len(args) == 1 {
		var ok bool
		if sig, ok = map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM}[args[0]]; !ok {
			ts.Fatalf("end: %s?", args[0])
		}
	}
	if p.daemon != 0 {
		ts.Check(syscall.Kill(p.daemon, sig))
		ts.Check(waitForDaemon(p.daemon))
		p.daemon = 0
		return
	}
	ts.Check(p.cmd.Process.Signal(sig))
	ts.Check(p.cmd.Wait())
	p.cmd = nil
	io.WriteString(ts.Stdout(), settled(ts, p.stdout.String()))
	io.WriteString(ts.Stderr(), settled(ts, p.stderr.String()))
}

func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("played").(*played)
	if neg || len(args) != 1 || p.cmd != nil || p.daemon != 0 {
		ts.Fatalf("usage: daemon path, of the one server")
	}
	var err error
	p.daemon, err = daemonAt(args[0])
	ts.Check(err)
	ts.Defer(func() {
		if p.daemon != 0 {
			syscall.Kill(p.daemon, syscall.SIGKILL)
		}
	})
	ts.Setenv("at", args[0])
}

func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("played").(*played)
	if neg || len(args) != 0 || p.daemon == 0 {
		ts.Fatalf("usage: ended, after daemon")
	}
	ts.Check(waitForDaemon(p.daemon))
	p.daemon = 0
}

func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails status arguments")
	}
	err := ts.Exec("sws", args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("sws ends with %v, want exit status %s", err, args[0])
	}
}

func cmdTell(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tell file")
	}
	io.WriteString(ts.Stdout(), settled(ts, ts.ReadFile(args[0])))
}

var unsettled = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000`), "TIME"},
	{regexp.MustCompile(`(Date: )[A-Z][a-z][a-z], \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT`), "${1}TIME"},
	{regexp.MustCompile(`(ETag: )"[^"]+"`), "${1}TAG"},
	{regexp.MustCompile(`(Content-Security-Policy: ).*`), "${1}POLICY"},
	{regexp.MustCompile(`("port":)\d+`), "${1}PORT"},
	{regexp.MustCompile(`sws([/ ])` + regexp.QuoteMeta(version)), "sws${1}VERSION"},
}

// settled replaces what is another in each run.
func settled(ts *testscript.TestScript, text string) string {
	for _, name := range []string{"WORK", "SOCKETS"} {
		text = strings.ReplaceAll(text, ts.Getenv(name), "$"+name)
	}
	if host, port, err := net.SplitHostPort(ts.Getenv("at")); err == nil {
		text = strings.ReplaceAll(text, net.JoinHostPort(host, port), net.JoinHostPort(host, "PORT"))
	}
	for _, u := range unsettled {
		text = u.pattern.ReplaceAllString(text, u.with)
	}
	return text
}

// An output is what a process writes, to be read meanwhile.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer  // guarded by mu
	wrote chan struct{} // has something after a write
}

func newOutput() *output { return &output{wrote: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.wrote <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// There is a transcript that uses each flag.
func TestEveryFlagHasATranscript(t *testing.T) {
	used := make(map[string]bool)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(script)) {
			words := strings.Fields(line)
			switch {
			case len(words) > 1 && words[0] == "serve":
				words = words[1:]
			case len(words) > 2 && (words[0] == "exec" && words[1] == "sws" || words[0] == "fails"):
				words = words[2:]
			default:
				continue
			}
			flags := new(settings).flags()
			flags.Parse(words) // as far as it can be understood
			flags.Visit(func(f *pflag.Flag) { used[f.Name] = true })
		}
	}
	new(settings).flags().VisitAll(func(f *pflag.Flag) {
		if !used[f.Name] {
			t.Errorf("no file in testdata shows --%s", f.Name)
		}
	})
}
