package sys

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Uring is an io_uring(7): a queue of operations for the kernel and one of
// their completions, both in memory that it shares with the process. One thread
// owns it.
//
// What an operation reads or writes must stay where it is, and alive, until it
// completes: the kernel uses the address long after the call that gave it. Go
// memory is pinned for that (runtime.Pinner).
type Uring struct {
	fd     int
	shared []byte // mmap'ed: the heads, the tails and the completions
	sqes   []byte // mmap'ed: the operations

	// The submission queue. The process adds at the tail, the kernel takes at
	// the head; the counters run on and are cut by the mask.
	sqHead, sqTail *uint32
	sqMask         uint32
	operations     []uringSQE
	filled         uint32 // the tail that the next Enter shows to the kernel

	// The completion queue: the other way round.
	cqHead, cqTail *uint32
	cqMask         uint32
	completions    []uringCQE

	// arg and its timeout are read by the kernel through addresses that Go
	// does not know for pointers, so u is pinned.
	arg     uringEnterArg
	timeout uringTimespec
	pin     runtime.Pinner
}

// UringThread has a ring do its work for completions in Enter and nowhere else,
// and holds it to the thread that made it: another one's Enter is EEXIST
// (IORING_SETUP_SINGLE_ISSUER and IORING_SETUP_DEFER_TASKRUN, Linux 6.1).
const UringThread = 1<<12 | 1<<13

// A UringCompletion says what became of an operation.
type UringCompletion struct {
	Token  uint64 // the operation's
	Result int32  // what the call would have returned, or minus the errno
}

// The numbers of linux/io_uring.h.
const (
	uringOpPoll   = 6
	uringOpCancel = 14
	uringOpRead   = 22
	uringOpWrite  = 23
	uringOpSend   = 26
	uringOpRecv   = 27

	uringGetEvents   = 1 << 0
	uringExtendedArg = 1 << 3

	uringFeatureSingleMmap  = 1 << 0 // Linux 5.4
	uringFeatureNoDrop      = 1 << 1 // 5.5: no completion is lost
	uringFeatureExtendedArg = 1 << 8 // 5.11: Enter takes a timeout

	uringOffsetRings = 0
	uringOffsetSQEs  = 0x10000000

	// currentPosition as an offset reads and writes as read(2) and write(2) do.
	currentPosition = ^uint64(0)
)

// The structures of linux/io_uring.h.
type (
	uringSQE struct {
		opcode      uint8
		flags       uint8
		ioprio      uint16
		fd          int32
		off         uint64
		addr        uint64
		len         uint32
		opFlags     uint32
		userData    uint64
		bufIndex    uint16
		personality uint16
		fileIndex   uint32
		addr3       uint64
		_           uint64
	}

	uringCQE struct {
		userData uint64
		res      int32
		flags    uint32
	}

	uringParams struct {
		sqEntries    uint32
		cqEntries    uint32
		flags        uint32
		sqThreadCPU  uint32
		sqThreadIdle uint32
		features     uint32
		wqFD         uint32
		_            [3]uint32
		sq           uringSQOffsets
		cq           uringCQOffsets
	}

	uringSQOffsets struct {
		head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
		_                                                           uint64
	}

	uringCQOffsets struct {
		head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
		_                                                           uint64
	}

	uringEnterArg struct {
		sigmask     uint64
		sigmaskSize uint32
		_           uint32
		timeout     uint64
	}

	uringTimespec struct{ sec, nsec int64 } // on every architecture
)

// OpenUring makes a ring (io_uring_setup(2), mmap(2)) with room for so many
// operations in one Enter, rounded up to a power of two, and twice as many
// completions. Flags is 0 or UringThread. The descriptor is close-on-exec.
//
// Errors wrap the errno: ENOSYS before Linux 5.11, EPERM where it is forbidden,
// EINVAL for flags that the kernel does not know and for 0 or more than 32,768
// entries, EMFILE. On error nothing stays open.
func OpenUring(entries int, flags uint32) (u *Uring, err error) {
	if entries != int(int32(entries)) {
		entries = 0 // the kernel would read the lower half
	}
	p := uringParams{flags: flags}
	n, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	u = &Uring{fd: int(n)}
	defer func() {
		if err != nil {
			u.Close()
			u = nil
		}
	}()
	const needed = uringFeatureSingleMmap | uringFeatureNoDrop | uringFeatureExtendedArg
	if p.features&needed != needed {
		return u, fmt.Errorf("io_uring_setup: before Linux 5.11: %w", syscall.ENOSYS)
	}
	if err := u.share(&p); err != nil {
		return u, fmt.Errorf("mmap of the rings: %w", err)
	}
	u.pin.Pin(u)
	u.arg.timeout = uint64(uintptr(unsafe.Pointer(&u.timeout)))
	return u, nil
}

// share maps the rings and finds their parts.
func (u *Uring) share(p *uringParams) (err error) {
	size := max(int(p.sq.array)+int(p.sqEntries)*4, int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(uringCQE{})))
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if u.shared, err = unix.Mmap(u.fd, uringOffsetRings, size, access, kind); err != nil {
		return err
	}
	if u.sqes, err = unix.Mmap(u.fd, uringOffsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(uringSQE{})), access, kind); err != nil {
		return err
	}
	number := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&u.shared[offset])) }
	u.sqHead, u.sqTail, u.sqMask = number(p.sq.head), number(p.sq.tail), *number(p.sq.ringMask)
	u.cqHead, u.cqTail, u.cqMask = number(p.cq.head), number(p.cq.tail), *number(p.cq.ringMask)
	u.operations = unsafe.Slice((*uringSQE)(unsafe.Pointer(&u.sqes[0])), p.sqEntries)
	u.completions = unsafe.Slice((*uringCQE)(unsafe.Pointer(&u.shared[p.cq.cqes])), p.cqEntries)
	// The kernel finds operations by way of an array of their places. Here
	// operation i is always at place i.
	places := unsafe.Slice(number(p.sq.array), p.sqEntries)
	for i := range places {
		places[i] = uint32(i)
	}
	return nil
}

// Entries returns how many operations fit into one Enter.
func (u *Uring) Entries() int { return len(u.operations) }

// Read queues read(2) from the file's position. It and its sisters report false
// when the queue is full, which an Enter empties. The descriptor's number is
// looked up in that Enter: from then on the kernel holds the file, whatever is
// closed.
func (u *Uring) Read(fd int, b []byte, token uint64) bool {
	return u.queue(uringSQE{opcode: uringOpRead, fd: int32(fd), off: currentPosition, addr: address(b), len: length(b), userData: token})
}

// Write queues write(2) at the file's position.
func (u *Uring) Write(fd int, b []byte, token uint64) bool {
	return u.queue(uringSQE{opcode: uringOpWrite, fd: int32(fd), off: currentPosition, addr: address(b), len: length(b), userData: token})
}

// Recv queues recv(2).
func (u *Uring) Recv(fd int, b []byte, flags int, token uint64) bool {
	return u.queue(uringSQE{opcode: uringOpRecv, fd: int32(fd), addr: address(b), len: length(b), opFlags: uint32(flags), userData: token})
}

// Send queues send(2).
func (u *Uring) Send(fd int, b []byte, flags int, token uint64) bool {
	return u.queue(uringSQE{opcode: uringOpSend, fd: int32(fd), addr: address(b), len: length(b), opFlags: uint32(flags), userData: token})
}

// Poll queues a wait for poll(2)'s events, which completes once.
func (u *Uring) Poll(fd int, events uint32, token uint64) bool {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		events = bits.RotateLeft32(events, 16) // poll32_events is "word-reversed for BE"
	}
	return u.queue(uringSQE{opcode: uringOpPoll, fd: int32(fd), opFlags: events, userData: token})
}

// Cancel queues the cancelling of an operation that Enter has submitted. The
// operation completes all the same, with ECANCELED unless it was quicker.
func (u *Uring) Cancel(operation, token uint64) bool {
	return u.queue(uringSQE{opcode: uringOpCancel, fd: -1, addr: operation, userData: token})
}

func (u *Uring) queue(e uringSQE) bool {
	// Acquire: the kernel has read an entry before it moves the head past it,
	// and only then may it be written again.
	if u.filled-atomic.LoadUint32(u.sqHead) >= uint32(len(u.operations)) {
		return false
	}
	u.operations[u.filled&u.sqMask] = e
	u.filled++
	return true
}

// address is where b lies, for the kernel. It keeps nothing alive.
func address(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// length is b's for the kernel, which transfers no more than 2 GiB at once.
func length(b []byte) uint32 { return uint32(min(len(b), 1<<31-1)) }

// Enter submits what was queued and waits for so many completions
// (io_uring_enter(2)): for none, it does what work there is and does not wait. A
// negative timeout waits for ever. A signal is EINTR, the timeout ETIME; what
// has completed by then is to be popped. With EAGAIN and EBUSY the kernel takes
// no more until completions have been popped or memory is free.
func (u *Uring) Enter(wait int, timeout time.Duration) syscall.Errno {
	var arg unsafe.Pointer
	var size uintptr
	flags := uintptr(uringGetEvents)
	if wait > 0 && timeout >= 0 {
		u.timeout = uringTimespec{int64(timeout / time.Second), int64(timeout % time.Second)}
		arg, size = unsafe.Pointer(&u.arg), unsafe.Sizeof(u.arg)
		flags |= uringExtendedArg
	}
	// Release: the kernel must see the entries whole when it sees the tail
	// that covers them.
	atomic.StoreUint32(u.sqTail, u.filled)
	for {
		queued := u.Queued()
		n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), uintptr(queued), uintptr(wait), flags, uintptr(arg), size)
		// An operation that is wrong in itself completes with its error, and
		// the call ends with it and without waiting.
		if errno != 0 || int(n) >= queued {
			return errno
		}
	}
}

// Queued returns how many operations the kernel has not taken over.
func (u *Uring) Queued() int {
	// Acquire, as in queue.
	return int(u.filled - atomic.LoadUint32(u.sqHead))
}

// Unqueue takes back what was queued last, unless the kernel has taken it over
// already, and returns its token. The operation does not complete any more.
func (u *Uring) Unqueue() (token uint64, ok bool) {
	if u.Queued() == 0 {
		return 0, false
	}
	u.filled--
	return u.operations[u.filled&u.sqMask].userData, true
}

// Pop takes the oldest completion, if there is one. It makes no system call.
func (u *Uring) Pop() (UringCompletion, bool) {
	head := atomic.LoadUint32(u.cqHead) // written by this thread alone
	// Acquire: an entry is whole when the tail covers it.
	if head == atomic.LoadUint32(u.cqTail) {
		return UringCompletion{}, false
	}
	e := &u.completions[head&u.cqMask]
	c := UringCompletion{Token: e.userData, Result: e.res}
	// Release: the entry is read before the kernel may write over it.
	atomic.StoreUint32(u.cqHead, head+1)
	return c, true
}

// Close gives up the rings. Operations that have not completed are cancelled by
// the kernel in its own time: it may write to their buffers after Close.
func (u *Uring) Close() {
	if u.shared != nil {
		unix.Munmap(u.shared)
	}
	if u.sqes != nil {
		unix.Munmap(u.sqes)
	}
	unix.Close(u.fd)
	u.pin.Unpin()
}
