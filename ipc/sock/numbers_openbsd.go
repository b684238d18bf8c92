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
	soMaxPacingRate     = -1
	soNosigpipe         = -1
	soPasscred          = -1
	soPeekOff           = -1
	soPriority          = -1
	soRcvbufforce       = -1
	soSndbufforce       = -1
	soTimestampns       = -1
	tcpCork             = -1
	tcpNopush           = unix.TCP_NOPUSH
	tcpKeepidle         = -1
	tcpKeepintvl        = -1
	tcpKeepcnt          = -1
	tcpSyncnt           = -1
	tcpLinger2          = -1
	tcpDeferAccept      = -1
	tcpWindowClamp      = -1
	tcpQuickack         = -1
	tcpCongestion       = -1
	tcpUserTimeout      = -1
	tcpFastopen         = -1
	tcpNotsentLowat     = -1
	udpCork             = -1
	udpSegment          = -1
	udpGro              = -1
	ipRecvtos           = -1
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
