package sock

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// ListenAll is Listen with as many sockets as a takes: one, but for *:PORT on a
// system whose IPv6 sockets take no IPv4 (OpenBSD) two, with the same port. The
// caller owns all of them. On error none stays open.
func ListenAll(a addr.Addr, opt *Options) ([]*Listener, error) {
	return listenAll(a, func(a addr.Addr) (*Listener, error) { return Listen(a, opt) })
}

// portTries is how often listenAll asks for another port when the one that the
// system chose for IPv6 is taken in IPv4.
const portTries = 16

func listenAll(a addr.Addr, listen func(addr.Addr) (*Listener, error)) ([]*Listener, error) {
	l, err := listen(a)
	if err == nil {
		return []*Listener{l}, nil
	}
	if !a.IsAny() || !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	for range portTries {
		six, err := listen(wildcard6(a))
		if lacksIPv6(err) {
			four, err := listen(wildcard4(a))
			if err != nil {
				return nil, err
			}
			return []*Listener{four}, nil
		}
		if err != nil {
			return nil, err
		}
		four, err := listen(wildcard4(six.Addr()))
		if err == nil {
			return []*Listener{six, four}, nil
		}
		six.Close()
		if a.Port() != 0 || !errors.Is(err, unix.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("listen %s: no port found that is free for IPv4 and IPv6: %w", a, unix.EADDRINUSE)
}
