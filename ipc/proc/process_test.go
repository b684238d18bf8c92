package proc_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc/proc"
)

// never is a time that no test takes.
const never = time.Hour

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		line   string
		code   int
		signal syscall.Signal
		text   string
	}{
		{"exit 0", 0, 0, "exit status 0"},
		{"exit 3", 3, 0, "exit status 3"},
		{"exit 255", 255, 0, "exit status 255"},
		{"kill -KILL $$", -1, unix.SIGKILL, "SIGKILL"},
		{"kill -TERM $$", -1, unix.SIGTERM, "SIGTERM"},
		{"kill -PIPE $$", -1, unix.SIGPIPE, "SIGPIPE"},
		{"ulimit -c 0; kill -SEGV $$", -1, unix.SIGSEGV, "SIGSEGV"},
	} {
		t.Run(test.line, func(t *testing.T) {
			status, err := start(t, sh(test.line)).Wait()
			if err != nil || status.Code != test.code || status.Signal != test.signal || status.String() != test.text {
				t.Errorf("%+v, %v, want %s", status, err, test.text)
			}
			if status.Success() != (test.text == "exit status 0") {
				t.Errorf("Success is %v", status.Success())
			}
			if status.CPU() <= 0 {
				t.Errorf("it took %v", status.CPU())
			}
		})
	}
	if got := (proc.Status{Code: -1, Signal: 99, CoreDumped: true}).String(); got != "signal 99 (core dumped)" {
		t.Error(got)
	}
}

// All who wait are told, and those who come later.
func TestWaitTogether(t *testing.T) {
	in, feed := newPipe(t)
	c := sh("read x; exit 4")
	c.In = in
	p := start(t, c)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { wait(t, p, "exit status 4") })
	}
	write(t, feed, "\n")
	all.Wait()
	wait(t, p, "exit status 4")
	status, ended, err := p.TryWait()
	if status.Code != 4 || !ended || err != nil {
		t.Errorf("TryWait: %v, %v, %v", status, ended, err)
	}
	if status, err := p.Kill(never); status.Code != 4 || err != nil {
		t.Errorf("Kill: %v, %v", status, err)
	}
	if status, err := p.WaitOrKill(0, 0); status.Code != 4 || err != nil {
		t.Errorf("WaitOrKill: %v, %v", status, err)
	}
	for name, err := range map[string]error{"Signal": p.Signal(unix.SIGTERM), "SignalGroup": p.SignalGroup(unix.SIGTERM)} {
		if !errors.Is(err, os.ErrProcessDone) || !strings.HasPrefix(err.Error(), "send SIGTERM to ") {
			t.Errorf("%s to what was reaped: %v, want ErrProcessDone", name, err)
		}
	}
}

func TestTryWait(t *testing.T) {
	in, feed := newPipe(t)
	c := sh("read x; exit 5")
	c.In = in
	p := start(t, c)
	if status, ended, err := p.TryWait(); ended || err != nil {
		t.Errorf("TryWait of a child that runs: %v, %v, %v", status, ended, err)
	}
	waiter := make(chan bool)
	go func() { wait(t, p, "exit status 5"); close(waiter) }()
	write(t, feed, "\n")
	for {
		status, ended, err := p.TryWait()
		if err != nil || ended && status.Code != 5 {
			t.Fatalf("TryWait: %v, %v, %v", status, ended, err)
		}
		if ended {
			break
		}
	}
	<-waiter
}

func TestSignal(t *testing.T) {
	p, out := startReady(t, `trap 'echo usr1; exit 6' USR1; echo ready; while :; do sleep 0.01; done`)
	if err := p.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, out); got != "usr1\n" {
		t.Errorf("the child says %q", got)
	}
	// It is a zombie by now, or soon: its number is its own.
	if err := p.Signal(unix.SIGUSR1); err != nil {
		t.Error(err)
	}
	// Signals without a name go by their number (kill(2): 0 only asks).
	if err := p.Signal(0); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf("send signal 99 to process %d: kill: invalid argument", p.Pid())
	if err := p.Signal(99); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	wait(t, p, "exit status 6")
}

// A signal for the group reaches who is in it, the end of the child not being
// the end of the group.
func TestSignalGroup(t *testing.T) {
	p, out := startReady(t, `sh -c 'trap "echo grandchild; exit" USR1; echo ready; while :; do sleep 0.01; done' & exit 1`)
	awaitZombie(t, p) // while nobody has reaped it its group can be reached
	if err := p.SignalGroup(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, out); got != "grandchild\n" {
		t.Errorf("the group says %q", got)
	}
	wait(t, p, "exit status 1")

	c := sh("exit 0")
	c.Group = proc.ParentsGroup
	p = start(t, c)
	if err := p.SignalGroup(unix.SIGTERM); !errors.Is(err, unix.EINVAL) {
		t.Errorf("SignalGroup without a group: %v, want EINVAL", err)
	}
	wait(t, p, "exit status 0")
}

// The output ends when all that had it open are gone.
func TestKill(t *testing.T) {
	for _, test := range []struct {
		name, line string
		grace      time.Duration
		out, want  string
	}{
		{"at once", `trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done`, 0, "", "SIGKILL"},
		{"who listens", `trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done`, never, "asked\n", "exit status 7"},
		{"who does not listen", `trap '' TERM; echo ready; while :; do sleep 0.01; done`, 20 * time.Millisecond, "", "SIGKILL"},
		{"with descendants", `trap 'exit 7' TERM; sh -c 'trap "" TERM; echo ready; while :; do sleep 0.01; done' & wait`, never, "", "exit status 7"},
		{"who has ended", `echo ready; exit 3`, never, "", "exit status 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, out := startReady(t, test.line)
			if test.name == "who has ended" {
				awaitZombie(t, p)
			}
			if status, err := p.Kill(test.grace); err != nil || status.String() != test.want {
				t.Errorf("Kill: %v, %v, want %s", status, err, test.want)
			}
			if got := readAll(t, out); got != test.out {
				t.Errorf("output %q, want %q", got, test.out)
			}
			noChild(t)
		})
	}
}

// Who is left of the group goes with the child, whichever way that is reaped.
func TestTakeGroupAlong(t *testing.T) {
	for name, reap := range map[string]func(p *proc.Process){
		"Wait": func(p *proc.Process) { p.Wait() },
		"TryWait": func(p *proc.Process) {
			for ended := false; !ended; {
				_, ended, _ = p.TryWait()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, out := startReady(t, `sh -c 'trap "" TERM; echo ready; while :; do sleep 0.01; done' & read x; exit 2`)
			p.TakeGroupAlong()
			reap(p)
			wait(t, p, "exit status 2")
			if got := readAll(t, out); got != "" {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestSetPriority(t *testing.T) {
	in, feed := newPipe(t)
	c := sh("read x")
	c.In = in
	p := start(t, c)
	if err := p.SetPriority(7); err != nil {
		t.Fatal(err)
	}
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, p.Pid())
	if runtime.GOOS == "linux" {
		nice = 20 - nice // the system call's own scale (getpriority(2))
	}
	if nice != 7 || err != nil {
		t.Errorf("nice is %d, %v, want 7", nice, err)
	}
	write(t, feed, "\n")
	p.Wait()
	if err := p.SetPriority(7); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("of what was reaped: %v, want ErrProcessDone", err)
	}
}

// Kill ends a child for which somebody waits already.
func TestKillWhileWaiting(t *testing.T) {
	for _, grace := range []time.Duration{0, 20 * time.Millisecond} {
		p, out := startReady(t, `trap '' TERM; sh -c 'trap "" TERM; while :; do sleep 0.01; done' & echo ready; while :; do sleep 0.01; done`)
		waiter := make(chan bool)
		go func() { wait(t, p, "SIGKILL"); close(waiter) }()
		if status, err := p.Kill(grace); err != nil || status.Signal != unix.SIGKILL {
			t.Errorf("Kill: %v, %v", status, err)
		}
		<-waiter
		if got := readAll(t, out); got != "" {
			t.Errorf("output %q", got)
		}
	}
}

// A child in its parent's group dies alone.
func TestKillInParentsGroup(t *testing.T) {
	c := sh("while :; do sleep 0.01; done")
	c.Group = proc.ParentsGroup
	p := start(t, c)
	if status, err := p.Kill(never); err != nil || status.Signal != unix.SIGTERM {
		t.Errorf("Kill: %v, %v, want SIGTERM", status, err)
	}
}

// A child that has left for another group is reached all the same.
func TestKillOutsideGroup(t *testing.T) {
	other := start(t, sh("while :; do sleep 0.01; done"))
	r, w := newPipe(t)
	p := start(t, &proc.Program{
		Path:  os.Args[0],
		Args:  []string{"leaver", strconv.Itoa(other.Pid())},
		Env:   []string{childRole + "=leave the group"},
		Stdio: proc.Stdio{Out: w},
	})
	w.Close()
	if got := readLine(t, r); got != "left" {
		t.Fatal(got)
	}
	if status, err := p.Kill(time.Millisecond); err != nil || status.Signal != unix.SIGKILL {
		t.Errorf("Kill: %v, %v, want SIGKILL", status, err)
	}
	if _, ended, err := other.TryWait(); ended || err != nil {
		t.Errorf("the other child has ended: %v, %v", ended, err)
	}
}

func TestWaitOrKill(t *testing.T) {
	for _, test := range []struct {
		name, line   string
		limit, grace time.Duration
		want         string
		late         bool
	}{
		{"in time", "exit 2", never, 0, "exit status 2", false},
		{"late", "while :; do sleep 0.01; done", 20 * time.Millisecond, 0, "SIGKILL", true},
		{"late, asked", "while :; do sleep 0.01; done", 20 * time.Millisecond, never, "SIGTERM", true},
		{"no time at all", "while :; do sleep 0.01; done", 0, 0, "SIGKILL", true},
		{"negative time", "while :; do sleep 0.01; done", -1, 0, "SIGKILL", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			status, err := start(t, sh(test.line)).WaitOrKill(test.limit, test.grace)
			if status.String() != test.want || errors.Is(err, os.ErrDeadlineExceeded) != test.late || (err != nil) != test.late {
				t.Errorf("%v, %v, want %s", status, err, test.want)
			}
			if test.late && time.Since(began) < test.limit {
				t.Errorf("after %v, want %v at least", time.Since(began), test.limit)
			}
		})
	}
}

// Many at once, of many kinds: each status is its own child's, and nothing is
// left (TestMain counts).
func TestMany(t *testing.T) {
	kinds := []struct {
		line string
		end  func(p *proc.Process) (proc.Status, error)
		want string
	}{
		{"exit 3", (*proc.Process).Wait, "exit status 3"},
		{"kill -HUP $$", (*proc.Process).Wait, "SIGHUP"},
		{"exec sleep 100", func(p *proc.Process) (proc.Status, error) { return p.Kill(0) }, "SIGKILL"},
		{"sleep 100 & sleep 100", func(p *proc.Process) (proc.Status, error) { return p.Kill(never) }, "SIGTERM"},
		{"exec >&- 2>&-; exec sleep 100", func(p *proc.Process) (proc.Status, error) {
			status, err := p.WaitOrKill(time.Millisecond, 0)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil
			}
			return status, err
		}, "SIGKILL"},
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				kind := kinds[(i+j)%len(kinds)]
				p, err := proc.Start(sh(kind.line))
				if err != nil {
					t.Error(err)
					return
				}
				if status, err := kind.end(p); err != nil || status.String() != kind.want {
					t.Errorf("%s: %v, %v, want %s", kind.line, status, err, kind.want)
				}
			}
		})
	}
	all.Wait()
	noChild(t)
}

// Somebody else takes the status: an error and no hang.
func TestStolen(t *testing.T) {
	p := start(t, sh("exit 1"))
	if _, err := syscall.Wait4(p.Pid(), nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := p.Wait(); !errors.Is(err, unix.ECHILD) || !strings.Contains(err.Error(), "somebody else has") {
			t.Errorf("Wait: %v, want ECHILD", err)
		}
	}
}

// Other children are left to those who wait for them.
func TestOtherChildren(t *testing.T) {
	other, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "exit 9"}, new(os.ProcAttr))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, start(t, sh("exit 1")), "exit status 1")
	start(t, sh("while :; do sleep 0.01; done")).Kill(0)
	if state, err := other.Wait(); err != nil || state.ExitCode() != 9 {
		t.Errorf("the other child: %v, %v", state, err)
	}
}
