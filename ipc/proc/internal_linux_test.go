package proc

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Before Linux 5.11 every descriptor is marked by itself.
func TestCloseEachOnExec(t *testing.T) {
	n, err := unix.FcntlInt(0, unix.F_DUPFD, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(n)
	for _, mark := range []func() error{closeEachOnExec, closeOthersOnExec} {
		if _, err := unix.FcntlInt(uintptr(n), unix.F_SETFD, 0); err != nil {
			t.Fatal(err)
		}
		if err := mark(); err != nil {
			t.Fatal(err)
		}
		if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d is not close-on-exec: %#x, %v", n, flags, err)
		}
		if flags, err := unix.FcntlInt(2, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			t.Errorf("descriptor 2 is close-on-exec: %#x, %v", flags, err)
		}
	}
}

// A signal may be faster than the parent that sets the limits.
func TestSignalWhileTraced(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, sig := range []syscall.Signal{unix.SIGKILL, unix.SIGHUP, unix.SIGTERM} {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "while :; do sleep 0.01; done"}, &syscall.ProcAttr{
			Files: []uintptr{0, 1, 2},
			Sys:   &syscall.SysProcAttr{Setpgid: true, Ptrace: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := newProcess(pid, OwnGroup)
		if err := p.Signal(sig); err != nil {
			t.Error(err)
		}
		if err := p.limitStopped([]Limit{{RLIMIT_CORE, 0, 0}}); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if status, err := p.WaitOrKill(10*time.Second, 0); err != nil || status.Signal != sig {
			t.Errorf("%v: %v, %v", sig, status, err)
		}
	}
}

// A child without a pidfd is asked for now and then.
func TestWaitWithoutPidFD(t *testing.T) {
	for _, test := range []struct {
		line  string
		limit time.Duration
		want  string
	}{
		{"sleep 0.01; exit 3", time.Hour, "exit status 3"},
		{"sleep 100", 2 * tick, "SIGTERM"},
	} {
		p, err := Start(&Program{Path: "/bin/sh", Args: []string{"sh", "-c", test.line}, Env: []string{"PATH=" + os.Getenv("PATH")}})
		if err != nil {
			t.Fatal(err)
		}
		if p.pidfd != nil {
			p.pidfd.Close()
			p.pidfd = nil
		}
		if status, _ := p.WaitOrKill(test.limit, time.Hour); status.String() != test.want {
			t.Errorf("%v, want %s", status, test.want)
		}
	}
}
