package sock

import (
	"slices"
	"strings"
)

// option makes an option of its description and how its value is carried.
func option[T any](code codec[T], info Info) *Option[T] {
	info.Kind = code.kind
	return &Option[T]{info, code}
}

// table holds every Option of the package, in the order of the manual.
var table = []Entry{
	SO_DEBUG, SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_DONTROUTE, SO_LINGER, SO_BROADCAST, SO_OOBINLINE,
	SO_SNDBUF, SO_RCVBUF, SO_SNDLOWAT, SO_RCVLOWAT, SO_SNDTIMEO, SO_RCVTIMEO, SO_TIMESTAMP, SO_TYPE, SO_ERROR,
	SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_BINDTODEVICE, SO_BUSY_POLL, SO_INCOMING_CPU, SO_MARK,
	SO_MAX_PACING_RATE, SO_NOSIGPIPE, SO_PASSCRED, SO_PEEK_OFF, SO_PRIORITY, SO_RCVBUFFORCE, SO_SNDBUFFORCE,
	SO_TIMESTAMPNS,
	TCP_NODELAY, TCP_CORK, TCP_NOPUSH, TCP_MAXSEG, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT,
	TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_CONGESTION, TCP_USER_TIMEOUT, TCP_FASTOPEN,
	TCP_NOTSENT_LOWAT,
	UDP_CORK, UDP_SEGMENT, UDP_GRO,
	IP_TOS, IP_TTL, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_HDRINCL, IP_RECVTTL, IP_RECVTOS, IP_PKTINFO,
	IP_RECVDSTADDR, IP_MTU, IP_MTU_DISCOVER, IP_RECVERR, IP_FREEBIND, IP_TRANSPARENT, IP_BIND_ADDRESS_NO_PORT,
	IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_TCLASS, IPV6_RECVPKTINFO,
	IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_MTU, IPV6_DONTFRAG, IPV6_RECVERR,
}

// Table returns all options, those of the lecture's table first. Those that this
// system lacks are among them.
func Table() []Entry { return slices.Clone(table) }

// Lookup finds an option by its name in the manual, in whatever case.
func Lookup(name string) (Entry, bool) {
	i := slices.IndexFunc(table, func(e Entry) bool { return strings.EqualFold(e.Describe().Name, name) })
	if i < 0 {
		return nil, false
	}
	return table[i], true
}
