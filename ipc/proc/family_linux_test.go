package proc_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/proc"
)

// adopt has orphans come to the test binary until the test ends.
func adopt(t *testing.T) {
	t.Helper()
	proc.ReapEvery(t, 10*time.Millisecond)
	stop, err := proc.AdoptOrphans()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(stop)
}

// alive reports whether a process runs, and not as a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// eventually waits until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never was so: ", what)
		}
	}
}

// startLeaver starts a line of shell in a session of its own. Its first line of
// output is the number of a process that it has started, which is killed when the
// test ends.
func startLeaver(t *testing.T, line string) (p *proc.Process, left int, out *ipc.FD) {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid(1) is not installed")
	}
	r, w := newPipe(t)
	c := sh(line)
	c.Out, c.Group = w, proc.OwnSession
	p = start(t, c)
	w.Close()
	left, err := strconv.Atoi(readLine(t, r))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if alive(left) {
			unix.Kill(left, unix.SIGKILL)
		}
		eventually(t, "what was left behind is reaped", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/%d", left))
			return err != nil
		})
	})
	return p, left, r
}

const (
	longer = `sh -c 'echo $$; exec sleep 1000' & wait`              // with its parent, in its group
	jobs   = `timeout 1000 sh -c 'echo $$; exec sleep 1000' & wait` // in the group that timeout(1) makes
	away   = `setsid sh -c 'echo $$; exec sleep 1000' & wait`       // in a session of its own
	orphan = `sh -c "timeout 1000 sh -c 'echo \$\$; exec sleep 1000' & exit"; sleep 1000`
	daemon = `sh -c "setsid sh -c 'echo \$\$; exec sleep 1000' & exit"; sleep 1000`
)

// SignalAll reaches whoever belongs to a child, in whatever group.
func TestSignalAll(t *testing.T) {
	adopt(t)
	for _, test := range []struct {
		name, line string
		reached    bool
	}{
		{"in the group", longer, true},
		{"a group of its own", jobs, true},
		{"a session of its own", away, true},
		{"an orphan in a group of its own", orphan, true},
		{"an orphan in a session of its own", daemon, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, left, _ := startLeaver(t, test.line)
			p.SignalAll(unix.SIGTERM)
			wait(t, p, "SIGTERM")
			if test.reached {
				eventually(t, "the other process has ended", func() bool { return !alive(left) })
			} else if !alive(left) {
				t.Error("somebody else's process has ended")
			}
		})
	}
}

// Kill, too, and whatever ignores SIGTERM.
func TestKillReachesAll(t *testing.T) {
	adopt(t)
	for _, line := range []string{longer, jobs, away, orphan} {
		p, left, out := startLeaver(t, "trap '' TERM; "+line+"; while :; do sleep 0.01; done")
		if status, err := p.Kill(time.Millisecond); err != nil || status.Signal != unix.SIGKILL {
			t.Errorf("%s: %v, %v", line, status, err)
		}
		eventually(t, "the other process has ended", func() bool { return !alive(left) })
		readAll(t, out)
	}
}

// inode is the number of a pipe.
func inode(t *testing.T, fd *ipc.FD) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd.Number(), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// KillHolders finds who has a pipe open, however far he has gone, and leaves the
// others alone.
func TestKillHolders(t *testing.T) {
	adopt(t)
	for _, line := range []string{longer, jobs, away, orphan, daemon} {
		p, left, out := startLeaver(t, line)
		r, w := newPipe(t)
		w.Close()
		if n := p.KillHolders(inode(t, r)); n != 0 || !alive(left) {
			t.Errorf("%s: %d processes have another pipe open", line, n)
		}
		if n := p.KillHolders(inode(t, out)); n == 0 {
			t.Errorf("%s: nobody has its pipe open", line)
		}
		eventually(t, "the other process has ended: "+line, func() bool { return !alive(left) })
		p.Kill(0)
		readAll(t, out)
	}
	// One that has ended in order, and left something that holds nothing.
	p, left, out := startLeaver(t, `sh -c 'echo $$; exec sleep 1000 >&- 2>&-' & exit 4`)
	eventually(t, "the child has ended", func() bool { _, ended, _ := p.Ended(); return ended })
	readAll(t, out)
	if n := p.KillHolders(inode(t, out)); n != 0 || !alive(left) {
		t.Errorf("%d processes have a pipe open that has no other end", n)
	}
	if status, ended, err := p.Ended(); status.String() != "exit status 4" || !ended || err != nil {
		t.Errorf("Ended: %v, %t, %v", status, ended, err)
	}
	wait(t, p, "exit status 4")
	if status, ended, err := p.Ended(); status.String() != "exit status 4" || !ended || err != nil {
		t.Errorf("Ended, once it was reaped: %v, %t, %v", status, ended, err)
	}
	if !alive(left) {
		t.Error("who was left behind has ended")
	}
}

// Orphans that end are reaped, and nobody's child is taken from him.
func TestAdoptOrphans(t *testing.T) {
	adopt(t)
	others := exec.Command("/bin/sh", "-c", "exit 5")
	if err := others.Start(); err != nil {
		t.Fatal(err)
	}
	own := start(t, sh("exit 6"))
	awaitZombie(t, own)
	for range 20 {
		wait(t, start(t, sh("sleep 0.1 & sleep 0.01 & exit 0")), "exit status 0")
	}
	// Of others' child nobody knows when it ends, but who waits for it.
	eventually(t, "all orphans are reaped", func() bool { return len(children(t)) == 2 })
	if err := others.Wait(); err == nil || err.Error() != "exit status 5" {
		t.Errorf("somebody else's child: %v", err)
	}
	wait(t, own, "exit status 6")
	if left := children(t); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// children lists the children of the test binary.
func children(t *testing.T) []string {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || lists == nil {
		t.Skip("the system does not list children")
	}
	var all []string
	for _, name := range lists {
		list, _ := os.ReadFile(name)
		all = append(all, strings.Fields(string(list))...)
	}
	return all
}
