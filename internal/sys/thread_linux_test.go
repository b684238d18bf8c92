package sys

import (
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRunOn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, errno := CPUs()
	if errno != 0 || len(before) == 0 {
		t.Fatalf("CPUs %v, %v", before, errno)
	}
	defer RunOn(before...)
	last := before[len(before)-1]
	if errno := RunOn(last); errno != 0 {
		t.Fatal(errno)
	}
	if now, errno := CPUs(); errno != 0 || !slices.Equal(now, []int{last}) {
		t.Errorf("CPUs %v, %v, want %d", now, errno, last)
	}
	if errno := RunOn(); errno != unix.EINVAL {
		t.Errorf("no CPU: %v, want EINVAL", errno)
	}
}

func TestOwnDescriptors(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	var refused syscall.Errno
	onOtherThread(func() {
		if refused = OwnDescriptors(); refused == 0 {
			unix.Close(ends[1])
		}
	})
	if refused == unix.EPERM || refused == unix.ENOSYS {
		t.Skip("a sandbox does not let threads have their own: ", refused)
	} else if refused != 0 {
		t.Fatal(refused)
	}
	if n, err := unix.Write(ends[1], []byte("x")); n != 1 || err != nil {
		t.Errorf("write to what another thread closed for itself: %d, %v", n, err)
	}
	unix.Close(ends[1])
	b := make([]byte, 2)
	for _, want := range []int{1, 0} { // the byte, and the end
		if n, err := unix.Read(ends[0], b); n != want || err != nil {
			t.Errorf("read: %d, %v, want %d", n, err, want)
		}
	}
}

// onOtherThread runs f on a thread that ends with it, which the process's first one
// does not.
func onOtherThread(f func()) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onOtherThread(f)
			return
		}
		f()
	}()
	<-done
}
