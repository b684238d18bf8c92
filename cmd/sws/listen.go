package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

const (
	// resolveTime bounds how long the start waits for the name of a host.
	resolveTime = 20 * time.Second

	// portTries is how often a free port is looked for that is free on every
	// address.
	portTries = 16
)

// listenAddress reads an operand of -i: an IPv4 or IPv6 address, with or without
// brackets, the name of a host, unix:/path, or unix:@name. A relative path is
// made absolute, since a daemon changes its working directory.
func listenAddress(text string) (addr.Addr, error) {
	if strings.HasPrefix(text, "unix:") {
		a, err := addr.Parse(text)
		switch _, abstract := a.Abstract(); {
		case err != nil || abstract:
			return a, err
		case a.IsUnnamed():
			return addr.Addr{}, errors.New("unix: is followed by a path")
		}
		path, err := filepath.Abs(a.Path())
		if err != nil {
			return addr.Addr{}, err
		}
		if a, err = addr.Path(addr.Unix, path); err != nil {
			return addr.Addr{}, fmt.Errorf("%s: %w", path, err)
		}
		return a, nil
	}
	if text == "" {
		return addr.Addr{}, errors.New("an IPv4 or IPv6 address, a host name or unix:/path is wanted")
	}
	a, err := addr.FromHost(addr.TCP, text, 0)
	if err != nil {
		if _, portErr := addr.Parse(text); portErr == nil {
			return addr.Addr{}, fmt.Errorf("%q: the port is given with -p", text)
		}
		if scheme, rest, ok := strings.Cut(text, ":"); ok && nearest(scheme, []string{"unix"}) != "" {
			return addr.Addr{}, fmt.Errorf("%w%s", err, meant("unix:"+rest))
		}
		return addr.Addr{}, err
	}
	return a, nil
}

// A target is one address to listen on.
type target struct {
	addr.Addr
	name string // the host name that it was resolved from, or ""
}

// A lookup finds the addresses of a host.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// resolve turns the operands of -i into targets, each of them once.
func resolve(ctx context.Context, addresses []addr.Addr, find lookup) ([]target, error) {
	if len(addresses) == 0 {
		return []target{{Addr: addr.Any(addr.TCP, 0)}}, nil
	}
	var targets []target
	add := func(t target) {
		if !slices.ContainsFunc(targets, func(have target) bool { return have.Addr == t.Addr }) {
			targets = append(targets, t)
		}
	}
	for _, a := range addresses {
		host := a.Host()
		if host == "" {
			add(target{Addr: a})
			continue
		}
		found, err := find(ctx, "ip", host)
		if err != nil {
			return nil, fmt.Errorf("-i %s: %w; give an address, or a name that has one", host, unresolved(err))
		}
		for _, ip := range found {
			add(target{addr.Internet(addr.TCP, netip.AddrPortFrom(ip.Unmap(), 0)), host})
		}
	}
	return targets, nil
}

// unresolved shortens an error of the resolver, which repeats the name and tells
// of the server that was asked.
func unresolved(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return errors.New("no such host")
	case errors.As(err, &dns):
		return fmt.Errorf("the name cannot be resolved: %s", dns.Err)
	}
	return err
}

// sockets are what the server listens on.
type sockets []socket

type socket struct {
	*sock.Listener
	at addr.Addr // what it takes: *:PORT when it is one for IPv4 and IPv6
}

// listen opens the sockets for addresses, all of them on one port: where the
// kernel is to choose it, the one it chose first. No address means all of the
// host.
func listen(addresses []addr.Addr, port uint16, opt *sock.Options) (sockets, error) {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	targets, err := resolve(ctx, addresses, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		s, err := listenAt(targets, port, opt)
		// What the kernel chose for the first may be taken on the next.
		if err == nil || port != 0 || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

// listenAt opens the sockets for targets on one port, or none of them.
func listenAt(targets []target, port uint16, opt *sock.Options) (s sockets, err error) {
	defer func() {
		if err != nil {
			s.close()
			s = nil
		}
	}()
	reached := make(map[string]bool) // the host names of which an address would do
	absent := make(map[string]error) // and why the first one of the others would not
	for _, t := range targets {
		opened, err := open(t.WithPort(port), opt)
		switch {
		case err == nil:
			s = append(s, opened...)
			reached[t.name] = true
			port = max(port, opened[0].Addr().Port())
		case t.name == "" || !isAbsent(err):
			return s, err
		case absent[t.name] == nil:
			absent[t.name] = err
		}
	}
	for name, err := range absent {
		if !reached[name] {
			return s, err
		}
	}
	return s, nil
}

// socketOptions are those of all the sockets; each heeds what is for its kind.
func (s *settings) socketOptions() *sock.Options {
	return &sock.Options{
		// Replies are written whole, so a small last segment need not wait for
		// the client's acknowledgement of those before it (tcp(7)).
		NoDelay: true,
		// A client that has connected speaks first: until it does, for a
		// second, the kernel keeps it, and with it a wake-up and a look in
		// vain (tcp(7), TCP_DEFER_ACCEPT).
		DeferAccept: time.Second,

		Mode:  s.socketMode,
		Owner: s.socketOwner,
	}
}

// open opens the socket for a, or both of them where *:PORT takes two.
func open(a addr.Addr, opt *sock.Options) (sockets, error) {
	listeners, err := sock.ListenAll(a, opt)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, remedy(err, a))
	}
	var s sockets
	for _, l := range listeners {
		at := l.Addr()
		if a.IsAny() && len(listeners) == 1 && at.AddrPort().Addr().Is6() {
			at = a.WithPort(at.Port())
		}
		s = append(s, socket{l, at})
	}
	return s, nil
}

// isAbsent reports whether err means that the host lacks the address. That may
// be so for one of a name's: "localhost" is often ::1 too where IPv6 is off.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// remedy says what to do about an error of listening on a.
func remedy(err error, a addr.Addr) string {
	unix := a.Network().IsUnix()
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && unix:
		return "stop the server that listens there, or name another path with -i"
	case errors.Is(err, syscall.EADDRINUSE):
		return "stop the server that listens there, or choose another port with -p"
	case isCall(err, "chown"):
		return "only root, and who is in the group, may give it the file with --socket-group"
	case errors.Is(err, syscall.EACCES) && unix:
		return "name a path with -i where you may make files"
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose another one with -p"
	case unix:
		return "name another path with -i"
	default:
		return "choose another address with -i"
	}
}

// isCall reports whether err is of the system call of that name.
func isCall(err error, name string) bool {
	var call *os.SyscallError
	return errors.As(err, &call) && call.Syscall == name
}

func (s sockets) descriptors() []*ipc.FD {
	fds := make([]*ipc.FD, len(s))
	for i, l := range s {
		fds[i] = l.FD()
	}
	return fds
}

// drain keeps new clients away, for close to reset nobody. Where that fails,
// some may be: it is no reason not to end.
func (s sockets) drain() {
	for _, l := range s {
		l.Drain()
	}
}

// close stops listening. A client that is queued is reset; a UNIX socket's file
// is removed. A second close does nothing.
func (s sockets) close() {
	for _, l := range s {
		l.Close()
	}
}
