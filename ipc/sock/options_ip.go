package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Options of TCP (tcp(7)).
var (
	TCP_NODELAY = option(flag, Info{Name: "TCP_NODELAY", Level: unix.IPPROTO_TCP, Number: unix.TCP_NODELAY,
		Does: "sends small pieces at once",
		Note: "off, a piece smaller than a segment waits for the acknowledgement of the one before (Nagle)",
	})
	TCP_CORK = option(flag, Info{Name: "TCP_CORK", Level: unix.IPPROTO_TCP, Number: tcpCork,
		Does: "sends full segments only, until it is off",
		Note: "Linux sends what waits after 200 ms",
	})
	TCP_NOPUSH = option(flag, Info{Name: "TCP_NOPUSH", Level: unix.IPPROTO_TCP, Number: tcpNopush,
		Does: "sends full segments only, until it is off",
		Note: "what the BSDs have for TCP_CORK",
	})
	TCP_MAXSEG = option(number, Info{Name: "TCP_MAXSEG", Level: unix.IPPROTO_TCP, Number: unix.TCP_MAXSEG, Unit: "bytes",
		Does: "maximum segment size",
		why:  map[syscall.Errno]string{unix.EINVAL: "it must be 88 to 32767 on Linux"},
	})
	TCP_KEEPIDLE = option(seconds, Info{Name: "TCP_KEEPIDLE", Level: unix.IPPROTO_TCP, Number: tcpKeepidle,
		Does:   "how long a connection is silent before the first probe",
		Sysctl: "net.ipv4.tcp_keepalive_time",
		Note:   "with SO_KEEPALIVE; whole seconds",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 1s to 32767s on Linux"},
	})
	TCP_KEEPINTVL = option(seconds, Info{Name: "TCP_KEEPINTVL", Level: unix.IPPROTO_TCP, Number: tcpKeepintvl,
		Does:   "the time between probes",
		Sysctl: "net.ipv4.tcp_keepalive_intvl",
		Note:   "with SO_KEEPALIVE; whole seconds",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 1s to 32767s on Linux"},
	})
	TCP_KEEPCNT = option(number, Info{Name: "TCP_KEEPCNT", Level: unix.IPPROTO_TCP, Number: tcpKeepcnt, Unit: "probes",
		Does:   "probes without an answer until the connection is broken",
		Sysctl: "net.ipv4.tcp_keepalive_probes",
		Note:   "with SO_KEEPALIVE",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 1 to 127"},
	})
	TCP_SYNCNT = option(number, Info{Name: "TCP_SYNCNT", Level: unix.IPPROTO_TCP, Number: tcpSyncnt, Unit: "times",
		Does:   "how often a connect asks again",
		Sysctl: "net.ipv4.tcp_syn_retries",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 1 to 127"},
	})
	TCP_LINGER2 = option(seconds, Info{Name: "TCP_LINGER2", Level: unix.IPPROTO_TCP, Number: tcpLinger2,
		Does:   "how long a closed connection waits for the peer's end",
		Sysctl: "net.ipv4.tcp_fin_timeout",
	})
	TCP_DEFER_ACCEPT = option(seconds, Info{Name: "TCP_DEFER_ACCEPT", Level: unix.IPPROTO_TCP, Number: tcpDeferAccept,
		Does: "Accept returns a connection when its first data are there",
		Note: "Linux rounds up to 1, 3, 7, 15 ... seconds; when they are over, the connection comes without data",
	})
	TCP_WINDOW_CLAMP = option(number, Info{Name: "TCP_WINDOW_CLAMP", Level: unix.IPPROTO_TCP, Number: tcpWindowClamp, Unit: "bytes",
		Does: "bound of the window that the peer is told",
	})
	TCP_QUICKACK = option(flag, Info{Name: "TCP_QUICKACK", Level: unix.IPPROTO_TCP, Number: tcpQuickack,
		Does: "acknowledges at once",
		Note: "Linux goes back to its own choice by itself",
	})
	TCP_CONGESTION = option(text, Info{Name: "TCP_CONGESTION", Level: unix.IPPROTO_TCP, Number: tcpCongestion,
		Does:   "the congestion control",
		Sysctl: "net.ipv4.tcp_congestion_control",
		why:    map[syscall.Errno]string{unix.ENOENT: "net.ipv4.tcp_available_congestion_control lists what there is", unix.EPERM: "net.ipv4.tcp_allowed_congestion_control lists what may be had without CAP_NET_ADMIN"},
	})
	TCP_USER_TIMEOUT = option(milliseconds, Info{Name: "TCP_USER_TIMEOUT", Level: unix.IPPROTO_TCP, Number: tcpUserTimeout,
		Does: "how long sent data may lack an acknowledgement",
		Note: "0s is the system's choice",
	})
	TCP_FASTOPEN = option(number, Info{Name: "TCP_FASTOPEN", Level: unix.IPPROTO_TCP, Number: tcpFastopen, Unit: "connections",
		Does:   "takes data with the first packet of a connection",
		Sysctl: "net.ipv4.tcp_fastopen",
		Note:   "how many such may wait",
	})
	TCP_NOTSENT_LOWAT = option(number, Info{Name: "TCP_NOTSENT_LOWAT", Level: unix.IPPROTO_TCP, Number: tcpNotsentLowat, Unit: "bytes",
		Does:   "the socket is writable while less than this is not sent",
		Sysctl: "net.ipv4.tcp_notsent_lowat",
	})
)

// Options of UDP (udp(7)).
var (
	UDP_CORK = option(flag, Info{Name: "UDP_CORK", Level: unix.IPPROTO_UDP, Number: udpCork,
		Does: "collects one datagram until it is off",
	})
	UDP_SEGMENT = option(number, Info{Name: "UDP_SEGMENT", Level: unix.IPPROTO_UDP, Number: udpSegment, Unit: "bytes",
		Does: "cuts what is sent into datagrams of this size",
		Note: "0 does not",
		why:  map[syscall.Errno]string{unix.EINVAL: "it must be 0 to 65535"},
	})
	UDP_GRO = option(flag, Info{Name: "UDP_GRO", Level: unix.IPPROTO_UDP, Number: udpGro,
		Does: "receives datagrams of one size joined together",
	})
)

// Options of IPv4 (ip(7)).
var (
	IP_TOS = option(number, Info{Name: "IP_TOS", Level: unix.IPPROTO_IP, Number: unix.IP_TOS,
		Does: "the type-of-service byte of outgoing packets",
	})
	IP_TTL = option(number, Info{Name: "IP_TTL", Level: unix.IPPROTO_IP, Number: unix.IP_TTL, Unit: "hops",
		Does:   "the time to live of outgoing packets",
		Sysctl: "net.ipv4.ip_default_ttl",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 1 to 255, or -1 for the system's choice"},
	})
	IP_MULTICAST_TTL = option(octet, Info{Name: "IP_MULTICAST_TTL", Level: unix.IPPROTO_IP, Number: unix.IP_MULTICAST_TTL, Unit: "hops",
		Does: "the time to live of multicast packets",
		why:  map[syscall.Errno]string{unix.EINVAL: "it is not for SOCK_STREAM"},
	})
	IP_MULTICAST_LOOP = option(octetFlag, Info{Name: "IP_MULTICAST_LOOP", Level: unix.IPPROTO_IP, Number: unix.IP_MULTICAST_LOOP,
		Does: "the own host receives multicast packets too",
	})
	IP_HDRINCL = option(flag, Info{Name: "IP_HDRINCL", Level: unix.IPPROTO_IP, Number: unix.IP_HDRINCL,
		Does: "the data of a raw socket begin with the IP header",
		why:  map[syscall.Errno]string{unix.ENOPROTOOPT: "it is for SOCK_RAW"},
	})
	IP_RECVTTL = option(flag, Info{Name: "IP_RECVTTL", Level: unix.IPPROTO_IP, Number: unix.IP_RECVTTL,
		Does: "delivers the time to live with each datagram",
	})
	IP_RECVTOS = option(flag, Info{Name: "IP_RECVTOS", Level: unix.IPPROTO_IP, Number: ipRecvtos,
		Does: "delivers the type-of-service byte with each datagram",
	})
	IP_PKTINFO = option(flag, Info{Name: "IP_PKTINFO", Level: unix.IPPROTO_IP, Number: ipPktinfo,
		Does: "delivers the interface and the own address with each datagram",
		Note: "as Control.PacketInfo",
	})
	IP_RECVDSTADDR = option(flag, Info{Name: "IP_RECVDSTADDR", Level: unix.IPPROTO_IP, Number: ipRecvdstaddr,
		Does: "delivers the own address with each datagram",
		Note: "what the BSDs have for IP_PKTINFO",
	})
	IP_MTU = option(number, Info{Name: "IP_MTU", Level: unix.IPPROTO_IP, Number: ipMtu, Unit: "bytes", ReadOnly: true,
		Does: "the MTU of the path to the connected peer",
		why:  map[syscall.Errno]string{unix.ENOTCONN: "it is that of a connection"},
	})
	IP_MTU_DISCOVER = option(number, Info{Name: "IP_MTU_DISCOVER", Level: unix.IPPROTO_IP, Number: ipMtuDiscover,
		Does:   "path MTU discovery",
		Sysctl: "net.ipv4.ip_no_pmtu_disc",
		Note:   "0 never, 1 as the route says, 2 always, 3 always and heeds no cache, 4 as the interface says, 5 as 4 and fragments",
		why:    map[syscall.Errno]string{unix.EINVAL: "it must be 0 to 5"},
	})
	IP_RECVERR = option(flag, Info{Name: "IP_RECVERR", Level: unix.IPPROTO_IP, Number: ipRecverr,
		Does: "keeps errors for MSG_ERRQUEUE",
	})
	IP_FREEBIND = option(flag, Info{Name: "IP_FREEBIND", Level: unix.IPPROTO_IP, Number: ipFreebind,
		Does:   "binds to an address that the host does not have yet",
		Sysctl: "net.ipv4.ip_nonlocal_bind",
	})
	IP_TRANSPARENT = option(flag, Info{Name: "IP_TRANSPARENT", Level: unix.IPPROTO_IP, Number: ipTransparent,
		Does:  "binds to addresses of other hosts, for proxies",
		Needs: "CAP_NET_ADMIN or CAP_NET_RAW",
	})
	IP_BIND_ADDRESS_NO_PORT = option(flag, Info{Name: "IP_BIND_ADDRESS_NO_PORT", Level: unix.IPPROTO_IP, Number: ipBindAddressNoPort,
		Does: "a Bind to port 0 leaves the port to ConnectTo",
	})
)

// Options of IPv6 (ipv6(7)).
var (
	IPV6_V6ONLY = option(flag, Info{Name: "IPV6_V6ONLY", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_V6ONLY,
		Does:   "[::] does not take IPv4",
		Sysctl: "net.ipv6.bindv6only",
		why:    map[syscall.Errno]string{unix.EINVAL: "it is chosen before the socket is bound"},
	})
	IPV6_UNICAST_HOPS = option(number, Info{Name: "IPV6_UNICAST_HOPS", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_UNICAST_HOPS, Unit: "hops",
		Does: "the hop limit of outgoing packets",
		Note: "-1 is the system's choice",
		why:  map[syscall.Errno]string{unix.EINVAL: "it must be -1 to 255"},
	})
	IPV6_MULTICAST_HOPS = option(number, Info{Name: "IPV6_MULTICAST_HOPS", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_MULTICAST_HOPS, Unit: "hops",
		Does: "the hop limit of multicast packets",
		why:  map[syscall.Errno]string{unix.EINVAL: "it must be -1 to 255", unix.ENOPROTOOPT: "it is not for SOCK_STREAM"},
	})
	IPV6_MULTICAST_LOOP = option(flag, Info{Name: "IPV6_MULTICAST_LOOP", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_MULTICAST_LOOP,
		Does: "the own host receives multicast packets too",
	})
	IPV6_TCLASS = option(number, Info{Name: "IPV6_TCLASS", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_TCLASS,
		Does: "the traffic class of outgoing packets",
		why:  map[syscall.Errno]string{unix.EINVAL: "it must be -1 to 255"},
	})
	IPV6_RECVPKTINFO = option(flag, Info{Name: "IPV6_RECVPKTINFO", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_RECVPKTINFO,
		Does: "delivers the interface and the own address with each datagram",
		Note: "as Control.PacketInfo",
	})
	IPV6_RECVHOPLIMIT = option(flag, Info{Name: "IPV6_RECVHOPLIMIT", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_RECVHOPLIMIT,
		Does: "delivers the hop limit with each datagram",
	})
	IPV6_RECVTCLASS = option(flag, Info{Name: "IPV6_RECVTCLASS", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_RECVTCLASS,
		Does: "delivers the traffic class with each datagram",
	})
	IPV6_MTU = option(number, Info{Name: "IPV6_MTU", Level: unix.IPPROTO_IPV6, Number: ipv6Mtu, Unit: "bytes",
		Does: "the MTU of the path to the connected peer",
		Note: "set, it bounds the socket's own packets, and is not what is read back",
		why:  map[syscall.Errno]string{unix.ENOTCONN: "it is that of a connection", unix.EINVAL: "it must be 1280 or more"},
	})
	IPV6_DONTFRAG = option(flag, Info{Name: "IPV6_DONTFRAG", Level: unix.IPPROTO_IPV6, Number: unix.IPV6_DONTFRAG,
		Does: "datagrams that do not fit are errors, not fragments",
	})
	IPV6_RECVERR = option(flag, Info{Name: "IPV6_RECVERR", Level: unix.IPPROTO_IPV6, Number: ipv6Recverr,
		Does: "keeps errors for MSG_ERRQUEUE",
	})
)
