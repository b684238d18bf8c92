package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// runners run a line over each wiring, and once as on a system that has no
// pidfd.
var runners = []struct {
	name string
	run  func(line string, out, errs []byte, how Shell) (Output, error)
}{
	{"pipes", func(line string, out, errs []byte, how Shell) (Output, error) {
		return Command(line, out, errs, &how)
	}},
	{"socketpairs", func(line string, out, errs []byte, how Shell) (Output, error) {
		how.Wiring = OverSocketpair
		return Command(line, out, errs, &how)
	}},
	{"pipes without a pidfd", withoutPidFD},
}

func withoutPidFD(line string, out, errs []byte, how Shell) (Output, error) {
	p, ours, err := how.start(line)
	if err != nil {
		return Output{}, err
	}
	defer ours.Close()
	if p.pidfd != nil {
		p.pidfd.Close()
		p.pidfd = nil
	}
	return p.capture(&stream{fd: ours.Out, keep: out}, &stream{fd: ours.Err, keep: errs}, &how)
}

// environment is what a line needs to find its commands.
var environment = []string{"PATH=" + os.Getenv("PATH")}

func TestCommand(t *testing.T) {
	const much = 300_000 // bytes, more than a pipe or a socket holds
	flood := "yes | head -c 300000"
	yes := strings.Repeat("y\n", much/2)
	for _, test := range []struct {
		name, line string
		room       int    // bytes of each buffer
		out, errs  string // all that it writes
		status     string
	}{
		{"nothing", "", 10, "", "", "exit status 0"},
		{"one output", "echo kubla", 10, "kubla\n", "", "exit status 0"},
		{"the other", "echo khan >&2", 10, "", "khan\n", "exit status 0"},
		{"both, exactly fitting", "echo did; echo Kub >&2", 4, "did\n", "Kub\n", "exit status 0"},
		{"more than the buffer", "echo In Xanadu; echo did Kubla Khan >&2", 4, "In Xanadu\n", "did Kubla Khan\n", "exit status 0"},
		{"no buffers", "echo In Xanadu; echo did Kubla Khan >&2", 0, "In Xanadu\n", "did Kubla Khan\n", "exit status 0"},
		{"both interleaved", "i=0; while [ $i -lt 500 ]; do echo o; echo e >&2; i=$((i+1)); done", 2000,
			strings.Repeat("o\n", 500), strings.Repeat("e\n", 500), "exit status 0"},
		{"more than a pipe", flood, much, yes, "", "exit status 0"},
		{"more than a pipe, one after the other", flood + "; " + flood + " >&2", much, yes, yes, "exit status 0"},
		{"more than a pipe, the other first", flood + " >&2; " + flood, much, yes, yes, "exit status 0"},
		{"more than a pipe, at once", flood + " & " + flood + " >&2; wait", much, yes, yes, "exit status 0"},
		{"more than pipe and buffer", flood + " & " + flood + " >&2; wait", 100, yes, yes, "exit status 0"},
		{"slowly", "for i in 1 2 3; do printf a; sleep 0.01; printf b >&2; sleep 0.01; done", 10, "aaa", "bbb", "exit status 0"},
		{"silent at the end", "echo a; exec >&- 2>&-; sleep 0.05; exit 4", 10, "a\n", "", "exit status 4"},
		{"with nothing to read", "cat; echo end", 10, "end\n", "", "exit status 0"},
		{"failing", "echo a; false", 10, "a\n", "", "exit status 1"},
		{"killed", "echo a; kill -KILL $$", 10, "a\n", "", "SIGKILL"},
		{"like an option", "-n || echo no option", 10, "no option\n", "", "exit status 0"},
		{"several lines", "echo a\necho b\n", 10, "a\nb\n", "", "exit status 0"},
	} {
		for _, runner := range runners {
			t.Run(test.name+"/"+runner.name, func(t *testing.T) {
				out, errs := make([]byte, test.room), make([]byte, test.room)
				o, err := runner.run(test.line, out, errs, Shell{Env: environment})
				if err != nil || o.Status.String() != test.status || o.Held {
					t.Fatalf("%+v, %v, want %s", o, err, test.status)
				}
				check(t, "out", out, o.Out, test.out)
				if test.name != "like an option" { // the shell complains in its own words
					check(t, "errs", errs, o.Err, test.errs)
				}
			})
		}
	}
}

// check compares a buffer with the beginning of all that was written.
func check(t *testing.T, name string, got []byte, n int64, want string) {
	t.Helper()
	kept := min(len(got), len(want))
	if n != int64(len(want)) || string(got[:kept]) != want[:kept] {
		t.Errorf("%s: %d bytes, %.40q, want %d, %.40q", name, n, got[:kept], len(want), want)
	}
	if rest := got[kept:]; len(bytes.Trim(rest, "\x00")) > 0 {
		t.Errorf("%s: %.40q stands behind the output", name, rest)
	}
}

func TestCommandNotFound(t *testing.T) {
	for _, runner := range runners {
		errs := make([]byte, 1000)
		o, err := runner.run("nosuchcommand", nil, errs, Shell{})
		if err != nil || o.Status.Code != 127 || o.Out != 0 || !strings.Contains(string(errs[:o.Err]), "nosuchcommand") {
			t.Errorf("%s: %+v, %v, %q; want 127 and the shell's complaint", runner.name, o, err, errs[:min(o.Err, 1000)])
		}
	}
}

func TestCommandShell(t *testing.T) {
	dir := t.TempDir()
	r, w, err := pipe.New(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := pipe.Write(w, []byte("from the pipe\n")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out := make([]byte, 1000)
	o, err := Command("echo $A; pwd -P; cat", out, nil, &Shell{Env: append([]string{"A=b"}, environment...), Dir: dir, In: r})
	want, _ := Command("cd "+dir+"; pwd -P", nil, nil, nil)
	if got := string(out[:o.Out]); err != nil || !strings.HasPrefix(got, "b\n") || !strings.HasSuffix(got, dir[strings.LastIndexByte(dir, '/'):]+"\nfrom the pipe\n") || len(got) != 2+int(want.Out)+14 {
		t.Errorf("%q, %v", got, err)
	}
	if r.Number() < 0 {
		t.Error("Command closed the input it was lent")
	}
	if o, err := Command("env", nil, nil, &Shell{Env: nil}); err != nil || o.Status.Code > 127 {
		t.Errorf("without an environment: %+v, %v", o, err)
	}
}

// What is left in the background is not waited for, and its output is not read
// for ever.
func TestCommandHeld(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"silent", "exec 3<&0; cat <&3 & echo end", "end\n"},
		{"writing for ever", "exec 3<&0; cat <&3 >/dev/null 2>&1 & yes 2>/dev/null & echo end", ""},
		{"on one output", "exec 3<&0; cat <&3 2>/dev/null & echo end", "end\n"},
	} {
		for _, runner := range runners {
			t.Run(test.name+"/"+runner.name, func(t *testing.T) {
				in, hold := newPipe(t)
				out := make([]byte, 100)
				o, err := runner.run(test.line, out, nil, Shell{Env: environment, In: in})
				if err != nil || !o.Status.Success() || !o.Held {
					t.Errorf("%+v, %v, want success, held", o, err)
				}
				if test.want != "" {
					check(t, "out", out, o.Out, test.want)
				}
				in.Close()
				// It lives on: somebody reads the pipe.
				if n, err := pipe.Write(hold, []byte("x")); n != 1 || err != nil {
					t.Errorf("nobody is left in the background: %v", err)
				}
			})
		}
	}
}

func newPipe(t *testing.T) (r, w *ipc.FD) {
	t.Helper()
	r, w, err := pipe.New(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// After its time the command and all that it started are gone. How much time the
// shell takes to begin depends on the machine: a case that fails gets more, up to
// a point.
func TestCommandTimeout(t *testing.T) {
	const never = time.Hour
	for _, test := range []struct {
		name, line string
		patient    bool // the grace does not run out
		out        string
		status     string
	}{
		{"sleeping", "echo a; trap '' TERM; while :; do sleep 0.01; done", false, "a\n", "SIGKILL"},
		{"in the background", "exec 3<&0; sleep 100 <&3 & sleep 100", true, "", "SIGTERM"},
		{"asked", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.01; done", true, "bye\n", "exit status 7"},
		{"asked, with one who does not listen", "exec 3<&0; trap '' TERM; sh -c 'while :; do sleep 0.01; done' <&3 & trap 'exit 7' TERM; wait", true, "", "exit status 7"},
		{"asked in vain", "trap 'echo no' TERM; while :; do sleep 0.01; done", false, "no\n", "SIGKILL"},
		{"writing", "trap '' TERM; while :; do echo >&2; done", false, "", "SIGKILL"},
		{"silent", "trap '' TERM; exec >&- 2>&-; while :; do sleep 0.01; done", false, "", "SIGKILL"},
	} {
		for _, runner := range runners {
			t.Run(test.name+"/"+runner.name, func(t *testing.T) {
				try := func(timeout time.Duration) string {
					in, hold := newPipe(t)
					grace := timeout
					if test.patient {
						// A signal that is faster than the trap for it is lost,
						// so this comes to an end as well.
						grace = 5 * time.Second
					}
					out := make([]byte, 100)
					o, err := runner.run(test.line, out, nil, Shell{Env: environment, In: in, Timeout: timeout, Grace: grace})
					in.Close()
					// No reader of the pipe is left, or will be in a moment.
					fds := []unix.PollFd{{Fd: int32(hold.Number())}}
					if n, err := unix.Poll(fds, 10_000); n != 1 || err != nil {
						t.Errorf("something is left of the group: %d, %v", n, err)
					}
					if got := string(out[:o.Out]); !errors.Is(err, os.ErrDeadlineExceeded) || o.Status.String() != test.status || got != test.out {
						return fmt.Sprintf("%v, %v, %q; want %s after the deadline, %q", o.Status, err, got, test.status, test.out)
					}
					return ""
				}
				timeout := 20 * time.Millisecond
				for try(timeout) != "" && timeout < 2*time.Second {
					timeout *= 4
				}
				if timeout >= 2*time.Second {
					t.Error(try(timeout))
				}
			})
		}
	}
	if o, err := Command("trap '' TERM; sleep 100", nil, nil, &Shell{Env: environment, Timeout: time.Millisecond}); !errors.Is(err, os.ErrDeadlineExceeded) || o.Status.Signal != unix.SIGKILL {
		t.Errorf("without grace: %+v, %v, want SIGKILL", o, err)
	}
	if _, err := Command("while :; do :; done", nil, nil, &Shell{Timeout: -time.Second}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("no time at all: %v, want ErrDeadlineExceeded", err)
	}
	if _, err := Command("exit 3", nil, nil, &Shell{Timeout: never}); err != nil {
		t.Errorf("in time: %v", err)
	}
}

func TestCommandErrors(t *testing.T) {
	failing := func() (r, w *ipc.FD, err error) { return nil, nil, unix.ENFILE }
	directory := func() (r, w *ipc.FD, err error) {
		n, err := unix.Open(".", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if r, w, err = OverPipe(); err == nil {
			r.Close()
		}
		return ipc.NewFD(n), w, err
	}
	made := 0
	second := func() (r, w *ipc.FD, err error) {
		if made++; made == 2 {
			return nil, nil, unix.ENFILE
		}
		return OverPipe()
	}
	closed, _ := newPipe(t)
	closed.Close()
	for _, test := range []struct {
		name, line string
		how        *Shell
		want       error
		text       string
	}{
		{"a NUL", "a\x00b", nil, unix.EINVAL, `command "a\x00b": start /bin/sh: `},
		{"no directory", "", &Shell{Dir: "/nowhere"}, unix.ENOENT, `command "": start /bin/sh: /nowhere: chdir: `},
		{"closed input", "", &Shell{In: closed}, unix.EBADF, "descriptor 0 of the child is a closed fd"},
		{"no wire", "", &Shell{Wiring: failing}, unix.ENFILE, `command "": `},
		{"one wire", "", &Shell{Wiring: second}, unix.ENFILE, `command "": `},
		{"a directory to read", "sleep 100", &Shell{Wiring: directory, Env: environment}, unix.EISDIR, "read from "},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Command(test.line, nil, nil, test.how); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want %v, %q", err, test.want, test.text)
			}
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
				t.Errorf("wait4: %d, %v, want no child", pid, err)
			}
		})
	}
}
