// Package sock makes sockets and talks through them: the calls of socket(2) and
// its family on descriptors with one owner, and nothing behind their backs.
//
// Most programs need three functions: Listen or ListenAll for a server's socket
// (its Accept for each client's), and Connect for a client's. They put together
// the calls below them, which are there too, one system call each, as the
// manual has them: Socket, Socketpair, Bind, ListenOn, Accept, ConnectTo,
// Send, Recv, SendMsg, RecvMsg, Shutdown, Getsockname, Getpeername.
//
// Names in capitals are the manual's: AF_UNIX, SOCK_STREAM, MSG_PEEK, SO_RCVBUF.
// Socket options are typed values that set themselves and read back what the
// kernel kept: SO_RCVBUF.Set(fd, 10000) returns 20000 on Linux.
//
// Every descriptor is close-on-exec from birth. Whether a call waits is up to
// the socket: what Listen and Connect return does not wait unless Options says
// so, what Socket returns waits unless its type has SOCK_NONBLOCK. A call that
// would have to wait returns ErrWouldBlock. Calls that a signal interrupts are
// repeated here, and a broken connection is an error (EPIPE), never a signal.
//
// The package resolves no host names and starts no goroutines.
package sock

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// A Domain is a family of protocols and addresses (socket(2)). Any number that
// the system knows will do.
type Domain int

// The domains whose addresses package addr can write.
const (
	AF_UNIX  Domain = unix.AF_UNIX  // within the host (unix(7))
	AF_INET  Domain = unix.AF_INET  // IPv4 (ip(7))
	AF_INET6 Domain = unix.AF_INET6 // IPv6, and IPv4 through it (ipv6(7))
)

// String returns the domain's name in the manual, or its number.
func (d Domain) String() string {
	if name, ok := domainNames[d]; ok {
		return name
	}
	return fmt.Sprintf("domain %d", int(d))
}

// A Type is a socket's semantics of communication (socket(2)), and on the way
// into Socket and Socketpair may be or'ed with SOCK_NONBLOCK.
type Type int

const (
	SOCK_STREAM    Type = unix.SOCK_STREAM    // a connection and its bytes
	SOCK_DGRAM     Type = unix.SOCK_DGRAM     // messages on their own
	SOCK_SEQPACKET Type = unix.SOCK_SEQPACKET // a connection and its messages
	SOCK_RAW       Type = unix.SOCK_RAW       // what lies under the transport; needs CAP_NET_RAW
	SOCK_RDM       Type = unix.SOCK_RDM       // messages that arrive, in whatever order
)

// String returns the type's name in the manual, or its number.
func (t Type) String() string {
	name := fmt.Sprintf("type %d", int(t&^SOCK_NONBLOCK))
	switch t &^ SOCK_NONBLOCK {
	case SOCK_STREAM:
		name = "SOCK_STREAM"
	case SOCK_DGRAM:
		name = "SOCK_DGRAM"
	case SOCK_SEQPACKET:
		name = "SOCK_SEQPACKET"
	case SOCK_RAW:
		name = "SOCK_RAW"
	case SOCK_RDM:
		name = "SOCK_RDM"
	}
	if t&SOCK_NONBLOCK != 0 {
		name += "|SOCK_NONBLOCK"
	}
	return name
}

// ErrWouldBlock is the answer of a call that would have to wait, or has waited
// as long as SO_RCVTIMEO or SO_SNDTIMEO let it. It is EAGAIN to errors.Is.
var ErrWouldBlock error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string { return "the call would have to wait" }
func (wouldBlock) Unwrap() error { return syscall.EAGAIN }

// Socket makes a socket (socket(2)). It is close-on-exec. Protocol 0 is the
// usual one of the domain and type.
//
// Errors: EAFNOSUPPORT, EPROTONOSUPPORT and their like for what the system
// lacks, EACCES or EPERM for what needs a capability, EMFILE.
func Socket(d Domain, t Type, protocol int) (*ipc.FD, error) {
	n, err := socket(d, t, protocol)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", kindOf(d, t, protocol), os.NewSyscallError("socket", err))
	}
	return ipc.NewFD(n), nil
}

// Socketpair makes two sockets that are connected with each other
// (socketpair(2)). The pair has no names, and its ends do not differ. Both are
// close-on-exec. On most systems only AF_UNIX has pairs: the others give
// EOPNOTSUPP.
func Socketpair(d Domain, t Type, protocol int) (a, b *ipc.FD, err error) {
	pair, err := socketpair(d, t, protocol)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair %s: %w", kindOf(d, t, protocol), os.NewSyscallError("socketpair", err))
	}
	return ipc.NewFD(pair[0]), ipc.NewFD(pair[1]), nil
}

// kindOf names what was asked for, for messages.
func kindOf(d Domain, t Type, protocol int) string {
	if protocol == 0 {
		return fmt.Sprintf("%v %v", d, t)
	}
	return fmt.Sprintf("%v %v protocol %d", d, t, protocol)
}

// Bind gives the socket its own address (bind(2)). Binding to a path makes a
// file there, which stays until somebody unlinks it.
//
// Errors: EADDRINUSE when the address is taken or the path exists, EACCES for a
// port below 1024 without CAP_NET_BIND_SERVICE and for a directory that may not
// be written, EADDRNOTAVAIL for an address that is not the host's. *:PORT is of
// two domains: the caller decides for 0.0.0.0 or [::].
func Bind(fd *ipc.FD, a addr.Addr) error {
	if err := bind(fd.Number(), a); err != nil {
		return fmt.Errorf("bind %s to %s: %w", fd, a, err)
	}
	return nil
}

// ListenOn makes the bound socket one that takes connections (listen(2)).
// Backlog is how many of them may wait for Accept; the system cuts what is more
// than it allows. EOPNOTSUPP for a type without connections; EADDRINUSE.
func ListenOn(fd *ipc.FD, backlog int) error {
	if err := unix.Listen(fd.Number(), backlog); err != nil {
		return fmt.Errorf("listen on %s: %w", fd, os.NewSyscallError("listen", err))
	}
	return nil
}

// Accept takes a connection from a socket that listens (accept4(2)) and returns
// its socket, which is close-on-exec, and the peer's address. Flags is 0 or
// SOCK_NONBLOCK. It waits for a client where fd waits. A peer that is a UNIX
// socket reads as one of SOCK_STREAM; a Listener knows better.
//
// Errors wrap the errno: EINVAL when fd does not listen, EMFILE, and what went wrong
// with the client meanwhile, as ECONNABORTED; ErrWouldBlock.
func Accept(fd *ipc.FD, flags Type) (*ipc.FD, addr.Addr, error) {
	n, peer, err := accept(fd.Number(), flags, SOCK_STREAM)
	switch {
	case err == syscall.EAGAIN:
		return nil, addr.Addr{}, ErrWouldBlock
	case err != nil:
		return nil, addr.Addr{}, fmt.Errorf("accept from %s: %w", fd, os.NewSyscallError("accept", err))
	}
	return ipc.NewFD(n), peer, nil
}

// ConnectTo connects the socket to the address (connect(2)). For SOCK_DGRAM
// that sends nothing: it sets to whom Send sends and from whom alone Recv
// receives.
//
// A socket that does not wait returns EINPROGRESS for the Internet: it is
// writable when the outcome is known, and SO_ERROR tells it. For a UNIX socket
// whose listener's backlog is full it returns ErrWouldBlock and has begun
// nothing.
func ConnectTo(fd *ipc.FD, a addr.Addr) error {
	err := connect(fd.Number(), a)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return ErrWouldBlock
	case err != nil:
		return fmt.Errorf("connect %s to %s: %w", fd, a, err)
	}
	return nil
}

// Getsockname returns the socket's own address (getsockname(2), and SO_TYPE to
// know its network): the real port after a Bind to port 0. A raw socket reads as
// UDP. Domains that package addr has no words for are errors.ErrUnsupported.
func Getsockname(fd *ipc.FD) (addr.Addr, error) {
	a, err := nameOf(fd.Number(), getsockname)
	if err != nil {
		return a, fmt.Errorf("own address of %s: %w", fd, err)
	}
	return a, nil
}

// Getpeername returns the address of the other end (getpeername(2), and
// SO_TYPE). ENOTCONN when there is none.
func Getpeername(fd *ipc.FD) (addr.Addr, error) {
	a, err := nameOf(fd.Number(), getpeername)
	if err != nil {
		return a, fmt.Errorf("peer's address of %s: %w", fd, err)
	}
	return a, nil
}

func nameOf(fd int, ask func(int, Type) (addr.Addr, error)) (addr.Addr, error) {
	t, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return addr.Addr{}, os.NewSyscallError("getsockopt", err)
	}
	return ask(fd, Type(t))
}

// The directions that Shutdown ends.
const (
	SHUT_RD   = unix.SHUT_RD
	SHUT_WR   = unix.SHUT_WR
	SHUT_RDWR = unix.SHUT_RDWR
)

// Shutdown ends one or both directions of a connection, whoever else holds the
// socket (shutdown(2)). After SHUT_WR the peer reads what was sent and then the
// end. ENOTCONN when there is no connection.
func Shutdown(fd *ipc.FD, how int) error {
	if err := unix.Shutdown(fd.Number(), how); err != nil {
		return fmt.Errorf("shut down %s: %w", fd, os.NewSyscallError("shutdown", err))
	}
	return nil
}

// SetNonblock chooses whether calls on the descriptor wait (fcntl(2),
// O_NONBLOCK). The choice belongs to the open socket: it holds for every
// duplicate, also in other processes.
func SetNonblock(fd *ipc.FD, nonblock bool) error {
	if err := unix.SetNonblock(fd.Number(), nonblock); err != nil {
		return fmt.Errorf("set %s to wait or not: %w", fd, os.NewSyscallError("fcntl", err))
	}
	return nil
}

// domainOf returns the domain and the type of the sockets for an address, which
// holds a number if it is of the Internet.
func domainOf(a addr.Addr) (Domain, Type) {
	switch a.Network() {
	case addr.Unix:
		return AF_UNIX, SOCK_STREAM
	case addr.UnixDatagram:
		return AF_UNIX, SOCK_DGRAM
	case addr.UnixSeqPacket:
		return AF_UNIX, SOCK_SEQPACKET
	}
	d, t := AF_INET6, SOCK_STREAM
	if a.AddrPort().Addr().Is4() {
		d = AF_INET
	}
	if a.Network() == addr.UDP {
		t = SOCK_DGRAM
	}
	return d, t
}
