package sys

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers are those of a C program that prints sizeof and offsetof.
func TestSigpollInfo(t *testing.T) {
	size, band, fd := uintptr(128), uintptr(16), uintptr(24)
	if unsafe.Sizeof(uintptr(0)) == 4 {
		band, fd = 12, 16
	}
	var info sigpollInfo
	if got := unsafe.Sizeof(info); got < size {
		t.Errorf("siginfo_t has %d bytes, want %d", got, size)
	}
	if got := unsafe.Offsetof(info.band); got != band {
		t.Errorf("si_band is at %d, want %d", got, band)
	}
	if got := unsafe.Offsetof(info.fd); got != fd {
		t.Errorf("si_fd is at %d, want %d", got, fd)
	}
	if got := unsafe.Sizeof(ownerEx{}); got != 8 {
		t.Errorf("struct f_owner_ex has %d bytes, want 8", got)
	}
}

func TestSigtimedwait(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const signal = 50
	const set = 1 << (signal - 1)
	before, errno := SignalMask(unix.SIG_BLOCK, set)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		if blocked, errno := SignalMask(unix.SIG_UNBLOCK, set); errno != 0 || blocked != before|set {
			t.Errorf("blocked were %#x, %v, want %#x", blocked, errno, before|set)
		}
		if now, errno := SignalMask(unix.SIG_BLOCK, 0); errno != 0 || now != before {
			t.Errorf("blocked are %#x, %v, want %#x as before", now, errno, before)
		}
	}()
	for _, timeout := range []time.Duration{0, 1, time.Millisecond} {
		start := time.Now()
		_, errno := Sigtimedwait(set, timeout)
		if took := time.Since(start); errno != unix.EINTR && (errno != unix.EAGAIN || took < timeout) {
			t.Errorf("timeout %v: %v after %v", timeout, errno, took)
		}
	}
	for _, timeout := range []time.Duration{0, time.Hour, 1<<63 - 1, -1} {
		if err := unix.Tgkill(unix.Getpid(), unix.Gettid(), signal); err != nil {
			t.Fatal(err)
		}
		if info, errno := Sigtimedwait(set, timeout); errno != 0 || info.Signal != signal {
			t.Errorf("timeout %v: %+v, %v, want signal %d", timeout, info, errno, signal)
		}
	}
	if errno := SetOwnerThread(-1, unix.Gettid()); errno != unix.EBADF {
		t.Errorf("SetOwnerThread(-1): %v, want EBADF", errno)
	}
}
