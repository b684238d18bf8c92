package sys

import (
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Message is what struct msghdr describes (sendmsg(2)). For receiving, Name
// and Control are room, which the call cuts to what came.
type Message struct {
	Name    []byte   // a socket address as it lies in memory; may be empty
	Data    [][]byte // gathered from, or scattered to, in this order
	Control []byte   // ancillary data (cmsg(3)); may be empty
	Flags   int      // set by receiving
	N       int      // bytes of data that were sent or received
}

// Sendmsg is sendmsg(2). It waits where the socket does.
func Sendmsg(fd int, m *Message, flags int) syscall.Errno {
	var some [8]unix.Iovec
	msg, _ := m.header(some[:0])
	for {
		n, _, errno := syscall.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), uintptr(flags))
		if errno == 0 {
			m.N = int(n)
			return 0
		}
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// Recvmsg is recvmsg(2). It waits where the socket does.
func Recvmsg(fd int, m *Message, flags int) syscall.Errno {
	var some [8]unix.Iovec
	msg, _ := m.header(some[:0])
	for {
		n, _, errno := syscall.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), uintptr(flags))
		if errno == 0 {
			m.received(&msg, int(n))
			return 0
		}
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// mmsghdr is struct mmsghdr (sendmmsg(2)), which x/sys does not have.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// A Batch holds the memory in which messages are described to the kernel, for
// one call after the other. The zero value is ready.
type Batch struct {
	vec  []mmsghdr
	iovs []unix.Iovec
}

// Sendmmsg is sendmmsg(2): it sends the messages in order and returns how many
// went out; an error means that the first did not. It waits where the socket
// does.
func (b *Batch) Sendmmsg(fd int, ms []Message, flags int) (int, syscall.Errno) {
	n, errno := b.call(unix.SYS_SENDMMSG, fd, ms, flags)
	for i := range n {
		ms[i].N = int(b.vec[i].len)
	}
	b.forget()
	return n, errno
}

// Recvmmsg is recvmmsg(2) without a timeout: it receives messages in order and
// returns how many came; an error means none. It waits where the socket does,
// with MSG_WAITFORONE only for the first.
func (b *Batch) Recvmmsg(fd int, ms []Message, flags int) (int, syscall.Errno) {
	n, errno := b.call(unix.SYS_RECVMMSG, fd, ms, flags)
	for i := range n {
		ms[i].received(&b.vec[i].hdr, int(b.vec[i].len))
	}
	b.forget()
	return n, errno
}

func (b *Batch) call(trap uintptr, fd int, ms []Message, flags int) (int, syscall.Errno) {
	pieces := 0
	for i := range ms {
		pieces += len(ms[i].Data)
	}
	// The headers point into the vector, so it must not grow any more.
	b.iovs = slices.Grow(b.iovs[:0], pieces)
	b.vec = slices.Grow(b.vec[:0], len(ms))[:len(ms)]
	for i := range ms {
		b.vec[i].hdr, b.iovs = ms[i].header(b.iovs)
	}
	for {
		n, _, errno := syscall.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b.vec))),
			uintptr(len(b.vec)), uintptr(flags), 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// forget lets go of the caller's memory.
func (b *Batch) forget() {
	clear(b.vec)
	clear(b.iovs)
}

// header returns m as the kernel reads it. Its vector is appended to iovs, of
// which the rest is returned for the next message.
func (m *Message) header(iovs []unix.Iovec) (unix.Msghdr, []unix.Iovec) {
	var msg unix.Msghdr
	if len(m.Name) > 0 {
		msg.Name = unsafe.SliceData(m.Name)
		msg.Namelen = uint32(len(m.Name))
	}
	if len(m.Control) > 0 {
		msg.Control = unsafe.SliceData(m.Control)
		msg.SetControllen(len(m.Control))
	}
	for _, piece := range m.Data {
		v := unix.Iovec{Base: unsafe.SliceData(piece)}
		v.SetLen(len(piece))
		iovs = append(iovs, v)
	}
	if n := len(m.Data); n > 0 {
		msg.Iov = &iovs[len(iovs)-n]
		msg.SetIovlen(n)
	}
	return msg, iovs
}

// received takes over what the kernel wrote into msg.
func (m *Message) received(msg *unix.Msghdr, n int) {
	m.N = n
	m.Name = m.Name[:min(len(m.Name), int(msg.Namelen))]
	m.Control = m.Control[:min(len(m.Control), int(msg.Controllen))]
	m.Flags = int(msg.Flags)
}
