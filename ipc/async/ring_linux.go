package async

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// POLLRDHUP: the peer sends no more. A Poll tells it unasked; only Linux has it.
const POLLRDHUP Events = unix.POLLRDHUP

var ownEventNames = []eventName{{POLLRDHUP, "POLLRDHUP"}}

// A Ring is an io_uring(7): the kernel does the operations that it is given, in
// any order and while the program goes on, and tells what became of each.
//
// An operation is queued by a method, handed over by Submit or the next Wait, and
// completes once, under the token of the caller's choice, which differs from all
// others in flight. Its buffer is the ring's from the one to the other: it is
// pinned in memory (runtime.Pinner), and nobody writes to it, or reads what
// is not there yet. The descriptor is needed until it is handed over. From then
// on the kernel holds the open file: to close the descriptor neither ends the
// operation nor, while it lasts, the file. Cancel does.
//
// A Ring belongs to the goroutine that opened it, which is locked to its thread
// until Close: the kernel does its part within Wait, and takes operations from no
// other thread (EEXIST). A goroutine that waits for ever is woken by what it has
// in flight, as a Read from a pipe that others write to.
type Ring struct {
	uring  *sys.Uring
	thread int

	inFlight map[uint64]*operation // by token: queued or handed over, and not completed
	spare    []*operation          // for the next ones
	cancels  int                   // cancellations that have not completed
}

// An operation is what the ring must know until it completes.
type operation struct {
	what      string // for errors, as "read from"
	fd        int    // for errors
	pinner    runtime.Pinner
	cancelled bool
}

// ownToken is that of cancellations, whose completion is the ring's own matter.
const ownToken = ^uint64(0)

// OpenRing makes a ring with room for so many operations in flight, rounded up
// to a power of two; from 1 to 32,768. Each takes 96 bytes of shared memory. The
// caller owns it and closes it.
//
// errors.ErrUnsupported, with the reason, where the kernel has no io_uring or
// somebody has forbidden it; EINVAL, EMFILE, ENOMEM. On error nothing stays open.
func OpenRing(room int) (*Ring, error) {
	r, err := openRing(room, sys.UringThread)
	if errors.Is(err, unix.EINVAL) {
		// Before Linux 6.1 the kernel does its part whenever the thread
		// enters it, which costs more and comes to the same.
		r, err = openRing(room, 0)
	}
	return r, err
}

func openRing(room int, flags uint32) (*Ring, error) {
	runtime.LockOSThread()
	uring, err := sys.OpenUring(room, flags)
	if err != nil {
		runtime.UnlockOSThread()
		disabled, _ := os.ReadFile("/proc/sys/kernel/io_uring_disabled")
		return nil, fmt.Errorf("open ring: %w", refusal(err, strings.TrimSpace(string(disabled))))
	}
	return &Ring{uring: uring, thread: unix.Gettid(), inFlight: make(map[uint64]*operation)}, nil
}

// refusal says why the system makes no rings, where that is what err means. The
// sysctl's value is "" where there is none (before Linux 6.6).
func refusal(err error, disabled string) error {
	why := ""
	switch {
	case errors.Is(err, unix.ENOSYS):
		why = "the kernel is older than Linux 5.11, built without it, or hides it"
	case !errors.Is(err, unix.EPERM):
		return err
	case disabled == "2":
		why = "sysctl kernel.io_uring_disabled is 2: nobody may use it"
	case disabled == "1":
		why = "sysctl kernel.io_uring_disabled is 1: it takes CAP_SYS_ADMIN or the group of kernel.io_uring_group"
	default:
		why = "a sandbox (seccomp) or a security module forbids it"
	}
	return fmt.Errorf("%w: %s: %w", errors.ErrUnsupported, why, err)
}

// Read queues a read into b from the file's position (read(2)). It completes
// with 0 bytes at the end, and when b is empty. Where there is nothing to read it
// waits, whether or not the descriptor does; older kernels complete it with EAGAIN when that has
// O_NONBLOCK.
//
// It and its sisters return ErrFull, EEXIST when the token is in flight, EINVAL
// for the largest token, which is the ring's own, and EBADF for a closed fd. The
// number of a descriptor is not looked at before it is handed over: what is
// wrong with it, the completion tells.
func (r *Ring) Read(fd *ipc.FD, b []byte, token uint64) error {
	return r.queue("read from", fd, b, token, func(n int) bool { return r.uring.Read(n, b, token) })
}

// Write queues a write of b at the file's position (write(2)). It completes when
// some of b was taken; with O_NONBLOCK it is as Read.
func (r *Ring) Write(fd *ipc.FD, b []byte, token uint64) error {
	return r.queue("write to", fd, b, token, func(n int) bool { return r.uring.Write(n, b, token) })
}

// Recv queues a receive into b (recv(2)), of which MSG_PEEK, MSG_WAITALL and
// the like are the flags. It waits whether or not the socket does, unless
// MSG_DONTWAIT is among the flags.
func (r *Ring) Recv(fd *ipc.FD, b []byte, flags int, token uint64) error {
	return r.queue("receive from", fd, b, token, func(n int) bool { return r.uring.Recv(n, b, flags, token) })
}

// Send queues a send of b to the connected peer (send(2), always MSG_NOSIGNAL).
// Of a stream it completes when some of b was taken, with MSG_WAITALL all. It
// waits as Recv does.
func (r *Ring) Send(fd *ipc.FD, b []byte, flags int, token uint64) error {
	return r.queue("send to the peer of", fd, b, token, func(n int) bool {
		return r.uring.Send(n, b, flags|unix.MSG_NOSIGNAL, token)
	})
}

// Poll queues a wait until one of the events is true of fd, or POLLERR, POLLHUP
// or POLLRDHUP. The completion's N holds which are. A listening socket that is
// polled so has a client for accept(2).
//
// POLLPRI is errors.ErrUnsupported: the kernel (seen with Linux 6.18) does not
// wake for it alone, and tells it of any data that comes for a socket. Package
// ready's pollers know better.
func (r *Ring) Poll(fd *ipc.FD, events Events, token uint64) error {
	if events&POLLPRI != 0 {
		return fmt.Errorf("ring: poll %s: %w: rings do not tell POLLPRI apart", fd, errors.ErrUnsupported)
	}
	return r.queue("poll", fd, nil, token, func(n int) bool { return r.uring.Poll(n, uint32(events), token) })
}

// queue checks an operation, pins its buffer and has put queue it.
func (r *Ring) queue(what string, fd *ipc.FD, b []byte, token uint64, put func(fd int) bool) error {
	n := fd.Number()
	err := error(nil)
	switch {
	case r.uring == nil:
		err = os.ErrClosed
	case n < 0:
		err = unix.EBADF
	case token == ownToken:
		err = unix.EINVAL
	case r.inFlight[token] != nil:
		err = unix.EEXIST
	case len(r.inFlight) == r.uring.Entries():
		err = ErrFull
	default:
		err = r.room()
	}
	if err != nil {
		return fmt.Errorf("ring: %s %s: %w", what, fd, err)
	}
	op := r.operation()
	op.what, op.fd, op.cancelled = what, n, false
	if len(b) > 0 {
		op.pinner.Pin(&b[0])
	}
	put(n) // there is room
	r.inFlight[token] = op
	return nil
}

// room sees to it that the submission queue, which cancellations use too, has
// room for one more.
func (r *Ring) room() error {
	if r.uring.Queued() < r.uring.Entries() {
		return nil
	}
	return r.submit()
}

func (r *Ring) operation() *operation {
	if last := len(r.spare) - 1; last >= 0 {
		op := r.spare[last]
		r.spare = r.spare[:last]
		return op
	}
	return new(operation)
}

// Cancel queues the cancelling of the operation with that token. It completes
// all the same: with ECANCELED, or as if nothing had been, when it was quicker.
// ENOENT when it is not in flight. A second Cancel does nothing.
func (r *Ring) Cancel(token uint64) error {
	op := r.inFlight[token]
	switch {
	case op == nil:
		return fmt.Errorf("ring: cancel operation %d: %w", token, unix.ENOENT)
	case op.cancelled:
		return nil
	}
	if err := r.cancel(token, op); err != nil {
		return fmt.Errorf("ring: cancel operation %d: %w", token, err)
	}
	return nil
}

func (r *Ring) cancel(token uint64, op *operation) error {
	// As many completions have room as there are operations and as many
	// cancellations again, so the kernel never has to keep one back.
	if r.cancels == r.uring.Entries() {
		return ErrFull
	}
	if err := r.room(); err != nil {
		return err
	}
	r.uring.Cancel(token, ownToken)
	op.cancelled = true
	r.cancels++
	return nil
}

// InFlight returns how many operations have not completed, or not been told of
// by Wait.
func (r *Ring) InFlight() int { return len(r.inFlight) }

// Submit hands over what was queued and does not wait (io_uring_enter(2)).
func (r *Ring) Submit() error {
	if r.uring == nil {
		return fmt.Errorf("ring: submit: %w", os.ErrClosed)
	}
	if err := r.submit(); err != nil {
		return fmt.Errorf("ring: submit: %w", err)
	}
	return nil
}

func (r *Ring) submit() error {
	for r.uring.Queued() > 0 {
		if errno := r.uring.Enter(0, 0); errno != 0 && errno != unix.EINTR {
			return os.NewSyscallError("io_uring_enter", errno)
		}
	}
	return nil
}

// Wait hands over what was queued, waits for a completion unless there are some,
// and returns how many entries of dst it filled: 0 after the timeout or a signal.
// All that takes one system call. A negative timeout waits for ever and zero not
// at all.
//
// An empty dst is EINVAL. To wait for ever while nothing is in flight is
// EDEADLK.
func (r *Ring) Wait(dst []Completion, timeout time.Duration) (int, error) {
	switch {
	case r.uring == nil:
		return 0, fmt.Errorf("ring: wait: %w", os.ErrClosed)
	case len(dst) == 0:
		return 0, fmt.Errorf("ring: wait: no room for completions: %w", unix.EINVAL)
	case timeout < 0 && len(r.inFlight) == 0:
		return 0, fmt.Errorf("ring: wait: nothing is in flight: %w", unix.EDEADLK)
	}
	if n := r.reap(dst); n > 0 {
		return n, r.Submit()
	}
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	for {
		wait := 1
		if timeout == 0 {
			wait = 0
		}
		errno := r.uring.Enter(wait, timeout)
		n := r.reap(dst)
		switch {
		case n > 0 || errno == unix.EINTR || errno == unix.ETIME:
			return n, nil
		case errno != 0:
			return 0, fmt.Errorf("ring: wait: %w", os.NewSyscallError("io_uring_enter", errno))
		case timeout == 0:
			return 0, nil
		case timeout > 0:
			// What came was a cancellation's own completion.
			timeout = max(0, time.Until(deadline))
		}
	}
}

// reap fills dst with what has completed and returns how many entries it filled.
func (r *Ring) reap(dst []Completion) (n int) {
	for n < len(dst) {
		c, ok := r.uring.Pop()
		if !ok {
			break
		}
		if c.Token == ownToken {
			r.cancels--
			continue
		}
		dst[n] = r.complete(c)
		n++
	}
	return n
}

// complete gives the operation's buffer back to the caller.
func (r *Ring) complete(c sys.UringCompletion) Completion {
	op := r.inFlight[c.Token]
	delete(r.inFlight, c.Token)
	op.pinner.Unpin()
	r.spare = append(r.spare, op)
	if c.Result >= 0 {
		return Completion{Token: c.Token, N: int(c.Result)}
	}
	errno := syscall.Errno(-c.Result)
	return Completion{Token: c.Token, Err: fmt.Errorf("%s fd %d: %w", op.what, op.fd, os.NewSyscallError("io_uring", errno))}
}

// Close takes back what was queued and not handed over, cancels what is in
// flight, waits until the kernel has let go of all buffers, and frees the ring.
// What completed without being told by Wait is lost. Only an operation that the
// kernel is in the middle of, as a read from a disk, makes it wait longer. A
// second Close returns os.ErrClosed.
//
// It panics when another goroutine than the one that opened the ring calls it.
func (r *Ring) Close() error {
	if r.uring == nil {
		return fmt.Errorf("close ring: %w", os.ErrClosed)
	}
	if unix.Gettid() != r.thread {
		panic("async: Ring.Close by another goroutine than the one that opened it")
	}
	if err := r.settle(); err != nil {
		return fmt.Errorf("close ring: %w", err)
	}
	r.uring.Close()
	r.uring = nil
	runtime.UnlockOSThread()
	return nil
}

// settle ends all operations. It must not return nil while the kernel may still
// write to a buffer.
func (r *Ring) settle() error {
	for {
		token, ok := r.uring.Unqueue()
		if !ok {
			break
		}
		if token == ownToken {
			r.cancels--
		} else {
			r.complete(sys.UringCompletion{Token: token})
		}
	}
	// Whose cancellation was taken back is not known, so all get one anew.
	for _, op := range r.inFlight {
		op.cancelled = false
	}
	var done [64]Completion
	for len(r.inFlight) > 0 {
		if err := r.cancelAll(); err != nil {
			return err
		}
		errno := r.uring.Enter(1, -1)
		if errno != 0 && errno != unix.EINTR {
			return os.NewSyscallError("io_uring_enter", errno)
		}
		for r.reap(done[:]) > 0 {
		}
	}
	return nil
}

// cancelAll queues the cancelling of as many operations as there is room for.
func (r *Ring) cancelAll() error {
	for token, op := range r.inFlight {
		if op.cancelled {
			continue
		}
		if err := r.cancel(token, op); err == ErrFull {
			return nil // those under way come first
		} else if err != nil {
			return err
		}
	}
	return nil
}
