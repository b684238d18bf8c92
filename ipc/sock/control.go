package sock

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// Control is the ancillary data of a message (cmsg(3)): what the kernel
// understands and carries beside the bytes.
type Control struct {
	// Files are open descriptors (SCM_RIGHTS, unix(7)). On sending they are
	// lent for the call. Received ones are duplicates that the receiver owns
	// and closes.
	Files []*ipc.FD

	// Credentials are the sender's (SCM_CREDENTIALS, Linux), vouched for by
	// the kernel. They come when the receiver has set SO_PASSCRED. Sending
	// others than one's own takes capabilities.
	Credentials *Credentials

	// Time is when the message arrived, if SO_TIMESTAMP or SO_TIMESTAMPNS is
	// set. It is not sent.
	Time time.Time

	// PacketInfo is where a datagram came in, if IP_PKTINFO or
	// IPV6_RECVPKTINFO is set; sent along, it is where one goes out.
	PacketInfo *PacketInfo

	// Other is the rest, as the kernel has it.
	Other []ControlMessage
}

// Credentials say who a process is.
type Credentials struct {
	PID int // process; 0 where the system does not say
	UID int // effective user
	GID int // effective group
}

// A PacketInfo is a datagram's own end.
type PacketInfo struct {
	Interface int        // its number; 0 on sending leaves it to the routes
	Local     netip.Addr // the own address; not valid on sending leaves it to the routes
}

// A ControlMessage is one piece of ancillary data that Control has no field for.
type ControlMessage struct {
	Level, Type int    // as SOL_SOCKET and SCM_RIGHTS
	Data        []byte // without the head; a received one is a copy
}

// appendControl appends m's ancillary data as sendmsg(2) wants it, for the socket
// fd to send.
func (m *Message) appendControl(b []byte, fd int) ([]byte, error) {
	c := &m.Control
	if len(c.Files) > 0 {
		numbers := make([]byte, 0, 4*len(c.Files))
		for _, fd := range c.Files {
			numbers = binary.NativeEndian.AppendUint32(numbers, uint32(fd.Number()))
		}
		b = appendControlMessage(b, unix.SOL_SOCKET, unix.SCM_RIGHTS, numbers)
	}
	if c.Credentials != nil {
		var err error
		if b, err = appendCredentials(b, *c.Credentials); err != nil {
			return nil, err
		}
	}
	if c.PacketInfo != nil {
		var err error
		if b, err = appendPacketInfo(b, *c.PacketInfo, m.receiver(fd)); err != nil {
			return nil, err
		}
	}
	for _, other := range c.Other {
		b = appendControlMessage(b, other.Level, other.Type, other.Data)
	}
	return b, nil
}

// receiver returns to whom m goes.
func (m *Message) receiver(fd int) addr.Addr {
	if m.Addr.IsValid() {
		return m.Addr
	}
	peer, _ := getpeername(fd, SOCK_DGRAM) // without one it goes nowhere
	return peer
}

// appendPacketInfo appends p for a datagram to an address. The kernel passes over
// what is not of the version of IP that the datagram goes by.
func appendPacketInfo(b []byte, p PacketInfo, to addr.Addr) ([]byte, error) {
	p.Local = p.Local.Unmap()
	if !p.Local.IsValid() {
		p.Local = netip.IPv6Unspecified()
		if to.AddrPort().Addr().Unmap().Is4() {
			p.Local = netip.IPv4Unspecified()
		}
	}
	if p.Local.Is4() {
		return appendPacketInfo4(b, p)
	}
	// struct in6_pktinfo (RFC 3542 §6.1).
	data := binary.NativeEndian.AppendUint32(p.Local.AsSlice(), uint32(p.Interface))
	return appendControlMessage(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, data), nil
}

// headBytes is what struct cmsghdr takes, up to the data: a length, which has
// the size of what is left of it beside two ints, the level and the type.
var headBytes = unix.CmsgLen(0)

const lengthBytes = unix.SizeofCmsghdr - 8

func appendControlMessage(b []byte, level, typ int, data []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, unix.CmsgSpace(len(data)))...)
	head := b[start:]
	if lengthBytes == 8 {
		binary.NativeEndian.PutUint64(head, uint64(headBytes+len(data)))
	} else {
		binary.NativeEndian.PutUint32(head, uint32(headBytes+len(data)))
	}
	binary.NativeEndian.PutUint32(head[lengthBytes:], uint32(level))
	binary.NativeEndian.PutUint32(head[lengthBytes+4:], uint32(typ))
	copy(head[headBytes:], data)
	return b
}

// takeControl reads the ancillary data that came with m. Whatever it is like,
// each descriptor in it is either in m's Files or closed afterwards.
func (m *Message) takeControl(b []byte) {
	for len(b) >= headBytes {
		var length uint64
		if lengthBytes == 8 {
			length = binary.NativeEndian.Uint64(b)
		} else {
			length = uint64(binary.NativeEndian.Uint32(b))
		}
		if length < uint64(headBytes) {
			return
		}
		// The kernel cuts what has no room left, and says MSG_CTRUNC.
		end := int(min(length, uint64(len(b))))
		level := int(int32(binary.NativeEndian.Uint32(b[lengthBytes:])))
		typ := int(int32(binary.NativeEndian.Uint32(b[lengthBytes+4:])))
		m.takeOne(level, typ, b[headBytes:end])
		b = b[min(unix.CmsgSpace(end-headBytes), len(b)):]
	}
}

func (m *Message) takeOne(level, typ int, data []byte) {
	c := &m.Control
	switch {
	case level == unix.SOL_SOCKET && typ == unix.SCM_RIGHTS:
		for ; len(data) >= 4; data = data[4:] {
			m.takeFile(int(int32(binary.NativeEndian.Uint32(data))))
		}
		return
	case level == unix.SOL_SOCKET && typ == unix.SCM_TIMESTAMP:
		// struct timeval, of two words.
		if sec, usec, ok := twoWords(data); ok {
			c.Time = time.Unix(sec, usec*1000)
			return
		}
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_PKTINFO && len(data) >= 20:
		ip := netip.AddrFrom16([16]byte(data))
		c.PacketInfo = &PacketInfo{Interface: int(binary.NativeEndian.Uint32(data[16:])), Local: ip}
		return
	}
	if !takeOwn(c, level, typ, data) {
		c.Other = append(c.Other, ControlMessage{level, typ, append([]byte(nil), data...)})
	}
}

func (m *Message) takeFile(n int) {
	if n < 0 {
		return
	}
	fd := ipc.NewFD(n)
	closeOnExecLate(n)
	if len(m.Control.Files) < m.MaxFiles {
		m.Control.Files = append(m.Control.Files, fd)
		return
	}
	fd.Close()
	m.Flags |= MSG_CTRUNC
}

// twoWords reads a structure of two longs of 64 or 32 bits each.
func twoWords(data []byte) (a, b int64, ok bool) {
	switch len(data) {
	case 16:
		return int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])), true
	case 8:
		return int64(int32(binary.NativeEndian.Uint32(data))), int64(int32(binary.NativeEndian.Uint32(data[4:]))), true
	}
	return 0, 0, false
}
