package proc

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Status says how a child ended. The zero Status is that of success.
type Status struct {
	Code       int            // what it exited with, 0 to 255; -1 when a signal ended it
	Signal     syscall.Signal // what ended it; 0 when it exited
	CoreDumped bool           // it left a core file (core(5))
	Usage      syscall.Rusage // what it took up, and those of its children that it has waited for (getrusage(2))
}

// Success reports whether it exited with 0.
func (s Status) Success() bool { return s.Code == 0 && s.Signal == 0 }

// CPU returns the processor time it took, for itself and in the kernel.
func (s Status) CPU() time.Duration {
	return time.Duration(s.Usage.Utime.Nano() + s.Usage.Stime.Nano())
}

// String returns "exit status 3" or "SIGKILL", and "(core dumped)" where that
// is so.
func (s Status) String() string {
	if s.Signal == 0 {
		return fmt.Sprintf("exit status %d", s.Code)
	}
	name := signalName(s.Signal)
	if s.CoreDumped {
		name += " (core dumped)"
	}
	return name
}

// signalName returns the signal's name in the manual, or "signal 40".
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}

// statusOf reads what wait4(2) says of a child that has ended.
func statusOf(w syscall.WaitStatus, usage syscall.Rusage) Status {
	if w.Signaled() {
		return Status{Code: -1, Signal: w.Signal(), CoreDumped: w.CoreDump(), Usage: usage}
	}
	return Status{Code: w.ExitStatus(), Usage: usage}
}

// wait4 waits for a child's end and takes its status.
func wait4(pid int) (Status, error) {
	for {
		var w syscall.WaitStatus
		var usage syscall.Rusage
		_, err := syscall.Wait4(pid, &w, 0, &usage)
		switch err {
		case nil:
			return statusOf(w, usage), nil
		case syscall.EINTR:
		default:
			return Status{}, os.NewSyscallError("wait4", err)
		}
	}
}
