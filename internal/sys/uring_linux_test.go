package sys

import (
	"errors"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers are those of a C program that prints sizeof and offsetof of
// linux/io_uring.h; they are the same on every architecture.
func TestUringLayout(t *testing.T) {
	var (
		sqe    uringSQE
		cqe    uringCQE
		params uringParams
		arg    uringEnterArg
	)
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"sizeof io_uring_sqe", unsafe.Sizeof(sqe), 64},
		{"opcode", unsafe.Offsetof(sqe.opcode), 0},
		{"flags", unsafe.Offsetof(sqe.flags), 1},
		{"ioprio", unsafe.Offsetof(sqe.ioprio), 2},
		{"fd", unsafe.Offsetof(sqe.fd), 4},
		{"off", unsafe.Offsetof(sqe.off), 8},
		{"addr", unsafe.Offsetof(sqe.addr), 16},
		{"len", unsafe.Offsetof(sqe.len), 24},
		{"rw_flags", unsafe.Offsetof(sqe.opFlags), 28},
		{"user_data", unsafe.Offsetof(sqe.userData), 32},
		{"buf_index", unsafe.Offsetof(sqe.bufIndex), 40},
		{"personality", unsafe.Offsetof(sqe.personality), 42},
		{"file_index", unsafe.Offsetof(sqe.fileIndex), 44},
		{"addr3", unsafe.Offsetof(sqe.addr3), 48},
		{"sizeof io_uring_cqe", unsafe.Sizeof(cqe), 16},
		{"res", unsafe.Offsetof(cqe.res), 8},
		{"cqe flags", unsafe.Offsetof(cqe.flags), 12},
		{"sizeof io_uring_params", unsafe.Sizeof(params), 120},
		{"features", unsafe.Offsetof(params.features), 20},
		{"wq_fd", unsafe.Offsetof(params.wqFD), 24},
		{"sq_off", unsafe.Offsetof(params.sq), 40},
		{"cq_off", unsafe.Offsetof(params.cq), 80},
		{"sizeof io_sqring_offsets", unsafe.Sizeof(params.sq), 40},
		{"sq_off.head", unsafe.Offsetof(params.sq.head), 0},
		{"sq_off.tail", unsafe.Offsetof(params.sq.tail), 4},
		{"sq_off.ring_mask", unsafe.Offsetof(params.sq.ringMask), 8},
		{"sq_off.array", unsafe.Offsetof(params.sq.array), 24},
		{"sizeof io_cqring_offsets", unsafe.Sizeof(params.cq), 40},
		{"cq_off.head", unsafe.Offsetof(params.cq.head), 0},
		{"cq_off.tail", unsafe.Offsetof(params.cq.tail), 4},
		{"cq_off.ring_mask", unsafe.Offsetof(params.cq.ringMask), 8},
		{"cq_off.cqes", unsafe.Offsetof(params.cq.cqes), 20},
		{"sizeof io_uring_getevents_arg", unsafe.Sizeof(arg), 24},
		{"sigmask_sz", unsafe.Offsetof(arg.sigmaskSize), 8},
		{"ts", unsafe.Offsetof(arg.timeout), 16},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, want %d", c.name, c.got, c.want)
		}
	}
}

// openUring makes a ring or skips the test where the system has none.
func openUring(t *testing.T, entries int, flags uint32) *Uring {
	t.Helper()
	u, err := OpenUring(entries, flags)
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) || flags != 0 && errors.Is(err, syscall.EINVAL) {
		t.Skip("this system cannot: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// The counters run round the rings many times, and each completion comes back
// with its own token and result, once. A poll of a number that is not open is an
// operation of its own that ends at once.
func TestUringRounds(t *testing.T) {
	u := openUring(t, 3, 0)
	if u.Entries() != 4 {
		t.Fatalf("room for %d operations, want 4", u.Entries())
	}
	token := uint64(1 << 63)
	for range 100 {
		first := token
		for range 4 {
			if !u.Poll(-1, unix.POLLIN, token) {
				t.Fatal("no room")
			}
			token++
		}
		if u.Poll(-1, unix.POLLIN, 0) || u.Queued() != 4 {
			t.Fatalf("%d are queued, want 4 and no more", u.Queued())
		}
		if last, ok := u.Unqueue(); !ok || last != token-1 || u.Queued() != 3 {
			t.Fatalf("took back %d, %v, want %d; %d are queued", last, ok, token-1, u.Queued())
		}
		u.Poll(-1, unix.POLLIN, token-1)
		if _, ok := u.Pop(); ok {
			t.Fatal("a completion of nothing")
		}
		if errno := u.Enter(4, -1); errno != 0 || u.Queued() != 0 {
			t.Fatalf("enter: %v, %d are left", errno, u.Queued())
		}
		for want := first; want < token; want++ {
			c, ok := u.Pop()
			if !ok || c != (UringCompletion{want, -int32(unix.EBADF)}) {
				t.Fatalf("popped %+v, %v, want token %d, EBADF", c, ok, want)
			}
		}
		if _, ok := u.Unqueue(); ok {
			t.Fatal("took back what was handed over")
		}
	}
}

func TestUringTimeout(t *testing.T) {
	for _, flags := range []uint32{0, UringThread} {
		u := openUring(t, 1, flags)
		for _, timeout := range []time.Duration{0, 1, 2 * time.Millisecond} {
			start := time.Now()
			errno := u.Enter(1, timeout)
			if took := time.Since(start); errno != syscall.EINTR && (errno != syscall.ETIME || took < timeout) {
				t.Errorf("timeout %v: %v after %v", timeout, errno, took)
			}
		}
		if errno := u.Enter(0, -1); errno != 0 {
			t.Errorf("a look: %v", errno)
		}
	}
}

func TestUringRefuses(t *testing.T) {
	openUring(t, 1, 0)
	for _, entries := range []int{0, 1 << 20} {
		if u, err := OpenUring(entries, 0); !errors.Is(err, syscall.EINVAL) || u != nil {
			t.Errorf("%d entries: %v, want EINVAL", entries, err)
		}
	}
	if _, err := OpenUring(1, 1<<31); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("unknown flags: %v, want EINVAL", err)
	}
}
