package proc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

// TestMain makes the test binary its own child program, too: see child.
func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		child(role)
	}
	kit.Main(m)
}

// childRole is the environment variable that tells a child what to do.
const childRole = "PROC_TEST_CHILD"

// A view is what a child finds around it.
type view struct {
	Args       []string
	Env        []string
	Dir        string
	Files      map[int]string // the open descriptors but the runtime's own
	Pid, Group int
	Session    int
}

func child(role string) {
	switch role {
	case "look":
		dir, _ := os.Getwd()
		session, _ := unix.Getsid(0)
		json.NewEncoder(os.Stdout).Encode(view{os.Args, os.Environ(), dir, files(), os.Getpid(), unix.Getpgrp(), session})
	case "sandboxed":
		startSandboxed(os.Args[1])
	case "leave the group":
		unix.Setpgid(0, os.Getppid())
		if unix.Getpgrp() == os.Getpid() {
			// The parent leads none: another child's will do.
			group, _ := strconv.Atoi(os.Args[1])
			if err := unix.Setpgid(0, group); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		signal.Ignore(unix.SIGTERM)
		fmt.Println("left")
		time.Sleep(time.Hour) // select{} may be found to be a deadlock
	}
	syscall.Exit(0) // os.Exit takes a second under the race detector
}

func files() map[int]string {
	open := make(map[int]string)
	for n := range 1024 {
		if _, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err != nil {
			continue
		}
		what, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(n))
		// The runtime keeps its poller's and the files of its processor share.
		if !strings.HasPrefix(what, "anon_inode:[event") && !strings.HasPrefix(what, "/sys/fs/cgroup/") {
			open[n] = what
		}
	}
	return open
}

// look starts c as a child that looks around, and returns what it sees. Its
// output is ours.
func look(t testing.TB, c proc.Program) view {
	t.Helper()
	r, w := newPipe(t)
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Path = self
	c.Env = append(c.Env, childRole+"=look")
	c.Out = w
	p := start(t, &c)
	w.Close()
	var v view
	if text := readAll(t, r); json.Unmarshal([]byte(text), &v) != nil {
		t.Fatalf("the child says %q", text)
	}
	wait(t, p, "exit status 0")
	return v
}

// sh is a Program of shell.
func sh(line string) *proc.Program {
	return &proc.Program{Path: "/bin/sh", Args: []string{"sh", "-c", line}, Env: []string{"PATH=" + os.Getenv("PATH")}}
}

// start is proc.Start of what is killed when the test ends.
func start(t testing.TB, c *proc.Program) *proc.Process {
	t.Helper()
	p, err := proc.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(0) })
	return p
}

// startReady starts a line of shell, whose first line of output says that it is
// ready, and returns its output, which is open for as long as anybody it started
// is there.
func startReady(t testing.TB, line string) (*proc.Process, *ipc.FD) {
	t.Helper()
	r, w := newPipe(t)
	c := sh(line)
	c.Out = w
	p := start(t, c)
	w.Close()
	readLine(t, r)
	return p, r
}

// wait waits for p and checks its status.
func wait(t testing.TB, p *proc.Process, want string) {
	t.Helper()
	if status, err := p.Wait(); err != nil || status.String() != want {
		t.Errorf("the child ended with %v, %v, want %s", status, err, want)
	}
}

// awaitZombie waits until p has ended, where the system has a way to tell.
func awaitZombie(t testing.TB, p *proc.Process) {
	t.Helper()
	if p.PidFD() == nil {
		return
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.PidFD().Number()), Events: unix.POLLIN}}, -1)
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("poll: %d, %v", n, err)
		}
		return
	}
}

func newPipe(t testing.TB) (r, w *ipc.FD) {
	t.Helper()
	r, w, err := pipe.New(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// readAll reads until the end, which for a terminal is EIO.
func readAll(t testing.TB, fd *ipc.FD) string {
	t.Helper()
	var text []byte
	for b := make([]byte, 4096); ; {
		n, err := pipe.Read(fd, b)
		text = append(text, b[:n]...)
		if n == 0 {
			if err != nil && !errors.Is(err, unix.EIO) {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}

// readLine reads a line, byte by byte.
func readLine(t testing.TB, fd *ipc.FD) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if n, err := pipe.Read(fd, b); n == 0 {
			t.Fatalf("the end after %q, %v", line, err)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func write(t testing.TB, fd *ipc.FD, text string) {
	t.Helper()
	if n, err := pipe.Write(fd, []byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
}

// noChild fails the test when the process has a child.
func noChild(t testing.TB) {
	t.Helper()
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("wait4: %d, %v, want no child", pid, err)
	}
}
