package sys

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Finite timeouts work with epoll_pwait2(2) and, as before Linux 5.11, without.
func TestEpollWaitTimeouts(t *testing.T) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epfd)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 5, Pad: 6}); err != nil {
		t.Fatal(err)
	}
	defer noEpollPwait2.Store(noEpollPwait2.Load())
	events := make([]unix.EpollEvent, 2)
	for _, without := range []bool{false, true} {
		noEpollPwait2.Store(without)
		for _, timeout := range []time.Duration{0, 1, time.Millisecond, 1_500_000} {
			start := time.Now()
			n, errno := EpollWait(epfd, events, timeout, nil)
			took := time.Since(start)
			if errno == syscall.EINTR {
				continue
			}
			if n != 0 || errno != 0 || took < timeout {
				t.Errorf("without %v, timeout %v: %d, %v after %v", without, timeout, n, errno, took)
			}
		}
	}
	if _, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	for _, without := range []bool{false, true} {
		noEpollPwait2.Store(without)
		// In milliseconds the longest does not fit the kernel's int.
		for _, timeout := range []time.Duration{-1, 0, time.Hour, 1<<63 - 1} {
			n, errno := EpollWait(epfd, events, timeout, nil)
			if want := (unix.EpollEvent{Events: unix.EPOLLIN, Fd: 5, Pad: 6}); n != 1 || errno != 0 || events[0] != want {
				t.Errorf("without %v, timeout %v: %d, %v, %+v, want one %+v", without, timeout, n, errno, events[0], want)
			}
		}
	}
	if n, errno := EpollWait(-1, events, time.Second, nil); n != 0 || errno != syscall.EBADF {
		t.Errorf("descriptor -1: %d, %v, want EBADF", n, errno)
	}
}
