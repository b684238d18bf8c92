package sock

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// PeerCredentials returns who the other end of a UNIX connection was when it
// connected, or listened, or made the pair (SO_PEERCRED, unix(7)). ENOTCONN when
// there is none, as in other domains.
func PeerCredentials(fd *ipc.FD) (Credentials, error) {
	u, err := unix.GetsockoptUcred(fd.Number(), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials of the peer of %s: %w", fd, os.NewSyscallError("getsockopt", err))
	}
	if u.Uid == noUser {
		return Credentials{}, fmt.Errorf("credentials of the peer of %s: %w", fd, unix.ENOTCONN)
	}
	return Credentials{int(u.Pid), int(u.Uid), int(u.Gid)}, nil
}

// noUser is the number that no user has (credentials(7)). The kernel returns it, and
// no error, for a socket without a peer.
const noUser = ^uint32(0)

// appendCredentials appends struct ucred.
func appendCredentials(b []byte, c Credentials) ([]byte, error) {
	var data []byte
	for _, n := range []int{c.PID, c.UID, c.GID} {
		data = binary.NativeEndian.AppendUint32(data, uint32(n))
	}
	return appendControlMessage(b, unix.SOL_SOCKET, unix.SCM_CREDENTIALS, data), nil
}

// appendPacketInfo4 appends struct in_pktinfo (ip(7)), whose second field is the
// source.
func appendPacketInfo4(b []byte, p PacketInfo) ([]byte, error) {
	data := binary.NativeEndian.AppendUint32(nil, uint32(p.Interface))
	data = append(data, p.Local.AsSlice()...)
	data = append(data, 0, 0, 0, 0)
	return appendControlMessage(b, unix.IPPROTO_IP, unix.IP_PKTINFO, data), nil
}

// takeOwn reads the ancillary data that only Linux has so.
func takeOwn(c *Control, level, typ int, data []byte) bool {
	switch {
	case level == unix.SOL_SOCKET && typ == unix.SCM_CREDENTIALS && len(data) >= 12:
		word := func(at int) int { return int(binary.NativeEndian.Uint32(data[at:])) }
		c.Credentials = &Credentials{word(0), word(4), word(8)}
		return true
	case level == unix.SOL_SOCKET && typ == unix.SCM_TIMESTAMPNS:
		if sec, nsec, ok := twoWords(data); ok {
			c.Time = time.Unix(sec, nsec)
			return true
		}
	case level == unix.IPPROTO_IP && typ == unix.IP_PKTINFO && len(data) >= 12:
		c.PacketInfo = &PacketInfo{
			Interface: int(binary.NativeEndian.Uint32(data)),
			Local:     netip.AddrFrom4([4]byte(data[4:])),
		}
		return true
	}
	return false
}

// closeOnExecLate does nothing: received descriptors are born so
// (MSG_CMSG_CLOEXEC).
func closeOnExecLate(fd int) {}
