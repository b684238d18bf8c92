package main

import (
	"bytes"
	"fmt"
	"io"
	"log/syslog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// A daemon has nothing left of the command that started it: session, terminal,
// working directory, descriptors.
func TestDaemon(t *testing.T) {
	adoptOrphans(t)
	docs := documents(t, 3)
	dir := kit.SocketDir(t)
	inherited, err := os.Create(filepath.Join(dir, "inherited"))
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	stdin, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer theirs.Close()

	// Relative paths, all of them, from the directory that is left.
	cmd := sws(t, "-i", "unix:socket", "-l", "log", "docs")
	cmd.Dir = dir
	if err := os.Symlink(docs, filepath.Join(dir, "docs")); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = stdin
	cmd.ExtraFiles = []*os.File{nil, nil, inherited} // its descriptor 5
	// That the output comes to its end shows that the daemon does not hold it.
	if output, err := cmd.CombinedOutput(); err != nil || len(output) > 0 {
		t.Fatalf("%v, output %q; want silence and exit status 0", err, output)
	}

	conn, err := net.Dial("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hangs))
	pid, err := peerPID(conn.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			syscall.Kill(pid, syscall.SIGKILL)
			syscall.Wait4(pid, nil, 0, nil)
		}
	})
	if pid == cmd.Process.Pid {
		t.Error("the command serves by itself")
	}
	proc := "/proc/" + strconv.Itoa(pid)

	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(stat, []byte(") ")) // behind the name (proc(5))
	fields := strings.Fields(string(after))      // state ppid pgrp session tty_nr ...
	if session := fields[3]; session != strconv.Itoa(pid) {
		t.Errorf("session %s, want its own, %d", session, pid)
	}
	if terminal := fields[4]; terminal != "0" {
		t.Errorf("controlling terminal %s, want 0 for none", terminal)
	}
	if cwd, err := os.Readlink(proc + "/cwd"); cwd != "/" {
		t.Errorf("working directory %s, %v; want /", cwd, err)
	}
	environ, err := os.ReadFile(proc + "/environ")
	if err != nil || len(environ) == 0 {
		t.Errorf("environment %q, %v", environ, err)
	}

	const request = "GET /file HTTP/1.0\r\n\r\n"
	io.WriteString(conn, request)
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(answer), "\r\n\r\nxxx") {
		t.Errorf("%v, %q", err, answer)
	}
	wantOwnDescriptors(t, proc+"/fd", docs, dir) // now that it serves

	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := waitForDaemon(pid); err != nil {
		t.Error(err)
	}
	ended = true
	if _, err := os.Lstat(filepath.Join(dir, "socket")); !os.IsNotExist(err) {
		t.Errorf("the socket's file is left: %v", err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || bytes.Count(log, []byte("\n")) != 1 {
		t.Errorf("log %q, %v; want one line", log, err)
	}
}

// wantOwnDescriptors checks that a daemon holds /dev/null three times, and
// otherwise only what it opened itself: the docroot, the log, sockets, what it
// waits with, the loops' reserves, and the way to its own descriptors. To know how many cores there are, Go's
// runtime keeps files of its cgroup open, and the C library opens one for a
// moment.
func wantOwnDescriptors(t *testing.T, fds, docs, dir string) {
	t.Helper()
	var foreign []string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if foreign = foreignDescriptors(t, fds, docs, dir); len(foreign) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("the daemon holds %q", foreign)
			return
		}
	}
}

func foreignDescriptors(t *testing.T, fds, docs, dir string) (foreign []string) {
	t.Helper()
	entries, err := os.ReadDir(fds)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		what, err := os.Readlink(filepath.Join(fds, entry.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		n, _ := strconv.Atoi(entry.Name())
		own := what == "/dev/null" || n > 2 &&
			(strings.HasPrefix(what, docs) || what == filepath.Join(dir, "log") ||
				strings.HasPrefix(what, "socket:") || strings.HasPrefix(what, "anon_inode:") ||
				strings.HasPrefix(what, "/sys/fs/cgroup/") || what == fds)
		if !own {
			foreign = append(foreign, fmt.Sprintf("descriptor %d: %s", n, what))
		}
	}
	return foreign
}

// What the daemon cannot say itself, the command says for it.
func TestDaemonDies(t *testing.T) {
	cmd := sws(t, documents(t, 1))
	cmd.Env = append(cmd.Env, diesEarly+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Run()
	if got, want := stderr.String(), "sws: the daemon died: exit status 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := cmd.ProcessState.ExitCode(); got != 3 {
		t.Errorf("%v, want the daemon's exit status", cmd.ProcessState)
	}
}

// A daemon of which nobody was told does not stay.
func TestCommandGoesAway(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	name, err := pipeName(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(kit.SocketDir(t), "s")
	cmd := sws(t, "-i", "unix:"+socket, documents(t, 1))
	cmd.Env = append(cmd.Env, daemonMark+"="+name)
	cmd.ExtraFiles = []*os.File{w}
	cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("%v, want exit status 1", cmd.ProcessState)
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket's file is left: %v", err)
	}
}

// A process that has the mark of the daemon in its environment, but was not
// started as one, starts a daemon as any other: whatever its descriptor 3 is.
func TestMarkOfAnother(t *testing.T) {
	adoptOrphans(t)
	docs := documents(t, 1)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	name, err := pipeName(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(docs, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	another, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	defer theirs.Close()
	for _, c := range []struct {
		name, mark string
		third      *os.File // descriptor 3; nil: it is closed
	}{
		{"nothing open", "1", nil},
		{"no pipe", name, file},
		{"a pipe with a mark of nothing", "1", w},
		{"another pipe", name, theirs},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket := filepath.Join(kit.SocketDir(t), "s")
			cmd := sws(t, "-i", "unix:"+socket, docs)
			cmd.Env = append(cmd.Env, daemonMark+"="+c.mark)
			cmd.ExtraFiles = []*os.File{c.third}
			if output, err := cmd.CombinedOutput(); err != nil || len(output) > 0 {
				t.Fatalf("%v, output %q; want silence and exit status 0", err, output)
			}
			endDaemon(t, socket)

			// What the daemon cannot do, the command says.
			cmd = sws(t, "-i", "unix:/nowhere/s", docs)
			cmd.Env = append(cmd.Env, daemonMark+"="+c.mark)
			cmd.ExtraFiles = []*os.File{c.third}
			output, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(output), "/nowhere/s: bind: no such file or directory") {
				t.Errorf("%v, output %q; want the error", err, output)
			}
		})
	}
}

// endDaemon ends the daemon that listens at a UNIX socket.
func endDaemon(t *testing.T, socket string) {
	t.Helper()
	pid, err := daemonAt(socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := waitForDaemon(pid); err != nil {
		t.Error(err)
	}
}

// In a chroot there may be no /proc, nor /dev/fd with it: the daemon starts by
// the name that the command was called by, and inherits nothing either.
func TestDaemonWithoutProc(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector reads /proc itself, and complains without it")
	}
	adoptOrphans(t)
	docs := documents(t, 1)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, "sws")); err != nil {
		t.Fatal(err)
	}
	withoutProc := func(t *testing.T, sh string, args ...string) *exec.Cmd {
		t.Helper()
		cmd := sws(t)
		cmd.Path = "/bin/bash" // which can give a program another name
		// The mount ends with the namespace, and that with its last process.
		cmd.Args = append([]string{"bash", "-c", "mount -t tmpfs none /proc && " + sh, "bash"}, args...)
		cmd.Dir = bin
		cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		return cmd
	}
	if output, err := withoutProc(t, "test ! -e /proc/self").CombinedOutput(); err != nil {
		t.Skipf("this process may not hide /proc from others that it starts: %v %s", err, output)
	}
	for _, c := range []struct{ name, sh string }{
		{"by a path", `exec ./sws "$@"`},
		{"by name", `exec sws "$@"`},
		{"with a descriptor", `exec ./sws "$@" 5</dev/zero`},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket := filepath.Join(kit.SocketDir(t), "s")
			cmd := withoutProc(t, c.sh, "-i", "unix:"+socket, docs)
			if output, err := cmd.CombinedOutput(); err != nil || len(output) > 0 {
				t.Fatalf("%v, output %q; want silence and exit status 0", err, output)
			}
			pid, err := daemonAt(socket)
			if err != nil {
				t.Fatal(err)
			}
			wantOwnDescriptors(t, "/proc/"+strconv.Itoa(pid)+"/fd", docs, "")
			endDaemon(t, socket)
		})
	}
	t.Run("by a name that leads nowhere", func(t *testing.T) {
		output, _ := withoutProc(t, `exec -a none ./sws "$@"`, docs).CombinedOutput()
		const want = "sws: start the daemon: the path of sws itself cannot be found: readlink /proc/self/exe: no such file or directory; " +
			"exec: \"none\": executable file not found in $PATH; call it by its path; with -f sws serves in the foreground\n"
		if string(output) != want {
			t.Errorf("output %q, want %q", output, want)
		}
	})
}

// After its start a daemon complains to the system's log.
func TestDaemonComplains(t *testing.T) {
	path := filepath.Join(kit.SocketDir(t), "log")
	system, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	command, status, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer command.Close()
	var log *syslog.Writer
	d := &daemon{status: status, dial: func() (*syslog.Writer, error) {
		log, err = syslog.Dial("unixgram", path, syslog.LOG_DAEMON|syslog.LOG_WARNING, "sws")
		return log, err
	}}
	t.Chdir("/") // ready goes there, and the test comes back
	io.WriteString(d, "sws: early\n")
	if err := d.ready(nil); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(command); err != nil || string(said) != "sws: early\n"+string(allIsWell) {
		t.Errorf("the command is told %q, %v", said, err)
	}
	io.WriteString(d, "sws: late\n")
	defer log.Close()
	message := make([]byte, 256)
	n, err := system.Read(message)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(message[:n]); !strings.HasPrefix(got, "<28>") || !strings.HasSuffix(got, "]: late\n") {
		t.Errorf("the system's log is told %q", got)
	}
}

// The limit of open files is raised as far as the system lets it, since each
// client needs one. (Go's runtime does so; this is to know that it does.)
func TestRaisesDescriptorLimit(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	limited := &command{Cmd: sws(t)}
	limited.Path, limited.Args = "/bin/sh", []string{"sh", "-c", `ulimit -Sn 64; exec "$0" "$@"`,
		exe, "-f", "-p", "0", "-i", "127.0.0.1", documents(t, 1)}
	limited.begin(t)
	if _, err := limited.stdout.ReadString('\n'); err != nil {
		t.Fatalf("%v: %s", err, &limited.stderr)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(limited.Process.Pid) + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			var soft, hard int
			fmt.Sscan(rest, &soft, &hard)
			if soft < hard-1 { // Go leaves one, by which it knows its own limit
				t.Errorf("limit of open files %d, want %d", soft, hard)
			}
		}
	}
	limited.signal(t, syscall.SIGTERM)
	limited.end(t, 0, "")
}

// adoptOrphans makes the test the parent of daemons, whose ends it can then
// wait for (PR_SET_CHILD_SUBREAPER, prctl(2)).
func adoptOrphans(t *testing.T) {
	t.Helper()
	const setChildSubreaper = 36
	set := func(on uintptr) {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, on, 0); errno != 0 {
			t.Fatal(os.NewSyscallError("prctl", errno))
		}
	}
	set(1)
	t.Cleanup(func() { set(0) })
}

// daemonAt returns the process id of the daemon that listens at a UNIX socket.
func daemonAt(path string) (pid int, err error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return peerPID(conn.(*net.UnixConn))
}

// waitForDaemon waits for the end of a daemon that was adopted; it is an error
// when its exit status is not 0.
func waitForDaemon(pid int) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return os.NewSyscallError("wait4", err)
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return fmt.Errorf("wait status %#x, want exit status 0", status)
	}
	return nil
}

// peerPID returns who listens at the other end of conn (SO_PEERCRED, unix(7)).
func peerPID(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var ucred *syscall.Ucred
	raw.Control(func(fd uintptr) {
		ucred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil {
		return 0, os.NewSyscallError("getsockopt", err)
	}
	return int(ucred.Pid), nil
}
