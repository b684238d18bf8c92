package proc_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

// sandboxes are what systems refuse: the calls by name.
var sandboxes = map[string][]int{
	"nothing":     nil,
	"ptrace":      {unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV},
	"close_range": {unix.SYS_CLOSE_RANGE},
	"both":        {unix.SYS_PTRACE, unix.SYS_CLOSE_RANGE},
	"prlimit":     {unix.SYS_PRLIMIT64, unix.SYS_SETRLIMIT},
}

// startSandboxed is a child of the test binary that is refused those calls and
// starts a program with limits while a descriptor is open that is not
// close-on-exec. It writes what the program says, or why there is none.
func startSandboxed(sandbox string) {
	stray, err := unix.FcntlInt(0, unix.F_DUPFD, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Close(stray)
	if errno := sys.Refuse(syscall.EPERM, sandboxes[sandbox]...); errno != 0 {
		fmt.Println("no sandbox:", errno)
		return
	}
	fmt.Println(proc.MayLimit())
	fmt.Println(limited())
}

// limited starts a shell with limits, which says what they are and what it has open.
func limited() (string, error) {
	r, w, err := pipe.New(0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	defer w.Close()
	p, err := proc.Start(&proc.Program{
		Path:   "/bin/sh",
		Args:   []string{"sh", "-c", "ulimit -c; ulimit -t; ls /proc/$$/fd; :"},
		Env:    []string{"PATH=/usr/bin:/bin"},
		Stdio:  proc.Stdio{Out: w},
		Limits: []proc.Limit{{Resource: proc.RLIMIT_CORE}, {Resource: proc.RLIMIT_CPU, Soft: 9, Hard: 10}},
	})
	if err != nil {
		return "", err
	}
	w.Close()
	var said []byte
	for b := make([]byte, 100); ; {
		n, err := pipe.Read(r, b)
		if n == 0 || err != nil {
			break
		}
		said = append(said, b[:n]...)
	}
	_, err = p.Wait()
	return strings.Join(strings.Fields(string(said)), " "), err
}

// TestSandbox: a child has its limits and no descriptor but its own wherever it is
// started, or it is not.
func TestSandbox(t *testing.T) {
	const (
		runs    = "<nil>\n0 9 0 1 2 <nil>\n"
		refused = "prlimit: operation not permitted\n start /bin/sh: RLIMIT_CORE: prlimit: operation not permitted\n"
	)
	wants := map[string]string{"nothing": runs, "ptrace": runs, "close_range": runs, "both": runs, "prlimit": refused}
	for sandbox := range sandboxes {
		t.Run(sandbox, func(t *testing.T) {
			c := exec.Command(os.Args[0], sandbox)
			c.Env = append(os.Environ(), childRole+"=sandboxed")
			said, err := c.CombinedOutput()
			if got := string(said); got != wants[sandbox] || err != nil {
				t.Errorf("%q, %v, want %q", got, err, wants[sandbox])
			}
		})
	}
}

// TestTraced: a debugger that follows all children is in nobody's way.
func TestTraced(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	c := exec.Command(strace, "-f", "-qq", "-e", "trace=none", "-e", "signal=none", "-o", os.DevNull, os.Args[0], "nothing")
	c.Env = append(os.Environ(), childRole+"=sandboxed")
	said, err := c.CombinedOutput()
	if want := "<nil>\n0 9 0 1 2 <nil>\n"; string(said) != want || err != nil {
		t.Errorf("%q, %v, want %q", said, err, want)
	}
}

// TestStartBesideReaper: whoever waits for any child does not keep Start waiting,
// and what it takes is told.
func TestStartBesideReaper(t *testing.T) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := syscall.Wait4(-1, nil, syscall.WUNTRACED, nil); err == syscall.ECHILD {
					time.Sleep(time.Millisecond)
				}
			}
		}
	}()
	for range 20 {
		p, err := proc.Start(&proc.Program{Path: "/bin/sh", Args: []string{"sh", "-c", ":"}, Limits: all[:1]})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil && !strings.Contains(err.Error(), "somebody else has") {
			t.Error(err)
		}
		if _, err := proc.Start(&proc.Program{Path: "/nowhere", Limits: all[:1]}); err == nil {
			t.Error("what is not there was started")
		}
	}
	close(stop)
	<-done
}
