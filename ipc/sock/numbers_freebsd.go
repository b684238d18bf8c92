package sock

import "golang.org/x/sys/unix"

// The numbers of the options that not every system has. Negative: not this one.
const (
	soLinger            = unix.SO_LINGER
	soDomain            = unix.SO_DOMAIN
	soProtocol          = unix.SO_PROTOCOL
	soBindtodevice      = -1
	soBusyPoll          = -1
	soIncomingCpu       = -1
	soMark              = -1
	soMaxPacingRate     = unix.SO_MAX_PACING_RATE
	soNosigpipe         = unix.SO_NOSIGPIPE
	soPasscred          = -1
	soPeekOff           = -1
	soPriority          = -1
	soRcvbufforce       = -1
	soSndbufforce       = -1
	soTimestampns       = -1
	tcpCork             = -1
	tcpNopush           = unix.TCP_NOPUSH
	tcpKeepidle         = unix.TCP_KEEPIDLE
	tcpKeepintvl        = unix.TCP_KEEPINTVL
	tcpKeepcnt          = unix.TCP_KEEPCNT
	tcpSyncnt           = -1
	tcpLinger2          = -1
	tcpDeferAccept      = -1
	tcpWindowClamp      = -1
	tcpQuickack         = -1
	tcpCongestion       = unix.TCP_CONGESTION
	tcpUserTimeout      = -1
	tcpFastopen         = unix.TCP_FASTOPEN
	tcpNotsentLowat     = -1
	udpCork             = -1
	udpSegment          = -1
	udpGro              = -1
	ipRecvtos           = unix.IP_RECVTOS
	ipPktinfo           = -1
	ipRecvdstaddr       = unix.IP_RECVDSTADDR
	ipMtu               = -1
	ipMtuDiscover       = -1
	ipRecverr           = -1
	ipFreebind          = -1
	ipTransparent       = -1
	ipBindAddressNoPort = -1
	ipv6Mtu             = -1
	ipv6Recverr         = -1

	soSndlowatReadOnly = false
)
