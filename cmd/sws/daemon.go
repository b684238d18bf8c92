package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	// daemonMark is the environment variable by which the command tells the
	// copy of itself that it starts that this is to be the daemon. Its value
	// names the status pipe (see pipeName), so that a process to which somebody
	// else gave the variable, or which has inherited it, is not taken for one.
	daemonMark = "SWS_DAEMON"

	// statusFD is the daemon's end of the pipe to the command that waits: the
	// first descriptor behind stderr (os/exec, ExtraFiles).
	statusFD = 3

	// allIsWell is what the daemon sends when it serves; no message holds it.
	allIsWell = '\x00'

	// separator is between the URLs that follow; none of them holds it.
	separator = "\x00"

	// maxInherited bounds the numbers that keepDescriptors tries where the
	// system lists no descriptors. Beyond it they would have to be inherited by
	// purpose, and each try is a system call.
	maxInherited = 1 << 16
)

// launch starts the daemon, waits until it serves or has failed, repeats its
// messages, tells a terminal where it serves, and returns the exit status.
func launch(s *settings, args []string, stdout, stderr io.Writer) int {
	d, said, err := startDaemon(args)
	stderr.Write(said)
	if err == nil {
		s.announceDaemon(d, stdout, stderr)
		return 0
	}
	if len(said) == 0 {
		fmt.Fprintf(stderr, "sws: %s\n", oneLine(err.Error()))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	return 1
}

// startDaemon starts this program again, with the same arguments, in a session
// of its own, with /dev/null for stdin, stdout and stderr, and no other
// descriptor but a pipe to here. It returns what the daemon said before it
// served, or failed with err, and of one that serves the process and where.
//
// A Go program cannot fork(2), for its other threads would be missing in the
// child. And one new session is enough: a daemon that opens no file without
// O_NOCTTY comes under no terminal again, though it leads the session.
func startDaemon(args []string) (d started, said []byte, err error) {
	cmd, ours, err := execDaemon(args)
	if err != nil {
		return d, nil, fmt.Errorf("start the daemon: %w; with -f sws serves in the foreground", err)
	}
	defer ours.Close()
	status := bufio.NewReader(ours)
	said, err = status.ReadBytes(allIsWell)
	if err == nil {
		d.pid = cmd.Process.Pid
		urls, err := io.ReadAll(status)
		if err != nil {
			return d, said, fmt.Errorf("wait for the daemon: %w", err)
		}
		d.at = strings.Split(string(urls), separator)
		return d, said[:len(said)-1], cmd.Process.Release()
	}
	if err != io.EOF {
		return d, said, fmt.Errorf("wait for the daemon: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return d, said, fmt.Errorf("the daemon died: %w", err)
	}
	return d, said, errors.New("the daemon ended before it served")
}

// A started is a daemon that serves.
type started struct {
	pid int
	at  []string // its URLs
}

// daemonArgs returns args with the absolute path of what is served, by which ps(1)
// tells one daemon from another.
//
// The operand may stand anywhere, and the same text may be a flag's value. It is
// the argument without which there is no operand: from the end on, the first one,
// since what stands behind the operand does not change what it is.
func (s *settings) daemonArgs(args []string) []string {
	flags := new(settings).flags()
	if flags.Parse(args) != nil || flags.NArg() == 0 {
		return append(slices.Clone(args), s.dir)
	}
	for i := len(args) - 1; i >= 0; i-- {
		if path, err := absolute(args[i]); err != nil || path != s.dir {
			continue
		}
		without := slices.Delete(slices.Clone(args), i, i+1)
		flags := new(settings).flags()
		if flags.Parse(without) == nil && flags.NArg() == 0 {
			with := slices.Clone(args)
			with[i] = s.dir
			return with
		}
	}
	return args
}

// execDaemon starts the daemon and returns it and the reading end of its status
// pipe.
func execDaemon(args []string) (cmd *exec.Cmd, status *os.File, err error) {
	exe, err := executable()
	if err != nil {
		return nil, nil, err
	}
	ours, its, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer its.Close()
	defer func() {
		if err != nil {
			ours.Close()
		}
	}()
	name, err := pipeName(int(its.Fd()))
	if err != nil {
		return nil, nil, err
	}
	keepDescriptors()
	cmd = exec.Command(exe, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), daemonMark+"="+name)
	cmd.ExtraFiles = []*os.File{its}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, ours, cmd.Start()
}

// executable returns the absolute path of this program's file. Linux tells it
// in /proc, which a chroot may lack: then it is what the program was called by.
func executable() (string, error) {
	exe, err := os.Executable()
	if err == nil {
		return exe, nil
	}
	exe, lookErr := exec.LookPath(os.Args[0])
	if lookErr == nil {
		exe, lookErr = filepath.Abs(exe)
	}
	if lookErr != nil {
		return "", fmt.Errorf("the path of sws itself cannot be found: %w; %w; call it by its path", err, lookErr)
	}
	return exe, nil
}

// pipeName names the pipe that fd is an end of, as no other open file of this
// system is named (fstat(2)): by device and inode number, which NetBSD and
// OpenBSD leave 0. It is an error when fd is no pipe.
func pipeName(fd int) (string, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return "", errors.New("not a pipe")
	}
	return fmt.Sprintf("pipe:%d:%d", st.Dev, st.Ino), nil
}

// keepDescriptors keeps from the daemon what this command has inherited
// without having asked for it, as from a shell's "sws dir 5<file". Go opens all
// of its own descriptors so that they are not passed on.
func keepDescriptors() {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		keepEachDescriptor()
		return
	}
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// keepEachDescriptor does so where the system does not list what is open, as in
// a chroot without /proc.
func keepEachDescriptor() {
	most := uint64(maxInherited)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		most = min(most, uint64(limit.Max)) // what is open may lie above limit.Cur
	}
	for fd := 3; fd < int(most); fd++ {
		syscall.CloseOnExec(fd)
	}
}

// isDaemon reports whether startDaemon has started this process: the mark names
// the pipe that statusFD is.
func isDaemon() bool {
	mark := os.Getenv(daemonMark)
	if mark == "" {
		return false
	}
	name, err := pipeName(statusFD)
	return err == nil && mark == name
}

// A daemon is where this process's messages go when it is the daemon: to the
// command that waits, until ready has told it that all is well, and then to the
// system's log (syslog(3)).
type daemon struct {
	mu     sync.Mutex
	status *os.File // nil once the command has been told
	log    io.Writer
	dial   func() (*syslog.Writer, error) // makes log at the first message
}

// becomeDaemon takes up what startDaemon has left for the daemon. The mark goes,
// or an sws among its own children would take itself for this one.
func becomeDaemon() *daemon {
	os.Unsetenv(daemonMark)
	return &daemon{
		status: os.NewFile(statusFD, "status pipe"),
		dial: func() (*syslog.Writer, error) {
			return syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "sws")
		},
	}
}

// ready tells the command that waits that the daemon serves. When it has gone
// away without waiting, as by an interrupt, that is an error: nobody would know
// of this daemon.
func (d *daemon) ready(at []string) error {
	if err := os.Chdir("/"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() { d.status = nil }()
	defer d.status.Close()
	_, err := d.status.WriteString(string(allIsWell) + strings.Join(at, separator))
	return err
}

// Write passes on one message.
func (d *daemon) Write(message []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status != nil {
		return d.status.Write(message)
	}
	if d.log == nil {
		log, err := d.dial()
		if err != nil {
			return 0, err
		}
		d.log = log
	}
	if _, err := d.log.Write(bytes.TrimPrefix(message, []byte("sws: "))); err != nil {
		return 0, err
	}
	return len(message), nil
}
