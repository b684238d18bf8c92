//go:build unix

package examples

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a line may be late before the test has failed.
const patience = 20 * time.Second

// A session is a person at several terminals, whose working directory holds the
// programs. It follows a transcript as the lecture's slides have them:
//
//	1$ streamread          starts a command in terminal 1, when the one before has ended
//	1$                     waits until terminal 1's command has ended
//	2< moo                 types a line in terminal 2; ^D is the end of input, ^C the signal
//	--> moo                is the next line that a terminal shows
//
// A number of five digits stands for a number of the real thing that is another
// one each time, a process's or a port's: for the same one throughout, and for
// another one than those that other numbers stand for. The N of "fd N" is any.
type session struct {
	t         *testing.T
	dir       string
	terminals map[string]*terminal
	shown     chan line
	real      map[string]string // what a number stands for
}

// A terminal runs one command at a time.
type terminal struct {
	cmd     *exec.Cmd
	keys    io.Closer
	typing  io.Writer
	pending []string // lines that it has shown and nobody has looked at
	ended   bool     // nothing comes any more
}

// A line is one that a terminal shows; with end, that there are no more.
type line struct {
	terminal string
	text     string
	end      bool
}

func newSession(t *testing.T, bin string) *session {
	t.Helper()
	return sessionIn(t, folder(t, bin))
}

// sessionIn is newSession in a folder that others have been at work in.
func sessionIn(t *testing.T, dir string) *session {
	s := &session{t: t, dir: dir, terminals: make(map[string]*terminal), shown: make(chan line), real: make(map[string]string)}
	t.Cleanup(s.end)
	return s
}

// folder makes a folder that holds the programs.
func folder(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	programs, err := filepath.Glob(bin + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := os.Symlink(p, filepath.Join(dir, filepath.Base(p))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	commandLine = regexp.MustCompile(`^(\d)\$ (.+)$`)
	promptLine  = regexp.MustCompile(`^(\d)\$$`)
	typedLine   = regexp.MustCompile(`^(\d)< (.+)$`)
	numbers     = regexp.MustCompile(`\b\d{5}\b`)
	descriptors = regexp.MustCompile(`\bfd \d+`)
)

// follow runs the transcript.
func (s *session) follow(transcript string) {
	s.t.Helper()
	for text := range strings.Lines(transcript) {
		text = strings.TrimSuffix(text, "\n")
		if m := commandLine.FindStringSubmatch(text); m != nil {
			s.run(m[1], m[2])
		} else if m := promptLine.FindStringSubmatch(text); m != nil {
			s.await(m[1])
		} else if m := typedLine.FindStringSubmatch(text); m != nil {
			s.press(m[1], m[2])
		} else {
			s.expect(text)
		}
	}
}

// run starts a command in a terminal.
func (s *session) run(name, command string) {
	s.t.Helper()
	s.await(name)
	command = numbers.ReplaceAllStringFunc(command, func(n string) string {
		if real := s.real[n]; real != "" {
			return real
		}
		return n
	})
	cmd := exec.Command("sh", "-c", "umask 022; "+command)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	keys, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.terminals[name] = &terminal{cmd: cmd, keys: keys, typing: keys}
	go func() {
		r := bufio.NewReader(out)
		for {
			text, err := r.ReadString('\n')
			if text != "" {
				s.shown <- line{terminal: name, text: strings.TrimSuffix(text, "\n")}
			}
			if err != nil {
				s.shown <- line{terminal: name, end: true}
				return
			}
		}
	}()
}

// press types text, or presses the key that it names.
func (s *session) press(name, text string) {
	s.t.Helper()
	on := s.terminals[name]
	if on == nil {
		s.t.Fatalf("terminal %s runs nothing that could read %q", name, text)
	}
	var err error
	switch text {
	case "^C":
		err = syscall.Kill(-on.cmd.Process.Pid, syscall.SIGINT)
	case "^D":
		err = on.keys.Close()
	default:
		_, err = io.WriteString(on.typing, text+"\n")
	}
	if err != nil {
		s.t.Fatalf("terminal %s, %s: %v", name, text, err)
	}
}

// passing are the lines that come as often as time allows: one more of them than
// the transcript has is no fault.
var passing = map[string]bool{"Do something else": true}

// expect waits for a line to be the next of some terminal.
func (s *session) expect(want string) {
	s.t.Helper()
	pattern, unbound := s.pattern(want)
	late := time.After(patience)
	for {
		for _, name := range slices.Sorted(maps.Keys(s.terminals)) {
			on := s.terminals[name]
			for len(on.pending) > 0 {
				if m := pattern.FindStringSubmatch(on.pending[0]); m != nil {
					on.pending = on.pending[1:]
					s.bind(unbound, m[1:])
					return
				}
				if !passing[on.pending[0]] {
					break
				}
				on.pending = on.pending[1:]
			}
		}
		if !s.look(late) {
			s.t.Fatalf("nobody shows %q\n%s", want, s)
		}
	}
}

// pattern returns what matches the line, with a group for each number that does
// not stand for anything yet.
func (s *session) pattern(want string) (pattern *regexp.Regexp, unbound []string) {
	expr := descriptors.ReplaceAllLiteralString(regexp.QuoteMeta(want), `fd \d+`)
	expr = numbers.ReplaceAllStringFunc(expr, func(n string) string {
		if real := s.real[n]; real != "" {
			return real
		}
		if slices.Contains(unbound, n) {
			s.t.Fatalf("%q has %s twice", want, n)
		}
		unbound = append(unbound, n)
		return `(\d+)`
	})
	return regexp.MustCompile("^" + expr + "$"), unbound
}

func (s *session) bind(unbound, real []string) {
	s.t.Helper()
	for i, n := range unbound {
		for other, taken := range s.real {
			if taken == real[i] {
				s.t.Fatalf("%s is what %s stands for and %s too", taken, other, n)
			}
		}
		s.real[n] = real[i]
	}
}

// await waits until the terminal's command has ended, which has to show no more
// than was looked at.
func (s *session) await(name string) {
	s.t.Helper()
	on := s.terminals[name]
	if on == nil {
		return
	}
	late := time.After(patience)
	for !on.ended {
		if !s.look(late) {
			s.t.Fatalf("the command in terminal %s does not end\n%s", name, s)
		}
	}
	s.reap(name)
}

// reap waits for a command that shows nothing any more.
func (s *session) reap(name string) *os.ProcessState {
	s.t.Helper()
	on := s.terminals[name]
	on.pending = slices.DeleteFunc(on.pending, func(text string) bool { return passing[text] })
	if len(on.pending) > 0 {
		s.t.Fatalf("terminal %s shows more\n%s", name, s)
	}
	on.keys.Close()
	on.cmd.Wait() // its status is part of no transcript
	delete(s.terminals, name)
	return on.cmd.ProcessState
}

// look takes the next line that any terminal shows. It returns false when none
// comes in time, or can come.
func (s *session) look(late <-chan time.Time) bool {
	live := false
	for _, on := range s.terminals {
		live = live || !on.ended
	}
	if !live {
		return false
	}
	select {
	case l := <-s.shown:
		on := s.terminals[l.terminal]
		on.ended = l.end
		if !l.end {
			on.pending = append(on.pending, l.text)
		}
		return true
	case <-late:
		return false
	}
}

// end ends what still runs. None of it may have shown more.
func (s *session) end() {
	for _, on := range s.terminals {
		syscall.Kill(-on.cmd.Process.Pid, syscall.SIGKILL)
	}
	for _, name := range slices.Sorted(maps.Keys(s.terminals)) {
		on := s.terminals[name]
		for !on.ended && s.look(nil) {
		}
		on.keys.Close()
		on.cmd.Wait()
		if len(on.pending) > 0 && !s.t.Failed() {
			s.t.Errorf("terminal %s shows more\n%s", name, s)
		}
	}
}

// String says what the terminals show that was not looked at.
func (s *session) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.terminals)) {
		on := s.terminals[name]
		fmt.Fprintf(&b, "terminal %s, %q, ended: %v, shows\n", name, on.cmd.Args[2], on.ended)
		for _, text := range on.pending {
			fmt.Fprintf(&b, "\t%q\n", text)
		}
	}
	if b.Len() == 0 {
		return "no terminal runs anything"
	}
	return b.String()
}
