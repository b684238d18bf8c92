package sock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// Flags are the MSG_ flags of send(2) and recv(2), or'ed.
type Flags int

const (
	MSG_OOB       Flags = unix.MSG_OOB       // out-of-band data; of TCP urgent data the last byte
	MSG_PEEK      Flags = unix.MSG_PEEK      // look at what is there and leave it
	MSG_WAITALL   Flags = unix.MSG_WAITALL   // wait until all bytes asked for are there
	MSG_DONTWAIT  Flags = unix.MSG_DONTWAIT  // do not wait this once
	MSG_DONTROUTE Flags = unix.MSG_DONTROUTE // send to hosts on the own networks only
	MSG_EOR       Flags = unix.MSG_EOR       // the end of a record
	MSG_TRUNC     Flags = unix.MSG_TRUNC     // received: the message was longer. Asked for (Linux): return its true length
	MSG_CTRUNC    Flags = unix.MSG_CTRUNC    // received: there was more ancillary data
)

// flagNames are the flags in the order in which String names them.
var flagNames = []struct {
	flag Flags
	name string
}{
	{MSG_OOB, "MSG_OOB"}, {MSG_PEEK, "MSG_PEEK"}, {MSG_WAITALL, "MSG_WAITALL"}, {MSG_DONTWAIT, "MSG_DONTWAIT"},
	{MSG_DONTROUTE, "MSG_DONTROUTE"}, {MSG_EOR, "MSG_EOR"}, {MSG_TRUNC, "MSG_TRUNC"}, {MSG_CTRUNC, "MSG_CTRUNC"},
}

// String returns the flags' names in the manual, as "MSG_PEEK|MSG_TRUNC", and
// "0" for none.
func (f Flags) String() string {
	var list []string
	for _, known := range flagNames {
		if f&known.flag != 0 {
			list = append(list, known.name)
			f &^= known.flag
		}
	}
	if f != 0 {
		list = append(list, fmt.Sprintf("%#x", int(f)))
	}
	if list == nil {
		return "0"
	}
	return strings.Join(list, "|")
}

// Send sends b to the connected peer (send(2)) and returns how many bytes the
// kernel took: of a stream perhaps not all, of a message all or none.
//
// Errors wrap the errno: EPIPE when the peer has closed (MSG_NOSIGNAL is always
// set, so there is no SIGPIPE), EMSGSIZE for a message that is too long,
// ECONNREFUSED when an earlier datagram found nobody; ErrWouldBlock.
func Send(fd *ipc.FD, b []byte, flags Flags) (int, error) {
	n, err := sendto(fd.Number(), b, flags, addr.Addr{})
	return n, transferred("send to the peer of", "send", fd, err)
}

// SendTo sends b as one datagram (sendto(2)). A UNIX socket that is not bound
// has no name that the receiver could answer to.
func SendTo(fd *ipc.FD, b []byte, flags Flags, to addr.Addr) (int, error) {
	if !to.IsValid() {
		return 0, fmt.Errorf("send from %s: %w", fd, checkNumeric(to))
	}
	n, err := sendto(fd.Number(), b, flags, to)
	if err != nil && err != syscall.EAGAIN {
		return 0, fmt.Errorf("send from %s to %s: %w", fd, to, named("sendto", err))
	}
	return n, transferred("send from", "sendto", fd, err)
}

// Recv receives up to len(b) bytes (recv(2)), of a message no more than its own.
// 0 bytes and no error are the end of a connection, an empty message, or that b is
// empty. Datagrams have no end: nothing comes any more when the peer is gone. What
// does not fit of a message is lost; only RecvMsg says so.
//
// Errors wrap the errno: ECONNRESET when the connection broke off; ErrWouldBlock.
func Recv(fd *ipc.FD, b []byte, flags Flags) (int, error) {
	n, err := recv(fd.Number(), b, flags)
	return n, transferred("receive from", "recv", fd, err)
}

// RecvFrom is Recv and says from whom (recvfrom(2)). On a connection, and from a
// UNIX socket without a name, that is the zero Addr. A sender that is a UNIX
// socket reads as one of SOCK_DGRAM.
func RecvFrom(fd *ipc.FD, b []byte, flags Flags) (int, addr.Addr, error) {
	n, from, err := recvfrom(fd.Number(), b, flags)
	return n, from, transferred("receive from", "recvfrom", fd, err)
}

// transferred makes the error of a transfer, whose err is an errno or one of
// ours.
func transferred(what, call string, fd *ipc.FD, err error) error {
	switch err {
	case nil:
		return nil
	case syscall.EAGAIN:
		return ErrWouldBlock
	}
	return fmt.Errorf("%s %s: %w", what, fd, named(call, err))
}

// named puts the call's name before an errno.
func named(call string, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) && err == error(errno) {
		return os.NewSyscallError(call, errno)
	}
	return err
}
