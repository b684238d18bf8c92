package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childrenOf lists the processes that have the process for a parent, and those of
// them that are zombies.
func childrenOf(t *testing.T, pid int) (all, zombies []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || lists == nil {
		t.Skip("the system does not list children")
	}
	for _, name := range lists {
		list, _ := os.ReadFile(name)
		for _, word := range strings.Fields(string(list)) {
			n, _ := strconv.Atoi(word)
			all = append(all, n)
			if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n)); strings.Contains(string(stat), ") Z ") {
				zombies = append(zombies, n)
			}
		}
	}
	return all, zombies
}

// What programs leave behind is reaped, by process 1 of a container and by any
// other.
func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	programs := plantPrograms(t, map[string]string{
		"leaves": "(sleep 0.1 </dev/null >/dev/null 2>&1 &)\nprintf 'Content-Type: text/plain\\n\\ndone'\n",
	})
	for _, first := range []bool{false, true} {
		t.Run(fmt.Sprintf("process 1 %t", first), func(t *testing.T) {
			t.Parallel()
			cmd := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, documents(t, 1))}
			if first {
				if os.Getuid() != 0 {
					t.Skip("only root makes a namespace of process numbers")
				}
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
			}
			cmd.begin(t)
			cmd.listens(t)
			for range 10 {
				if got := cmd.ask(t, "GET /cgi-bin/leaves HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\ndone") {
					t.Errorf("%q", got)
				}
			}
			if all, _ := childrenOf(t, cmd.Process.Pid); len(all) == 0 {
				t.Error("nothing has come to the server")
			}
			eventually(t, "all is reaped", func() bool { all, _ := childrenOf(t, cmd.Process.Pid); return len(all) == 0 })
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, "")
		})
	}
}

// A job in the background outlives the program that has left it, and the server;
// what belongs to a program whose client has gone does not, nor keeps it the server
// from its end.
func TestJobsInTheBackground(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid(1) is not installed")
	}
	programs := plantPrograms(t, map[string]string{
		"job":    "nohup sleep 300 </dev/null >/dev/null 2>&1 &\nprintf 'Content-Type: text/plain\\n\\n%d' $!\n",
		"daemon": "printf 'Content-Type: text/plain\\n\\n'\n(setsid sh -c 'echo $$; exec sleep 300' &)\ntrap '' TERM\nwhile :; do sleep 1; done\n",
	})
	cmd := foreground(t, "-i", "127.0.0.1", "-c", programs, documents(t, 1))
	_, body, _ := strings.Cut(cmd.ask(t, "GET /cgi-bin/job HTTP/1.0\r\n\r\n"), "\r\n\r\n")
	job, err := strconv.Atoi(body)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(job, syscall.SIGKILL)
	conn := cmd.dial(t)
	fmt.Fprint(conn, "GET /cgi-bin/daemon HTTP/1.0\r\n\r\n")
	var said strings.Builder
	for b := make([]byte, 100); !strings.HasSuffix(said.String(), "\n") || strings.HasSuffix(said.String(), "\r\n\r\n"); {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(b[:n])
	}
	_, body, _ = strings.Cut(said.String(), "\r\n\r\n")
	daemon, err := strconv.Atoi(strings.TrimSpace(body))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	conn.(*net.TCPConn).SetLinger(0) // else the server cannot know before it sends more
	conn.Close()
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 0, "")
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the server has taken %v to end", took)
	}
	if err := syscall.Kill(daemon, 0); err == nil {
		eventually(t, "the daemon has ended", func() bool { return syscall.Kill(daemon, 0) != nil })
	}
	if err := syscall.Kill(job, 0); err != nil {
		t.Errorf("the job: %v", err)
	}
}
