package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// A Bound is a socket with an address of its own, and the socket file with it
// when that is a path. It has one owner.
type Bound struct {
	fd   *ipc.FD
	addr addr.Addr
	file socketFile
}

// FD lends the socket's descriptor. It stays open until Close.
func (b *Bound) FD() *ipc.FD { return b.fd }

// Addr returns the socket's own address as the kernel has it: with the real
// port where port 0 was asked for, and [::] where *:PORT was.
func (b *Bound) Addr() addr.Addr { return b.addr }

// KeepFile has Close leave the socket file where it is: for a process that has
// given the socket away to another one.
func (b *Bound) KeepFile() { b.file = socketFile{} }

// Close closes the socket and unlinks its file, if it is still its own: a file
// that another has put in its place stays. A call that waits in another
// goroutine goes on waiting. A second Close returns os.ErrClosed.
func (b *Bound) Close() error {
	// The file goes first. While the socket is open no Listen takes the file
	// for a stale one, nor is its inode number given to another file.
	err := b.file.remove()
	b.KeepFile() // from now on a successor's, perhaps of the same inode number
	return errors.Join(err, b.fd.Close())
}

// A Listener is a socket that takes connections.
type Listener struct {
	Bound
	typ      Type
	nonblock Type // SOCK_NONBLOCK where accepted sockets shall not wait, or 0
	noDelay  bool
}

// Listen opens a stream socket, or one of sequenced packets, binds it to a and
// listens (listen(2)).
//
// The address is the choice of protocols: 0.0.0.0 takes IPv4 alone, [::] IPv6
// alone (IPV6_V6ONLY is always set explicitly), and *:PORT both in one socket.
// *:PORT is IPv4 alone where the host has no IPv6, and errors.ErrUnsupported
// where it takes two sockets: ListenAll does that.
//
// A path that a dead server has left behind is taken over; that of a living one
// never, nor one that is no socket: EADDRINUSE. The lock file PATH.takeover stands
// beside it in the meantime (path.go tells how and why).
//
// The socket is close-on-exec and does not wait, unless Options says so. Errors
// wrap the errno: EADDRINUSE, EACCES for a port below 1024 without
// CAP_NET_BIND_SERVICE or a directory that may not be written, EADDRNOTAVAIL for
// an address that is not the host's; ErrUnresolved for a host name. On error
// nothing stays open, and no file stays.
func Listen(a addr.Addr, opt *Options) (*Listener, error) {
	if opt == nil {
		opt = new(Options)
	}
	l, err := listen(a, opt)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", a, err)
	}
	return l, nil
}

func listen(a addr.Addr, opt *Options) (*Listener, error) {
	switch a.Network() {
	case addr.UDP, addr.UnixDatagram:
		return nil, fmt.Errorf("%w: datagrams have no connections; see BindDatagram", errors.ErrUnsupported)
	}
	return inOneSocket(a, func(a addr.Addr, dual bool) (*Listener, error) { return listenOne(a, dual, opt) })
}

func listenOne(a addr.Addr, dual bool, opt *Options) (l *Listener, err error) {
	l = &Listener{noDelay: opt.NoDelay && a.Network() == addr.TCP}
	if !opt.Blocking {
		l.nonblock = SOCK_NONBLOCK
	}
	if l.Bound, l.typ, err = bindNew(a, dual, opt, true); err != nil {
		return nil, err
	}
	if err := unix.Listen(l.fd.Number(), backlog(opt.Backlog)); err != nil {
		l.Close()
		return nil, os.NewSyscallError("listen", err)
	}
	return l, nil
}

// backlog returns the argument of listen(2). Kernels cut what is more than they
// allow, and some keep 16 bits of it.
func backlog(n int) int {
	const most = 1<<16 - 1
	if n == 0 {
		return most
	}
	return min(n, most)
}

// BindDatagram opens a datagram socket and binds it to a. All that Listen says
// of addresses, paths and errors holds here too.
func BindDatagram(a addr.Addr, opt *Options) (*Bound, error) {
	if opt == nil {
		opt = new(Options)
	}
	b, err := bindDatagram(a, opt)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", a, err)
	}
	return &b, nil
}

func bindDatagram(a addr.Addr, opt *Options) (Bound, error) {
	switch a.Network() {
	case addr.TCP, addr.Unix, addr.UnixSeqPacket:
		return Bound{}, fmt.Errorf("%w: it is no address for datagrams; see Listen", errors.ErrUnsupported)
	}
	return inOneSocket(a, func(a addr.Addr, dual bool) (Bound, error) {
		b, _, err := bindNew(a, dual, opt, false)
		return b, err
	})
}

// inOneSocket binds to a, and to *:PORT as [::] with IPv4, or to 0.0.0.0 where
// there is no IPv6.
func inOneSocket[T any](a addr.Addr, bind func(a addr.Addr, dual bool) (T, error)) (T, error) {
	if !a.IsAny() {
		return bind(a, false)
	}
	made, err := bind(wildcard6(a), true)
	if lacksIPv6(err) {
		return bind(wildcard4(a), false)
	}
	return made, err
}

// bindNew makes a socket for a and binds it. Dual has [::] take IPv4 too.
func bindNew(a addr.Addr, dual bool, opt *Options, listens bool) (b Bound, t Type, err error) {
	if !a.Network().IsUnix() {
		if err := checkNumeric(a); err != nil {
			return b, 0, err
		}
	}
	d, t := domainOf(a)
	fd, err := opt.tuned(d, t, a.Network(), listens)
	if err != nil {
		return b, 0, err
	}
	b.fd = fd
	defer func() {
		if err != nil {
			b.Close()
			b = Bound{}
		}
	}()
	if d == AF_INET6 {
		if err := IPV6_V6ONLY.set(fd, !dual); err != nil {
			if dual && isErrno(err, unix.EINVAL, unix.ENOPROTOOPT) {
				err = fmt.Errorf("%w: IPv4 and IPv6 take two sockets here: %w", errors.ErrUnsupported, err)
			}
			return b, 0, err
		}
	}
	if b.file, err = bindFile(fd.Number(), a, opt.file()); err != nil {
		return b, 0, err
	}
	b.addr, err = getsockname(fd.Number(), t)
	return b, t, err
}

// wildcard6 and wildcard4 are the addresses that *:PORT stands for.
func wildcard6(a addr.Addr) addr.Addr {
	return addr.Internet(a.Network(), netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port()))
}

func wildcard4(a addr.Addr) addr.Addr {
	return addr.Internet(a.Network(), netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port()))
}

// lacksIPv6 reports whether err of binding to [::] means that the host has no
// IPv6: it was built or started without it, or has it switched off.
func lacksIPv6(err error) bool {
	return isErrno(err, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.EADDRNOTAVAIL)
}

func isErrno(err error, list ...syscall.Errno) bool {
	for _, errno := range list {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// Adopt takes ownership of a socket that listens already, as a process inherits
// one from a service manager or from the version of itself that it replaces. It
// makes it close-on-exec, and non-blocking unless opt says otherwise; of opt it
// heeds only Blocking and NoDelay, the latter for accepted sockets where the
// system makes them anew. Close leaves a socket file where it is.
//
// EINVAL when the socket does not listen. On error fd stays the caller's.
func Adopt(fd *ipc.FD, opt *Options) (*Listener, error) {
	if opt == nil {
		opt = new(Options)
	}
	l, err := adopt(fd, opt)
	if err != nil {
		return nil, fmt.Errorf("adopt %s: %w", fd, err)
	}
	return l, nil
}

func adopt(fd *ipc.FD, opt *Options) (*Listener, error) {
	listens, err := SO_ACCEPTCONN.Get(fd)
	switch {
	case err != nil:
		return nil, err
	case !listens:
		return nil, fmt.Errorf("the socket does not listen: %w", syscall.EINVAL)
	}
	t, err := SO_TYPE.Get(fd)
	if err != nil {
		return nil, err
	}
	a, err := getsockname(fd.Number(), t)
	if err != nil {
		return nil, err
	}
	if err := SetNonblock(fd, !opt.Blocking); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	l := &Listener{Bound: Bound{fd: fd, addr: a}, typ: t, noDelay: opt.NoDelay && a.Network() == addr.TCP}
	if !opt.Blocking {
		l.nonblock = SOCK_NONBLOCK
	}
	return l, nil
}

// Drain keeps new clients away before Close, as far as the system can: Accept
// until ErrWouldBlock takes those that have connected, and Close then resets
// nobody. The socket file is removed, if it is still the socket's own, so that
// another server can listen at the path. A client of TCP that is kept away
// (Linux) tries again after a second, and finds who listens by then. An error,
// as EPERM where the system reserves filters for root, means that clients still
// come.
func (l *Listener) Drain() error {
	if err := l.file.remove(); err != nil {
		return fmt.Errorf("drain %s: %w", l.addr, err)
	}
	l.KeepFile() // from now on a successor's
	if l.addr.Network() != addr.TCP {
		return nil
	}
	if err := dropClients(l.fd); err != nil {
		return fmt.Errorf("drain %s: %w", l.addr, err)
	}
	return nil
}

// Accept takes a connection that has come (accept4(2)) and returns its socket,
// which the caller owns, and the client's address. It does not wait, nor does
// the new socket, unless Options.Blocking was set: ErrWouldBlock when no client
// is there. On a dual-stack socket an IPv4 client reads as [::ffff:192.0.2.1].
//
// EMFILE and ENFILE leave the client in the queue, so that the listener stays
// readable: wait until a descriptor is free. What went wrong with a client
// before it was accepted, which accept(2) reports too, is passed over.
func (l *Listener) Accept() (*ipc.FD, addr.Addr, error) {
	for {
		n, peer, err := accept(l.fd.Number(), l.nonblock, l.typ)
		if err == nil {
			if err := tuneAccepted(n, l.noDelay); err != nil {
				unix.Close(n)
				continue // the client is gone already
			}
			return ipc.NewFD(n), peer, nil
		}
		switch err {
		case syscall.EAGAIN:
			return nil, addr.Addr{}, ErrWouldBlock
		case syscall.ECONNABORTED, syscall.EPROTO, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENOPROTOOPT:
			// Of the client, not of the listener (accept(2)). Each takes it
			// from the queue, so this comes to an end.
			continue
		}
		return nil, addr.Addr{}, fmt.Errorf("accept from %s: %w", l.addr, os.NewSyscallError("accept", err))
	}
}
