package sock

import "golang.org/x/sys/unix"

// The numbers of the options that not every system has. Negative: not this one.
const (
	soLinger            = unix.SO_LINGER
	soDomain            = unix.SO_DOMAIN
	soProtocol          = unix.SO_PROTOCOL
	soBindtodevice      = unix.SO_BINDTODEVICE
	soBusyPoll          = unix.SO_BUSY_POLL
	soIncomingCpu       = unix.SO_INCOMING_CPU
	soMark              = unix.SO_MARK
	soMaxPacingRate     = unix.SO_MAX_PACING_RATE
	soNosigpipe         = -1
	soPasscred          = unix.SO_PASSCRED
	soPeekOff           = unix.SO_PEEK_OFF
	soPriority          = unix.SO_PRIORITY
	soRcvbufforce       = unix.SO_RCVBUFFORCE
	soSndbufforce       = unix.SO_SNDBUFFORCE
	soTimestampns       = unix.SO_TIMESTAMPNS
	tcpCork             = unix.TCP_CORK
	tcpNopush           = -1
	tcpKeepidle         = unix.TCP_KEEPIDLE
	tcpKeepintvl        = unix.TCP_KEEPINTVL
	tcpKeepcnt          = unix.TCP_KEEPCNT
	tcpSyncnt           = unix.TCP_SYNCNT
	tcpLinger2          = unix.TCP_LINGER2
	tcpDeferAccept      = unix.TCP_DEFER_ACCEPT
	tcpWindowClamp      = unix.TCP_WINDOW_CLAMP
	tcpQuickack         = unix.TCP_QUICKACK
	tcpCongestion       = unix.TCP_CONGESTION
	tcpUserTimeout      = unix.TCP_USER_TIMEOUT
	tcpFastopen         = unix.TCP_FASTOPEN
	tcpNotsentLowat     = unix.TCP_NOTSENT_LOWAT
	udpCork             = unix.UDP_CORK
	udpSegment          = unix.UDP_SEGMENT
	udpGro              = unix.UDP_GRO
	ipRecvtos           = unix.IP_RECVTOS
	ipPktinfo           = unix.IP_PKTINFO
	ipRecvdstaddr       = -1
	ipMtu               = unix.IP_MTU
	ipMtuDiscover       = unix.IP_MTU_DISCOVER
	ipRecverr           = unix.IP_RECVERR
	ipFreebind          = unix.IP_FREEBIND
	ipTransparent       = unix.IP_TRANSPARENT
	ipBindAddressNoPort = unix.IP_BIND_ADDRESS_NO_PORT
	ipv6Mtu             = unix.IPV6_MTU
	ipv6Recverr         = unix.IPV6_RECVERR

	soSndlowatReadOnly = true
)
