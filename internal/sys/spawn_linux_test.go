package sys

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// waysToFork are both: a child that shares the parent's memory, where the system
// has that, and one with a copy.
func waysToFork(t *testing.T, test func(t *testing.T, shares bool)) {
	for _, shares := range []bool{true, false} {
		name := "copy"
		if shares {
			name = "shared"
		}
		t.Run(name, func(t *testing.T) {
			if shares && !sharesMemory() {
				t.Skip("a child cannot share the parent's memory on this system")
			}
			test(t, shares)
		})
	}
}

// spawnShell runs a line of shell as s says and returns its output.
func spawnShell(t *testing.T, s Spawn, shares bool, line string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Path, s.Args = "/bin/sh", []string{"sh", "-c", line}
	s.Files[1], s.Files[2] = int(w.Fd()), int(w.Fd())
	pid, pidfd, step, _, errno := s.start(shares)
	w.Close()
	if errno != 0 {
		t.Fatalf("%s: %v", step.Call(), errno)
	}
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
	said, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status != 0 {
		t.Errorf("it ended with %#x, %v", status, err)
	}
	return string(said)
}

func TestSpawn(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	// One that is not close-on-exec.
	stray, err := unix.FcntlInt(0, unix.F_DUPFD, 200)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stray)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	core := ResourceLimit{unix.RLIMIT_CORE, 0, 0}
	for _, test := range []struct {
		name  string
		spawn Spawn
		line  string
		want  string
	}{
		{"stays", Spawn{DirFD: -1}, "pwd -P", here + "\n"},
		{"chdir", Spawn{DirFD: -1, Dir: dir}, "pwd -P", dir + "\n"},
		{"fchdir", Spawn{DirFD: fd}, "pwd -P", dir + "\n"},
		{"descriptors", Spawn{DirFD: fd}, "ls /proc/$$/fd; :", "0\n1\n2\n"},
		{"arguments", Spawn{DirFD: -1, Env: []string{"A=b", "C=d e"}}, `echo "$A,$C"`, "b,d e\n"},
		{"limits", Spawn{DirFD: -1, Limits: []ResourceLimit{core, {unix.RLIMIT_CPU, 7, 8}, {unix.RLIMIT_NOFILE, 20, 30}}},
			"echo $(ulimit -Sc) $(ulimit -Hc) $(ulimit -St) $(ulimit -Ht) $(ulimit -Sn) $(ulimit -Hn)", "0 0 7 8 20 30\n"},
		{"session", Spawn{DirFD: -1, Session: true}, `read a b c d e f g </proc/$$/stat; [ $f = $$ ] && [ $e = $$ ] && echo leads`, "leads\n"},
		{"group", Spawn{DirFD: -1, Group: true}, `read a b c d e f g </proc/$$/stat; [ $f != $$ ] && [ $e = $$ ] && echo leads`, "leads\n"},
		{"neither", Spawn{DirFD: -1}, `read a b c d e f g </proc/$$/stat; [ $f != $$ ] && [ $e != $$ ] && echo follows`, "follows\n"},
		{"no new privileges", Spawn{DirFD: -1, NoNewPrivs: true}, "grep NoNewPrivs /proc/$$/status", "NoNewPrivs:\t1\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			waysToFork(t, func(t *testing.T, shares bool) {
				s := test.spawn
				s.Env = append(s.Env, "PATH=/usr/bin:/bin")
				if got := spawnShell(t, s, shares, test.line); got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
			})
		})
	}
}

// TestSpawnFiles moves descriptors to each other's numbers.
func TestSpawnFiles(t *testing.T) {
	waysToFork(t, func(t *testing.T, shares bool) {
		dir := t.TempDir()
		// 0, 1 and 2 of this process are in the way of each other.
		for _, files := range [][3]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {1, 0, 0}, {2, 2, 1}} {
			var want []string
			for _, n := range files {
				name, err := os.Readlink(fmt.Sprint("/proc/self/fd/", n))
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, name)
			}
			file := filepath.Join(dir, "said")
			s := Spawn{Path: "/bin/sh", DirFD: -1, Files: files, Env: []string{"PATH=/usr/bin:/bin"},
				Args: []string{"sh", "-c", "(for n in 0 1 2; do readlink /proc/$$/fd/$n; done) >" + file + ""}}
			pid, pidfd, step, _, errno := s.start(shares)
			if errno != 0 {
				t.Fatalf("%v: %s: %v", files, step.Call(), errno)
			}
			unix.Close(pidfd)
			syscall.Wait4(pid, nil, 0, nil)
			said, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(want, "\n") + "\n"; string(said) != got {
				t.Errorf("%v: %q, want %q", files, said, got)
			}
		}
	})
}

// TestSpawnFails: each step says which it is, and leaves nothing.
func TestSpawnFails(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	n := int(null.Fd())
	files := [3]int{n, n, n}
	sh := []string{"sh", "-c", ":"}
	for _, test := range []struct {
		name  string
		spawn Spawn
		step  SpawnStep
		index int
		errno syscall.Errno
	}{
		{"no program", Spawn{Path: "/nowhere", Args: sh, DirFD: -1, Files: files}, SpawnExec, 0, syscall.ENOENT},
		{"a directory", Spawn{Path: "/", Args: sh, DirFD: -1, Files: files}, SpawnExec, 0, syscall.EACCES},
		{"no directory", Spawn{Path: "/bin/sh", Args: sh, Dir: "/nowhere", DirFD: -1, Files: files}, SpawnChdir, 0, syscall.ENOENT},
		{"no open directory", Spawn{Path: "/bin/sh", Args: sh, DirFD: n, Files: files}, SpawnFchdir, 0, syscall.ENOTDIR},
		{"closed", Spawn{Path: "/bin/sh", Args: sh, DirFD: -1, Files: [3]int{n, 987, n}}, SpawnDup, 0, syscall.EBADF},
		{"no terminal", Spawn{Path: "/bin/sh", Args: sh, DirFD: -1, Files: files, Session: true, Terminal: true}, SpawnTerminal, 0, syscall.ENOTTY},
		{"limit", Spawn{Path: "/bin/sh", Args: sh, DirFD: -1, Files: files,
			Limits: []ResourceLimit{{unix.RLIMIT_CORE, 0, 0}, {unix.RLIMIT_CPU, 2, 1}}}, SpawnLimit, 1, syscall.EINVAL},
		{"NUL", Spawn{Path: "/bin/sh\x00", Args: sh, DirFD: -1, Files: files}, SpawnExec, 0, syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			waysToFork(t, func(t *testing.T, shares bool) {
				before := openNow(t)
				pid, pidfd, step, index, errno := test.spawn.start(shares)
				if errno != test.errno || step != test.step || index != test.index || pidfd != -1 || pid != 0 {
					t.Errorf("process %d, descriptor %d, %s, %d: %v; want %s, %d: %v", pid, pidfd, step.Call(), index, errno, test.step.Call(), test.index, test.errno)
				}
				if got := openNow(t); got != before {
					t.Errorf("open afterwards: %s, before: %s", got, before)
				}
				if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
					t.Errorf("a child is left: %d, %v", pid, err)
				}
			})
		})
	}
}

func openNow(t *testing.T) string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(len(entries))
}

// TestSpawnAtOnce: many goroutines start children while others use the heap and
// grow their stacks.
func TestSpawnAtOnce(t *testing.T) {
	waysToFork(t, func(t *testing.T, shares bool) {
		stop := make(chan struct{})
		var busy, starters sync.WaitGroup
		for range 2 {
			busy.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						grow(make([]byte, 1<<10), 100)
					}
				}
			})
		}
		for i := range 4 {
			starters.Go(func() {
				for j := range 25 {
					want := fmt.Sprint(100*i+j, "\n")
					if got := spawnShell(t, Spawn{DirFD: -1, Env: []string{"N=" + strconv.Itoa(100*i+j)}}, shares, "echo $N"); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				}
			})
		}
		starters.Wait()
		close(stop)
		busy.Wait()
	})
}

func grow(b []byte, n int) int {
	if n == 0 {
		return len(b)
	}
	return grow(append(b, byte(n)), n-1)
}

// TestMarkOthers: where a child cannot close all at once, each is marked by itself,
// with the system's list of them and without.
func TestMarkOthers(t *testing.T) {
	n, err := unix.FcntlInt(0, unix.F_DUPFD, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(n)
	for _, mark := range []func(){markOthers, markEach} {
		if _, err := unix.FcntlInt(uintptr(n), unix.F_SETFD, 0); err != nil {
			t.Fatal(err)
		}
		mark()
		if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d is not close-on-exec: %#x, %v", n, flags, err)
		}
		if flags, err := unix.FcntlInt(2, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			t.Errorf("descriptor 2 is close-on-exec: %#x, %v", flags, err)
		}
	}
}

// TestGoLowered: the limit that package syscall has raised is put back, and no
// other.
func TestGoLowered(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	said := func(limits ...ResourceLimit) string {
		return spawnShell(t, Spawn{DirFD: -1, Limits: limits}, false, "echo $(ulimit -Sn) $(ulimit -Hn)")
	}
	want := fmt.Sprintf("%d %d\n", limit.Cur, limit.Max)
	if limit.Cur == limit.Max-1 && limit.Cur > 1024 {
		want = fmt.Sprintf("1024 %d\n", limit.Max)
	}
	if got := said(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := said(ResourceLimit{unix.RLIMIT_NOFILE, 100, 100}), "100 100\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkSpawn(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	n := int(null.Fd())
	for _, shares := range []bool{true, false} {
		b.Run(fmt.Sprintf("shares=%t", shares), func(b *testing.B) {
			for b.Loop() {
				s := Spawn{Path: "/bin/true", Args: []string{"true"}, DirFD: -1, Files: [3]int{n, n, n}, Limits: []ResourceLimit{{unix.RLIMIT_CORE, 0, 0}}}
				pid, pidfd, _, _, errno := s.start(shares)
				if errno != 0 {
					b.Fatal(errno)
				}
				syscall.Wait4(pid, nil, 0, nil)
				unix.Close(pidfd)
			}
		})
	}
	b.Run("ForkExec", func(b *testing.B) {
		for b.Loop() {
			pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Files: []uintptr{uintptr(n), uintptr(n), uintptr(n)}})
			if err != nil {
				b.Fatal(err)
			}
			syscall.Wait4(pid, nil, 0, nil)
		}
	})
}
