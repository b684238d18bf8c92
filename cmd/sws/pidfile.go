package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"xanadu/web/httpd"
)

const (
	// maxPIDFile is more octets than a process id and its line end have.
	maxPIDFile = 32

	// pidFileTries is how often the file is opened that others remove or replace.
	pidFileTries = 8

	// stopTime is how long --stop waits for the server's end: somewhat longer
	// than a server takes that finishes the requests under way.
	stopTime = httpd.DefaultGrace + slack + lastTime + time.Second
)

// A pidFile holds this process's id for as long as it runs. The process holds a
// lock on it (flock(2)) that ends with the process, so that a file that was left
// behind, whose number another process may have by now, is known as such.
type pidFile struct {
	path string
	fd   int // never closed: who waits for the lock waits for the end of the process
}

// createPIDFile writes the file at path, which is absolute. A file that a server
// has left behind is taken over; one of another purpose is not touched.
func createPIDFile(path string) (*pidFile, error) {
	for range pidFileTries {
		fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--pid-file %s: open: %w; name a file that can be written", path, err)
		}
		err = takePIDFile(fd, path)
		if err == nil {
			return &pidFile{path, fd}, nil
		}
		syscall.Close(fd)
		if err != errReplaced {
			return nil, fmt.Errorf("--pid-file %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("--pid-file %s: it is replaced again and again; name another file", path)
}

// errReplaced: the path leads to another file than was opened.
var errReplaced = errors.New("the file was replaced")

// takePIDFile locks the open file and writes the process id.
func takePIDFile(fd int, path string) error {
	st, err := checkPIDFile(fd)
	if err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d; name another file", st.Uid)
	}
	pid, err := readPID(fd)
	if err != nil {
		return err
	}
	switch err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == syscall.EWOULDBLOCK:
		return fmt.Errorf("the server that runs as process %d has this file; end it with --stop, or name another file", pid)
	case err != nil:
		return os.NewSyscallError("flock", err)
	case !leadsTo(path, st):
		return errReplaced
	}
	// Who reads meanwhile finds the lock taken and no number yet.
	if err := syscall.Ftruncate(fd, 0); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	if _, err := syscall.Pwrite(fd, fmt.Appendln(nil, os.Getpid()), 0); err != nil {
		return os.NewSyscallError("write", err)
	}
	return nil
}

// checkPIDFile refuses what is no file, what has a further name, by which it
// serves another purpose, and what others may write to.
func checkPIDFile(fd int) (*syscall.Stat_t, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	switch {
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return nil, errors.New("it is no regular file; name another file")
	case st.Nlink == 0:
		return nil, errReplaced
	case st.Nlink > 1:
		return nil, errors.New("the file has other names (hard links); name another file")
	case st.Mode&0o022 != 0:
		return nil, errors.New("others than its owner may write to it; take that away (chmod go-w), or name another file")
	}
	return &st, nil
}

// readPID returns the number in the open file, 0 where it is empty.
func readPID(fd int) (int, error) {
	text := make([]byte, maxPIDFile)
	n, err := syscall.Pread(fd, text, 0)
	if err != nil {
		return 0, os.NewSyscallError("read", err)
	}
	if n == 0 {
		return 0, nil
	}
	pid, err := strconv.ParseUint(strings.TrimSuffix(string(text[:n]), "\n"), 10, 31)
	if err != nil || pid == 0 {
		return 0, errors.New("it holds something else than a process id; name another file")
	}
	return int(pid), nil
}

// leadsTo reports whether path is the name of the open file that st is of.
func leadsTo(path string, st *syscall.Stat_t) bool {
	var now syscall.Stat_t
	return syscall.Lstat(path, &now) == nil && now.Dev == st.Dev && now.Ino == st.Ino
}

// remove removes the file, unless another has its name by now. A nil *pidFile has
// none. The lock stays until the process ends.
func (p *pidFile) remove() {
	if p == nil {
		return
	}
	var st syscall.Stat_t
	if syscall.Fstat(p.fd, &st) == nil && leadsTo(p.path, &st) {
		syscall.Unlink(p.path)
	}
}

// stop ends the server whose process id is in the file at path, and waits for its
// end.
func stop(path string) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	switch {
	case err == syscall.ENOENT:
		return fmt.Errorf("--stop: %s: open: %w; no server runs with this file", path, err)
	case err != nil:
		return fmt.Errorf("--stop: %s: open: %w; name the file of a server with --pid-file", path, err)
	}
	defer syscall.Close(fd)
	server, err := holder(fd)
	if err != nil {
		return fmt.Errorf("--stop: %s: %w", path, err)
	}
	defer server.Release()
	if err := server.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("--stop: %s: signal process %d: %w; only root and the server's user may end it", path, server.Pid, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- lockShared(fd, 0) }()
	select {
	case err := <-ended:
		return os.NewSyscallError("flock", err)
	case <-time.After(stopTime):
		return fmt.Errorf("--stop: %s: process %d has not ended within %v; kill -KILL %[2]d ends it at once", path, server.Pid, stopTime)
	}
}

// holder finds the process that holds the open file and has written its id there.
// On Linux what it returns stays that very process (pidfd_open(2)).
func holder(fd int) (*os.Process, error) {
	st, err := checkPIDFile(fd)
	if err == errReplaced {
		return nil, errors.New("the file was removed; its server has ended")
	}
	if err != nil {
		return nil, err
	}
	pid, err := readPID(fd)
	if err != nil {
		return nil, err
	}
	var p *os.Process
	if pid != 0 {
		if p, err = os.FindProcess(pid); err != nil {
			return nil, fmt.Errorf("find process %d: %w", pid, err)
		}
	}
	// The lock is looked at after the process was found: while it is held,
	// process pid is the one that has taken it.
	again, readErr := readPID(fd)
	switch err := lockShared(fd, syscall.LOCK_NB); {
	case err == nil:
		return nil, fmt.Errorf("no server runs with this file: it was left behind by process %d", pid)
	case err != syscall.EWOULDBLOCK:
		return nil, os.NewSyscallError("flock", err)
	case readErr != nil || pid == 0 || again != pid:
		return nil, errors.New("a server is only starting; try again")
	case !hasOpen(pid, st):
		return nil, fmt.Errorf("process %d does not hold the file: the server has that id in another PID namespace; end it there", pid)
	}
	// Who owns the file can write any number. To root that is no reason to end
	// what this user could not.
	if os.Geteuid() == 0 && st.Uid != 0 {
		if err := syscall.Setuid(int(st.Uid)); err != nil {
			return nil, fmt.Errorf("setuid %d, to whom the file belongs: %w", st.Uid, err)
		}
	}
	return p, nil
}

func lockShared(fd, flags int) error {
	for {
		if err := syscall.Flock(fd, syscall.LOCK_SH|flags); err != syscall.EINTR {
			return err
		}
	}
}
