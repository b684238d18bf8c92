package sock

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// A Message is what SendMsg sends and RecvMsg receives: data in pieces, an
// address and ancillary data.
type Message struct {
	Addr    addr.Addr // to whom it goes: the zero Addr is the connected peer; or from whom it came, see RecvFrom
	Data    [][]byte  // pieces that are gathered in this order, or filled in this order
	Control Control   // ancillary data that goes or came along

	// MaxFiles is how many descriptors RecvMsg may take from a message; what
	// is beyond is closed, and Flags has MSG_CTRUNC. So nobody can open files
	// in a program that does not ask for them.
	MaxFiles int

	N     int   // bytes of Data that were sent or received
	Flags Flags // of a received message: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB
}

// SendMsg sends one message (sendmsg(2)) and sets its N, which it returns too.
// What Send says of errors holds here. The descriptors in m stay the caller's:
// the receiver gets duplicates.
//
// EINVAL for descriptors without a byte of data on a stream, where the kernel
// would drop them in silence, and for more than 253 of them on Linux; EMSGSIZE for
// more than 1,024 pieces too.
func SendMsg(fd *ipc.FD, m *Message, flags Flags) (int, error) {
	m.N = 0
	err := m.checkFiles(fd)
	if err == nil {
		err = m.send(fd.Number(), flags)
	}
	return m.N, transferred("send from", "sendmsg", fd, err)
}

// checkFiles refuses descriptors that no data go along with on a stream.
func (m *Message) checkFiles(fd *ipc.FD) error {
	if len(m.Control.Files) == 0 {
		return nil
	}
	for _, piece := range m.Data {
		if len(piece) > 0 {
			return nil
		}
	}
	if t, err := SO_TYPE.Get(fd); err != nil || t != SOCK_STREAM {
		return err
	}
	return fmt.Errorf("descriptors without data: %w", os.NewSyscallError("sendmsg", syscall.EINVAL))
}

// RecvMsg receives one message (recvmsg(2)) into m.Data and sets the other
// fields but MaxFiles. It returns N. What Recv says of the end and of errors
// holds here. The caller owns the descriptors that came along; they are
// close-on-exec.
func RecvMsg(fd *ipc.FD, m *Message, flags Flags) (int, error) {
	m.empty()
	err := m.receive(fd.Number(), flags)
	return m.N, transferred("receive from", "recvmsg", fd, err)
}

// empty clears what receiving sets.
func (m *Message) empty() {
	m.Addr, m.Control, m.N, m.Flags = addr.Addr{}, Control{}, 0, 0
}

// maxRights is how many descriptors one message can carry (SCM_MAX_FD, unix(7)).
const maxRights = 253

// controlRoom returns the room for ancillary data: for each of the kinds that
// are not descriptors, several times over, and for MaxFiles descriptors.
func (m *Message) controlRoom() int {
	room := smallControl
	if m.MaxFiles > 0 {
		room += unix.CmsgSpace(4 * min(m.MaxFiles, maxRights))
	}
	return room
}

const smallControl = 512

// SendMany sends the messages in order (sendmmsg(2); on systems without it one
// after the other) and returns how many went out, each with its N: on Linux at
// most 1,024. An error means that the first did not; why a later one did not, only
// the next call tells.
func SendMany(fd *ipc.FD, ms []Message, flags Flags) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	for i := range ms {
		ms[i].N = 0
		if err := ms[i].checkFiles(fd); err != nil {
			if i == 0 {
				return 0, transferred("send from", "sendmmsg", fd, err)
			}
			ms = ms[:i] // those before it go out
			break
		}
	}
	n, err := sendMany(fd.Number(), ms, flags)
	return n, transferred("send from", "sendmmsg", fd, err)
}

// RecvMany receives up to len(ms) messages (recvmmsg(2); on systems without it
// one after the other) and returns how many came. It waits for the first one
// where the socket waits, and for no other.
func RecvMany(fd *ipc.FD, ms []Message, flags Flags) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	for i := range ms {
		ms[i].empty()
	}
	n, err := recvMany(fd.Number(), ms, flags)
	return n, transferred("receive from", "recvmmsg", fd, err)
}
