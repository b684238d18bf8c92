package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ChildEnd is what waitid(2) says of a child that has ended.
type ChildEnd struct {
	Pid        int            // 0: none has
	Code       int            // what it exited with; -1 when a signal ended it
	Signal     syscall.Signal // what ended it; 0 when it exited
	CoreDumped bool
}

// PeekEnd tells of one child that has ended, and leaves it to be waited for
// (waitid(2), WNOWAIT): of the child pid, or of any when that is 0. It does not
// wait. ECHILD means that there is no such child.
func PeekEnd(pid int) (end ChildEnd, errno syscall.Errno) {
	which := unix.P_PID
	if pid == 0 {
		which = unix.P_ALL
	}
	var info unix.Siginfo
	errno = again(func() error {
		return unix.Waitid(which, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	})
	if errno != 0 || info.Signo == 0 {
		return ChildEnd{}, errno
	}
	// What follows the three numbers is a union, aligned for a pointer.
	child := (*struct{ pid, uid, status int32 })(unsafe.Add(unsafe.Pointer(&info), max(3*4, 2*unsafe.Sizeof(uintptr(0)))))
	end.Pid = int(child.pid)
	switch info.Code {
	case 1: // CLD_EXITED
		end.Code = int(child.status)
	default: // CLD_KILLED, CLD_DUMPED
		end.Code, end.Signal, end.CoreDumped = -1, syscall.Signal(child.status), info.Code == 3
	}
	return end, 0
}
