package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The options of the lecture's table (socket(7), setsockopt(2)). Here and below
// a flag is an Option[bool], a number an Option[int], a time an
// Option[time.Duration], and the others are of the type that they are named
// after.
var (
	SO_DEBUG = option(flag, Info{Name: "SO_DEBUG", Level: unix.SOL_SOCKET, Number: unix.SO_DEBUG,
		Does:  "records debugging information",
		Needs: "CAP_NET_ADMIN",
		Note:  "no effect that can be seen",
	})
	SO_REUSEADDR = option(flag, Info{Name: "SO_REUSEADDR", Level: unix.SOL_SOCKET, Number: unix.SO_REUSEADDR,
		Does: "binds to a local address that connections still use",
		Note: "TCP: both sockets must set it, and still only one may listen. UDP on Linux: both bind, and the last one gets what arrives. No effect on UNIX paths",
	})
	SO_REUSEPORT = option(flag, Info{Name: "SO_REUSEPORT", Level: unix.SOL_SOCKET, Number: unix.SO_REUSEPORT,
		Does: "lets several sockets bind to one address and port",
		Note: "all of them must set it and have one user; Linux spreads connections and senders over them by a hash",
		why:  map[syscall.Errno]string{unix.EOPNOTSUPP: "sockets outside the Internet domains have no ports"},
	})
	SO_KEEPALIVE = option(flag, Info{Name: "SO_KEEPALIVE", Level: unix.SOL_SOCKET, Number: unix.SO_KEEPALIVE,
		Does:   "probes a connection that is silent",
		Sysctl: "net.ipv4.tcp_keepalive_time, _intvl, _probes",
		Note:   "acts on TCP alone; the times are TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT",
	})
	SO_DONTROUTE = option(flag, Info{Name: "SO_DONTROUTE", Level: unix.SOL_SOCKET, Number: unix.SO_DONTROUTE,
		Does: "sends to hosts on the own networks only",
		Note: "no effect on UNIX sockets",
	})
	SO_LINGER = option(linger, Info{Name: "SO_LINGER", Level: unix.SOL_SOCKET, Number: soLinger,
		Does: "lets close wait for data on the way",
		Note: "off: close returns at once and the kernel goes on sending. 0s: what is not sent is dropped and the peer gets ECONNRESET. Else close waits that long, also of a socket that does not wait. No effect on UNIX sockets",
	})
	SO_BROADCAST = option(flag, Info{Name: "SO_BROADCAST", Level: unix.SOL_SOCKET, Number: unix.SO_BROADCAST,
		Does: "permits datagrams to broadcast addresses",
		Note: "without it they are EACCES",
	})
	SO_OOBINLINE = option(flag, Info{Name: "SO_OOBINLINE", Level: unix.SOL_SOCKET, Number: unix.SO_OOBINLINE,
		Does: "receives out-of-band data in the stream",
		Note: "of TCP urgent data one byte is out of band",
	})
	SO_SNDBUF = option(number, Info{Name: "SO_SNDBUF", Level: unix.SOL_SOCKET, Number: unix.SO_SNDBUF, Unit: "bytes",
		Does:   "buffer for output",
		Sysctl: "net.core.wmem_default, net.core.wmem_max",
		Note:   "Linux keeps the double, for its own bookkeeping, from 4608 bytes to twice wmem_max; setting it ends the tuning of TCP",
	})
	SO_RCVBUF = option(number, Info{Name: "SO_RCVBUF", Level: unix.SOL_SOCKET, Number: unix.SO_RCVBUF, Unit: "bytes",
		Does:   "buffer for input",
		Sysctl: "net.core.rmem_default, net.core.rmem_max",
		Note:   "Linux keeps the double, from 2304 bytes to twice rmem_max, which -1 asks for, and counts its own memory, not the data; no effect on UNIX sockets",
	})
	SO_SNDLOWAT = option(number, Info{Name: "SO_SNDLOWAT", Level: unix.SOL_SOCKET, Number: unix.SO_SNDLOWAT, Unit: "bytes", ReadOnly: soSndlowatReadOnly,
		Does: "minimum count for output",
		Note: "always 1 on Linux",
	})
	SO_RCVLOWAT = option(number, Info{Name: "SO_RCVLOWAT", Level: unix.SOL_SOCKET, Number: unix.SO_RCVLOWAT, Unit: "bytes",
		Does: "minimum count for input",
		Note: "a receive that waits returns less only at the end or after SO_RCVTIMEO; select and poll heed it for TCP alone",
	})
	SO_SNDTIMEO = option(timeval, Info{Name: "SO_SNDTIMEO", Level: unix.SOL_SOCKET, Number: unix.SO_SNDTIMEO,
		Does: "how long output waits",
		Note: "0s is for ever; limits connect too, which is EINPROGRESS then for the Internet; any other call returns ErrWouldBlock; rounded up to a tick of the kernel",
	})
	SO_RCVTIMEO = option(timeval, Info{Name: "SO_RCVTIMEO", Level: unix.SOL_SOCKET, Number: unix.SO_RCVTIMEO,
		Does: "how long input waits",
		Note: "0s is for ever; limits accept too; then the call returns ErrWouldBlock; rounded up to a tick of the kernel; poll does not heed it",
	})
	SO_TIMESTAMP = option(flag, Info{Name: "SO_TIMESTAMP", Level: unix.SOL_SOCKET, Number: unix.SO_TIMESTAMP,
		Does: "delivers the time of arrival with each message",
		Note: "as Control.Time; a UNIX stream delivers none",
	})
	SO_TYPE = option(socketType, Info{Name: "SO_TYPE", Level: unix.SOL_SOCKET, Number: unix.SO_TYPE, ReadOnly: true,
		Does: "the type of the socket",
		Note: "Linux makes SOCK_RAW of AF_UNIX a SOCK_DGRAM",
	})
	SO_ERROR = option(pendingError, Info{Name: "SO_ERROR", Level: unix.SOL_SOCKET, Number: unix.SO_ERROR, ReadOnly: true,
		Does: "the pending error, and clears it",
		Note: "the outcome of a ConnectTo that did not wait",
	})
)

// Further options of all sockets (socket(7)).
var (
	SO_ACCEPTCONN = option(flag, Info{Name: "SO_ACCEPTCONN", Level: unix.SOL_SOCKET, Number: unix.SO_ACCEPTCONN, ReadOnly: true,
		Does: "whether the socket listens",
	})
	SO_DOMAIN = option(domain, Info{Name: "SO_DOMAIN", Level: unix.SOL_SOCKET, Number: soDomain, ReadOnly: true,
		Does: "the domain of the socket",
	})
	SO_PROTOCOL = option(number, Info{Name: "SO_PROTOCOL", Level: unix.SOL_SOCKET, Number: soProtocol, ReadOnly: true,
		Does: "the protocol of the socket",
	})
	SO_BINDTODEVICE = option(text, Info{Name: "SO_BINDTODEVICE", Level: unix.SOL_SOCKET, Number: soBindtodevice,
		Does:  "binds to one network device by its name",
		Needs: "CAP_NET_RAW to change a binding",
		Note:  "an empty name ends it",
		why:   map[syscall.Errno]string{unix.ENODEV: "there is no such device"},
	})
	SO_BUSY_POLL = option(number, Info{Name: "SO_BUSY_POLL", Level: unix.SOL_SOCKET, Number: soBusyPoll, Unit: "microseconds",
		Does:   "polls the device before a receive waits",
		Needs:  "CAP_NET_ADMIN to raise it",
		Sysctl: "net.core.busy_read",
	})
	SO_INCOMING_CPU = option(number, Info{Name: "SO_INCOMING_CPU", Level: unix.SOL_SOCKET, Number: soIncomingCpu,
		Does: "the processor that the last packet came through",
	})
	SO_MARK = option(number, Info{Name: "SO_MARK", Level: unix.SOL_SOCKET, Number: soMark,
		Does:  "the mark of outgoing packets, for routing and filters",
		Needs: "CAP_NET_ADMIN or CAP_NET_RAW",
	})
	SO_MAX_PACING_RATE = option(number, Info{Name: "SO_MAX_PACING_RATE", Level: unix.SOL_SOCKET, Number: soMaxPacingRate, Unit: "bytes per second",
		Does: "bound of the sending rate",
		Note: "-1 is none",
	})
	SO_NOSIGPIPE = option(flag, Info{Name: "SO_NOSIGPIPE", Level: unix.SOL_SOCKET, Number: soNosigpipe,
		Does: "a broken connection raises no SIGPIPE",
		Note: "the Go runtime ignores that signal for sockets anyway",
	})
	SO_PASSCRED = option(flag, Info{Name: "SO_PASSCRED", Level: unix.SOL_SOCKET, Number: soPasscred,
		Does: "delivers the sender's credentials with each message",
		Note: "as Control.Credentials; UNIX sockets",
		why:  map[syscall.Errno]string{unix.EOPNOTSUPP: "it is for sockets of AF_UNIX and AF_NETLINK"},
	})
	SO_PEEK_OFF = option(number, Info{Name: "SO_PEEK_OFF", Level: unix.SOL_SOCKET, Number: soPeekOff, Unit: "bytes",
		Does: "where MSG_PEEK begins, and moves it along",
		Note: "-1 is the front, always",
		why:  map[syscall.Errno]string{unix.EOPNOTSUPP: "sockets of this domain and type have none"},
	})
	SO_PRIORITY = option(number, Info{Name: "SO_PRIORITY", Level: unix.SOL_SOCKET, Number: soPriority,
		Does:  "the priority of outgoing packets",
		Needs: "CAP_NET_ADMIN or CAP_NET_RAW above 6",
	})
	SO_RCVBUFFORCE = option(number, Info{Name: "SO_RCVBUFFORCE", Level: unix.SOL_SOCKET, Number: soRcvbufforce, readNumber: unix.SO_RCVBUF, Unit: "bytes",
		Does:  "SO_RCVBUF beyond net.core.rmem_max",
		Needs: "CAP_NET_ADMIN",
	})
	SO_SNDBUFFORCE = option(number, Info{Name: "SO_SNDBUFFORCE", Level: unix.SOL_SOCKET, Number: soSndbufforce, readNumber: unix.SO_SNDBUF, Unit: "bytes",
		Does:  "SO_SNDBUF beyond net.core.wmem_max",
		Needs: "CAP_NET_ADMIN",
	})
	SO_TIMESTAMPNS = option(flag, Info{Name: "SO_TIMESTAMPNS", Level: unix.SOL_SOCKET, Number: soTimestampns,
		Does: "SO_TIMESTAMP in nanoseconds",
		Note: "as Control.Time; the last one set of the two holds",
	})
)
