//go:build unix && !linux

package sock

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

func appendCredentials(b []byte, c Credentials) ([]byte, error) {
	return nil, fmt.Errorf("sending credentials: %w: only Linux does", errors.ErrUnsupported)
}

func appendPacketInfo4(b []byte, p PacketInfo) ([]byte, error) {
	return nil, fmt.Errorf("choosing the own IPv4 address of a datagram: %w: bind the socket to it", errors.ErrUnsupported)
}

// takeOwn reads the ancillary data that these systems have so.
func takeOwn(c *Control, level, typ int, data []byte) bool {
	if level == unix.IPPROTO_IP && typ == unix.IP_RECVDSTADDR && len(data) >= 4 {
		c.PacketInfo = &PacketInfo{Local: netip.AddrFrom4([4]byte(data))}
		return true
	}
	return false
}

// closeOnExecLate is for systems where a received descriptor is not born
// close-on-exec. A child started in between inherits it.
func closeOnExecLate(fd int) {
	if cmsgCloseOnExec == 0 {
		unix.CloseOnExec(fd)
	}
}
