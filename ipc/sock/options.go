package sock

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// Options tunes the sockets of Listen, BindDatagram and Connect before they are
// bound or connected. The zero value changes nothing. A nil *Options is the zero
// value.
type Options struct {
	ReuseAddr   bool          // SO_REUSEADDR; TCP listeners always have it, to start again at once
	ReusePort   bool          // SO_REUSEPORT: several sockets share one port; see the option's Note
	RecvBuffer  int           // SO_RCVBUF, bytes; 0 keeps the kernel's choice
	SendBuffer  int           // SO_SNDBUF, bytes; 0 keeps the kernel's choice
	NoDelay     bool          // TCP_NODELAY, for TCP alone; what a Listener accepts has it as well
	DeferAccept time.Duration // TCP_DEFER_ACCEPT (Linux), for TCP alone: wait that long for a client's first data; 0 does not
	Set         []Setting     // any other option; SO_KEEPALIVE.To(true)

	// Backlog is how many connections may wait for Accept. 0 means as many as
	// the system allows (net.core.somaxconn), which also cuts a larger one.
	Backlog int

	// Mode is what the socket file is to have for permissions, whatever the umask
	// is, and Owner who it is to belong to: whoever may write to the file may
	// connect (unix(7)). Both hold before the first can. 0 leaves the mode to
	// the umask, nil the owner to the system. They are heeded for a path, of
	// Listen, BindDatagram or Local; EPERM when this process may not give the
	// file away.
	Mode  fs.FileMode
	Owner *Owner

	// Blocking makes sockets whose calls wait.
	Blocking bool

	// Local is what Connect binds to first, taking over a stale path as Listen
	// does; the file is then the caller's to unlink. The zero Addr leaves the
	// choice to the kernel.
	Local addr.Addr

	// Timeout is how long Connect waits; 0 as long as the kernel does: for
	// TCP about two minutes, net.ipv4.tcp_syn_retries, and for a UNIX socket
	// until the backlog has room. A UNIX socket has it as its SO_SNDTIMEO
	// until it is connected.
	Timeout time.Duration
}

// check refuses values that no kernel could mean.
func (o *Options) check() error {
	switch {
	case o.RecvBuffer < 0, o.SendBuffer < 0:
		return fmt.Errorf("a buffer of %d bytes", min(o.RecvBuffer, o.SendBuffer))
	case o.Backlog < 0:
		return fmt.Errorf("a backlog of %d", o.Backlog)
	case o.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("the mode %v of a socket file has more than permissions", o.Mode)
	case o.DeferAccept < 0, o.Timeout < 0:
		return errNegative
	}
	return nil
}

// settings lists what o asks for, in the order of its fields, of a socket for
// network n that will listen or not.
func (o *Options) settings(n addr.Network, listens bool) []Setting {
	var list []Setting
	if o.ReuseAddr || listens && n == addr.TCP {
		list = append(list, SO_REUSEADDR.To(true))
	}
	if o.ReusePort {
		list = append(list, SO_REUSEPORT.To(true))
	}
	if o.RecvBuffer > 0 {
		list = append(list, SO_RCVBUF.To(o.RecvBuffer))
	}
	if o.SendBuffer > 0 {
		list = append(list, SO_SNDBUF.To(o.SendBuffer))
	}
	if o.NoDelay && n == addr.TCP {
		list = append(list, TCP_NODELAY.To(true))
	}
	if o.DeferAccept > 0 && listens && n == addr.TCP {
		list = append(list, TCP_DEFER_ACCEPT.To(o.DeferAccept))
	}
	return append(list, o.Set...)
}

// tuned makes a socket and sets what o asks for. On error nothing stays open.
func (o *Options) tuned(d Domain, t Type, n addr.Network, listens bool) (fd *ipc.FD, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if !o.Blocking {
		t |= SOCK_NONBLOCK
	}
	number, err := socket(d, t, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	fd = ipc.NewFD(number)
	for _, s := range o.settings(n, listens) {
		if err := s.apply(fd); err != nil {
			fd.Close()
			return nil, err
		}
	}
	return fd, nil
}
