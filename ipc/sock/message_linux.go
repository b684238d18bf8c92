package sock

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

func (m *Message) send(fd int, flags Flags) error {
	var room [sys.NameBytes]byte
	msg, err := m.outgoing(fd, room[:0])
	if err != nil {
		return err
	}
	errno := sys.Sendmsg(fd, &msg, int(flags|unix.MSG_NOSIGNAL))
	m.N = msg.N
	return plain(errno)
}

// outgoing describes m to the kernel; room is for its address.
func (m *Message) outgoing(fd int, room []byte) (msg sys.Message, err error) {
	msg.Data = m.Data
	if m.Addr.IsValid() {
		if msg.Name, err = appendName(room, fd, m.Addr); err != nil {
			return msg, err
		}
	}
	msg.Control, err = m.appendControl(nil, fd)
	return msg, err
}

func (m *Message) receive(fd int, flags Flags) error {
	var name [sys.NameBytes]byte
	var small [smallControl]byte
	control := small[:]
	if m.MaxFiles > 0 {
		control = make([]byte, m.controlRoom())
	}
	msg := sys.Message{Name: name[:], Data: m.Data, Control: control}
	if errno := sys.Recvmsg(fd, &msg, int(flags)|unix.MSG_CMSG_CLOEXEC); errno != 0 {
		return errno
	}
	m.incoming(&msg)
	return nil
}

// incoming takes over what the kernel wrote into msg.
func (m *Message) incoming(msg *sys.Message) {
	m.N, m.Flags = msg.N, Flags(msg.Flags)&^unix.MSG_CMSG_CLOEXEC
	m.Addr, _ = parseName(msg.Name, SOCK_DGRAM)
	m.takeControl(msg.Control)
}

// A scratch is the memory of one call of sendmmsg(2) or recvmmsg(2).
type scratch struct {
	batch    sys.Batch
	messages []sys.Message
	room     []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func sendMany(fd int, ms []Message, flags Flags) (int, error) {
	b := scratches.Get().(*scratch)
	defer b.done()
	b.messages = slices.Grow(b.messages[:0], len(ms))
	b.room = slices.Grow(b.room[:0], len(ms)*sys.NameBytes)
	for i := range ms {
		at := i * sys.NameBytes
		name := b.room[at : at : at+sys.NameBytes]
		msg, err := ms[i].outgoing(fd, name)
		if err != nil {
			if i == 0 {
				return 0, err
			}
			break // those before it go out
		}
		b.messages = append(b.messages, msg)
	}
	n, errno := b.batch.Sendmmsg(fd, b.messages, int(flags|unix.MSG_NOSIGNAL))
	for i := range n {
		ms[i].N = b.messages[i].N
	}
	return n, plain(errno)
}

func recvMany(fd int, ms []Message, flags Flags) (int, error) {
	b := scratches.Get().(*scratch)
	defer b.done()
	room := 0
	for i := range ms {
		room += sys.NameBytes + ms[i].controlRoom()
	}
	b.room = slices.Grow(b.room[:0], room)[:room]
	b.messages = slices.Grow(b.messages[:0], len(ms))
	rest := b.room
	for i := range ms {
		msg := sys.Message{Name: rest[:sys.NameBytes], Data: ms[i].Data}
		rest = rest[sys.NameBytes:]
		msg.Control, rest = rest[:ms[i].controlRoom()], rest[ms[i].controlRoom():]
		b.messages = append(b.messages, msg)
	}
	n, errno := b.batch.Recvmmsg(fd, b.messages, int(flags|MSG_WAITFORONE)|unix.MSG_CMSG_CLOEXEC)
	for i := range n {
		ms[i].incoming(&b.messages[i])
	}
	return n, plain(errno)
}

// done lets go of the caller's memory and puts b back.
func (b *scratch) done() {
	clear(b.messages)
	scratches.Put(b)
}
