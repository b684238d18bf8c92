//go:build unix

package kit

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if blame[os.Getenv(leave)] != "" {
		settle = 0 // what is left there for ever is left at once
	}
	Main(m)
}

// leave is the environment variable that tells TestLeave what to leave behind.
const leave = "KIT_TEST_LEAVE"

// blame is what Main says to what it must find in leaving; to the rest it must
// say nothing.
var blame = map[string]string{
	"a descriptor":                    "descriptor ",
	"a descriptor in another's place": "descriptor 0: ",
	"a goroutine":                     "kit.init.func",
	"a child that runs":               "a child that runs",
	"a child not waited for":          "was not waited for",
}

// leaving leaves something behind, for ever or for a while.
var leaving = map[string]func(t *testing.T){
	"nothing":      func(t *testing.T) {},
	"a descriptor": func(t *testing.T) { pipe(t) },
	"a descriptor in another's place": func(t *testing.T) {
		// The number was open before, as stdin.
		r, _ := pipe(t)
		if err := syscall.Close(0); err != nil {
			t.Fatal(err)
		}
		if n, err := syscall.Dup(r); err != nil || n != 0 {
			t.Fatalf("dup = %d, %v, want 0", n, err)
		}
	},
	"a goroutine": func(t *testing.T) { go func() { select {} }() },
	"a goroutine about to end": func(t *testing.T) {
		go func() { time.Sleep(20 * time.Millisecond) }()
	},
	"a signal handler":  func(t *testing.T) { signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1) },
	"a child that runs": func(t *testing.T) { startChild(t, "run") },
	"a child not waited for": func(t *testing.T) {
		child := startChild(t, "end")
		for !ended(child.Process.Pid) {
			runtime.Gosched()
		}
	},
	"a child waited for":   func(t *testing.T) { startChild(t, "end").Wait() },
	"a child in good time": func(t *testing.T) { go startChild(t, "end").Wait() },
}

// ended reports whether a child that nobody has waited for has ended, where the
// system has files that say so (proc(5)). Its first thread ends before the last.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z") && len(threads) == 1
}

// pipe returns the numbers of a pipe that nobody closes.
func pipe(t *testing.T) (r, w int) {
	p := make([]int, 2)
	if err := syscall.Pipe(p); err != nil {
		t.Fatal(err)
	}
	return p[0], p[1]
}

// startChild starts this binary for TestChild. It runs until its stdin ends,
// which for "run" is the end of this process.
func startChild(t *testing.T, what string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), leave+"=child")
	var stdin int
	if what == "run" {
		var w int
		stdin, w = pipe(t)
		syscall.CloseOnExec(stdin)
		syscall.CloseOnExec(w)
		cmd.Stdin = os.NewFile(uintptr(stdin), "pipe")
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestChild is what startChild starts.
func TestChild(t *testing.T) {
	if os.Getenv(leave) != "child" {
		t.Skip("only as a child of TestLeave")
	}
	os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// TestLeave leaves behind what its parent, TestMainFinds, asks for.
func TestLeave(t *testing.T) {
	f := leaving[os.Getenv(leave)]
	if f == nil {
		t.Skip("only as a child of TestMainFinds")
	}
	f(t)
}

func TestMainFinds(t *testing.T) {
	if os.Getenv(leave) != "" {
		t.Skip("not within itself")
	}
	for what := range leaving {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestLeave$")
			cmd.Env = append(os.Environ(), leave+"="+what)
			out, err := cmd.CombinedOutput()
			got := string(out)
			if want := blame[what]; want == "" {
				if err != nil || strings.Contains(got, "kit:") {
					t.Errorf("%v, want success without a complaint:\n%s", err, got)
				}
			} else if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(got, "kit: the tests leave behind:") || !strings.Contains(got, want) {
				t.Errorf("%v, want exit status 1 and %q:\n%s", err, want, got)
			}
		})
	}
}

func TestSocketDir(t *testing.T) {
	var dir string
	t.Run("a test whose name alone is longer than any address of a socket could ever be, were it a path", func(t *testing.T) {
		dir = SocketDir(t)
		path := filepath.Join(dir, strings.Repeat("x", 63))
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
			t.Errorf("bind %s: %v", path, err)
		}
		if other := SocketDir(t); other == dir {
			t.Errorf("two folders are one: %s", dir)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("stat %s after the test: %v, want that it does not exist", dir, err)
	}
}
