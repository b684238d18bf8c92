package sys

import (
	"runtime"
	"slices"
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
