package proc_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
	"xanadu/ipc/ready"
)

// output runs c and returns what it writes.
func output(t testing.TB, c *proc.Program) string {
	t.Helper()
	r, w := newPipe(t)
	c.Out = w
	p := start(t, c)
	w.Close()
	text := readAll(t, r)
	if status, err := p.Wait(); err != nil || !status.Success() {
		t.Fatalf("%v, %v after %q", status, err, text)
	}
	return text
}

// The directory is the one that is open, whatever becomes of its name.
func TestDirFD(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "before")
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(name, "prog"), []byte("#!/bin/sh\npwd -P\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	n, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := ipc.NewFD(n)
	defer fd.Close()
	after, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	after = filepath.Join(after, "after")
	if err := os.Rename(name, after); err != nil {
		t.Fatal(err)
	}
	if got := output(t, &proc.Program{Path: "./prog", DirFD: fd}); got != after+"\n" {
		t.Errorf("the child is in %q, want %s", got, after)
	}

	file, other := newPipe(t)
	other.Close()
	_, err = proc.Start(&proc.Program{Path: "/bin/sh", DirFD: file})
	if !errors.Is(err, unix.ENOTDIR) || !strings.Contains(err.Error(), file.String()+": fchdir: ") {
		t.Errorf("a pipe as directory: %v, want ENOTDIR", err)
	}
	if _, err := proc.Start(&proc.Program{Path: "/bin/sh", DirFD: other}); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed directory: %v, want EBADF", err)
	}
}

// An event loop learns of the end by the descriptor, without a goroutine.
func TestPidFD(t *testing.T) {
	p := start(t, sh("exit 8"))
	if p.PidFD() == nil {
		t.Skip("this kernel has no pidfd")
	}
	poller, err := ready.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer poller.Close()
	if err := poller.Add(p.PidFD().Number(), ready.Readable, 1); err != nil {
		t.Fatal(err)
	}
	fired := make([]ready.Fired, 1)
	if n, err := poller.Wait(fired, time.Minute); n != 1 || err != nil || fired[0].Event&ready.Readable == 0 {
		t.Fatalf("Wait: %d, %v, %v", n, fired, err)
	}
	if err := poller.Forget(p.PidFD().Number()); err != nil {
		t.Fatal(err)
	}
	if status, ended, err := p.TryWait(); status.Code != 8 || !ended || err != nil {
		t.Errorf("TryWait: %v, %v, %v", status, ended, err)
	}
	if p.PidFD().Number() >= 0 {
		t.Error("the descriptor is open after the child was reaped")
	}
}

// signalSets reads the masks of a child (proc(5)) that uses no handlers.
func signalSets(t testing.TB) map[string]uint64 {
	t.Helper()
	sets := make(map[string]uint64)
	for line := range strings.Lines(output(t, &proc.Program{Path: "/bin/cat", Args: []string{"cat", "/proc/self/status"}})) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(name, "Sig") {
			sets[name], _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return sets
}

// Whatever this process does with its signals, the child blocks none, handles
// none, and ignores those alone that this process ignores.
func TestSignals(t *testing.T) {
	bit := func(sig unix.Signal) uint64 { return 1 << (sig - 1) }
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGPIPE, unix.SIGTERM, unix.SIGUSR1)
	defer signal.Stop(caught)
	signal.Ignore(unix.SIGUSR2)
	defer func() {
		signal.Notify(caught, unix.SIGUSR2)
		signal.Reset(unix.SIGUSR2)
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var mask, old, after unix.Sigset_t
	setWord(&mask.Val[0], bit(unix.SIGUSR1)|bit(unix.SIGTERM))
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &mask, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	sets := signalSets(t)
	if got := sets["SigBlk"]; got != 0 {
		t.Errorf("the child blocks %#x", got)
	}
	watched := bit(unix.SIGPIPE) | bit(unix.SIGTERM) | bit(unix.SIGUSR1) | bit(unix.SIGUSR2)
	if got := sets["SigIgn"] & watched; got != bit(unix.SIGUSR2) {
		t.Errorf("the child ignores %#x, want SIGUSR2", got)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &after); err != nil || after.Val[0]&mask.Val[0] != mask.Val[0] {
		t.Errorf("the thread blocks %#x, %v, want what it did", after.Val[0], err)
	}
}

// setWord sets a word of a Sigset_t, whose width differs between machines.
func setWord[T uint32 | uint64](word *T, n uint64) { *word = T(n) }

// all are limits below any usual ones.
var all = []proc.Limit{
	{Resource: proc.RLIMIT_AS, Soft: 1 << 30, Hard: 1<<30 + 4096},
	{Resource: proc.RLIMIT_CORE, Soft: 0, Hard: 0},
	{Resource: proc.RLIMIT_CPU, Soft: 5, Hard: 6},
	{Resource: proc.RLIMIT_DATA, Soft: 1 << 29, Hard: 1 << 29},
	{Resource: proc.RLIMIT_FSIZE, Soft: 1024, Hard: 2048},
	{Resource: proc.RLIMIT_NOFILE, Soft: 20, Hard: 30},
	{Resource: proc.RLIMIT_NPROC, Soft: 500, Hard: 600},
	{Resource: proc.RLIMIT_STACK, Soft: 1 << 20, Hard: 1 << 21},
}

// limits reads a file like /proc/self/limits: for each name the two values.
func limits(text string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(text) {
		if len(line) > 26 {
			values := strings.Fields(line[26:])
			found[strings.TrimSpace(line[:26])] = strings.Join(values[:2], " ")
		}
	}
	return found
}

func checkLimits(t testing.TB, text string) {
	t.Helper()
	names := []string{"Max address space", "Max core file size", "Max cpu time", "Max data size",
		"Max file size", "Max open files", "Max processes", "Max stack size"}
	found := limits(text)
	for _, l := range all {
		if got, want := found[names[l.Resource]], fmt.Sprint(l.Soft, " ", l.Hard); got != want {
			t.Errorf("%s is %s, want %s", l.Resource, got, want)
		}
	}
}

// The limits are the child's, from its first instruction on, and not ours.
func TestLimits(t *testing.T) {
	before, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		t.Fatal(err)
	}
	c := &proc.Program{Path: "/bin/cat", Args: []string{"cat", "/proc/self/limits"}, Limits: all}
	checkLimits(t, output(t, c))
	after, err := os.ReadFile("/proc/self/limits")
	if err != nil || string(after) != string(before) {
		t.Errorf("the limits here are now %s, %v", after, err)
	}
}

func TestLimitsAct(t *testing.T) {
	for _, test := range []struct {
		name, line string
		limit      proc.Limit
		want       string
	}{
		{"descriptors", "(exec 3</dev/null 4</dev/null) || exit 77", proc.Limit{Resource: proc.RLIMIT_NOFILE, Soft: 4, Hard: 4}, "exit status 77"},
		{"file size", "echo >file 12345678", proc.Limit{Resource: proc.RLIMIT_FSIZE, Soft: 4, Hard: 4}, "SIGXFSZ"},
		{"processor time", "while :; do :; done", proc.Limit{Resource: proc.RLIMIT_CPU, Soft: 1, Hard: 2}, "SIGXCPU"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := sh("ulimit -c 0; " + test.line)
			c.Dir = t.TempDir()
			c.Limits = []proc.Limit{test.limit}
			p := start(t, c)
			status, err := p.Wait()
			status.CoreDumped = false
			if got := status.String(); err != nil || got != test.want {
				t.Errorf("%s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestLimitErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit proc.Limit
		want  error
		text  string
	}{
		{"soft above hard", proc.Limit{Resource: proc.RLIMIT_CPU, Soft: 2, Hard: 1}, unix.EINVAL, "RLIMIT_CPU: prlimit: "},
		{"unknown", proc.Limit{Resource: 99}, unix.EINVAL, "unknown resource: "},
		{"raised", proc.Limit{Resource: proc.RLIMIT_NOFILE, Soft: 1, Hard: proc.Infinity}, unix.EPERM, "RLIMIT_NOFILE: prlimit: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := kit.Descriptors()
			c := sh("echo ran >ran")
			c.Dir = t.TempDir()
			c.Limits = []proc.Limit{{Resource: proc.RLIMIT_CORE}, test.limit}
			_, err := proc.Start(c)
			if !errors.Is(err, test.want) || !strings.HasPrefix(err.Error(), "start /bin/sh: "+test.text) {
				t.Errorf("Start: %v, want %v, %q", err, test.want, test.text)
			}
			noChild(t)
			if after := kit.Descriptors(); !maps.Equal(after, before) {
				t.Errorf("%v are open afterwards, want %v", after, before)
			}
			if _, err := os.Stat(filepath.Join(c.Dir, "ran")); err == nil {
				t.Error("the program has run")
			}
			p, out := startReady(t, "echo ready; while :; do sleep 0.01; done")
			if err := p.SetLimits(test.limit); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("SetLimits: %v, want %v, %q", err, test.want, test.text)
			}
			p.Kill(0)
			readAll(t, out)
			if err := p.SetLimits(test.limit); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("SetLimits of what was reaped: %v, want ErrProcessDone", err)
			}
		})
	}
}

func TestSetLimits(t *testing.T) {
	in, feed := newPipe(t)
	out, w := newPipe(t)
	c := sh("echo ready; read x; cat /proc/$$/limits")
	c.Stdio = proc.Stdio{In: in, Out: w}
	p := start(t, c)
	w.Close()
	readLine(t, out)
	if err := p.SetLimits(all...); err != nil {
		t.Fatal(err)
	}
	write(t, feed, "\n")
	checkLimits(t, readAll(t, out))
	wait(t, p, "exit status 0")
}

// With limits a child is traced for a moment: that takes descriptors like any
// other start, and signals on the way do no harm.
func TestLimitsExhausted(t *testing.T) {
	kit.Exhaust(t, func() error {
		defer noChild(t)
		p, err := proc.Start(&proc.Program{Path: "/bin/sh", Args: []string{"sh", "-c", ":"}, Limits: all[:1]})
		if err != nil {
			return err
		}
		_, err = p.Wait()
		return err
	})
}

func TestTerminalExhausted(t *testing.T) {
	failures := kit.Exhaust(t, func() error {
		ours, childs, err := proc.Terminal()
		if err != nil {
			return err
		}
		return errors.Join(ours.Close(), childs.Close())
	})
	if failures != 2 {
		t.Errorf("%d failures, want 2", failures)
	}
}

func TestTerminal(t *testing.T) {
	ours, childs, err := proc.Terminal()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer childs.Close()
	if ours.Err != nil || ours.In != ours.Out || childs.In != childs.Out || childs.In != childs.Err {
		t.Errorf("ours %v, the child's %v", ours, childs)
	}
	for _, fd := range []*ipc.FD{ours.In, childs.In} {
		if flags, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: not close-on-exec, %v", fd, err)
		}
	}
	c := sh(`test -t 0 && test -t 1 && test -t 2 && trap 'echo interrupted; exit 9' INT && echo terminal >/dev/tty; while :; do sleep 0.01; done`)
	c.Stdio, c.Group = childs, proc.OwnTerminal
	p := start(t, c)
	childs.Close()
	if got := readLine(t, ours.Out); got != "terminal\r" {
		t.Errorf("the child says %q", got)
	}
	if n, err := pipe.Waiting(ours.Out); n != 0 || err != nil {
		t.Errorf("%d bytes wait, %v", n, err)
	}
	write(t, ours.In, "\x03")
	if got := readAll(t, ours.Out); got != "^Cinterrupted\r\n" {
		t.Errorf("after ^C the child says %q", got)
	}
	wait(t, p, "exit status 9")
	if failures := kit.Exhaust(t, func() error {
		ours, childs, err := proc.Terminal()
		return errors.Join(err, ours.Close(), childs.Close())
	}); failures != 2 {
		t.Errorf("%d failures, want 2", failures)
	}
}

// A child whose terminal belongs to somebody else's session.
func TestTerminalTaken(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may take a terminal away from another session (TIOCSCTTY)")
	}
	ours, childs, err := proc.Terminal()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer childs.Close()
	c := sh("while :; do sleep 0.01; done")
	c.Stdio, c.Group = childs, proc.OwnTerminal
	first := start(t, c)
	_, err = proc.Start(c)
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "another session") {
		t.Errorf("Start: %v, want EPERM", err)
	}
	first.Kill(0)
}

// Kill does not wait for ever for one that has stopped.
func TestKillStopped(t *testing.T) {
	p := start(t, sh("kill -STOP $$"))
	var info unix.Siginfo
	for {
		if err := unix.Waitid(unix.P_PID, p.Pid(), &info, unix.WSTOPPED|unix.WNOWAIT, nil); err != unix.EINTR {
			break
		}
	}
	if status, err := p.Kill(20 * time.Millisecond); err != nil || status.Signal != unix.SIGKILL {
		t.Errorf("Kill: %v, %v, want SIGKILL", status, err)
	}
}
