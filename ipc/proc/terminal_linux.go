package proc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// Terminal wires a child by a pseudo-terminal (pty(7)): it finds a terminal on
// all three of its descriptors, and with OwnTerminal as its Group ^C and hang-up
// reach it. Ours has one FD for In and Out, the terminal's other end; Err is nil,
// for there is one output. When the last one has closed the child's side, reading
// ours is EIO. The size of the terminal is 0 by 0 until somebody sets it.
//
// The caller owns both sides. On error nothing stays open. Other systems than
// Linux have it differently: errors.ErrUnsupported.
func Terminal() (ours, childs Stdio, err error) {
	defer closeBoth(&ours, &childs, &err)
	const mode = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	n, err := unix.Open("/dev/ptmx", mode, 0)
	if err != nil {
		return ours, childs, fmt.Errorf("make a terminal: /dev/ptmx: %w", os.NewSyscallError("open", err))
	}
	ours.In = ipc.NewFD(n)
	ours.Out = ours.In
	if err := unix.IoctlSetPointerInt(n, unix.TIOCSPTLCK, 0); err != nil {
		return ours, childs, fmt.Errorf("make a terminal: unlock it: %w", os.NewSyscallError("ioctl", err))
	}
	peer, errno := sys.TerminalPeer(n, mode)
	if errno != 0 {
		return ours, childs, fmt.Errorf("make a terminal: open the child's side: %w", os.NewSyscallError("ioctl", errno))
	}
	childs.In = ipc.NewFD(peer)
	childs.Out, childs.Err = childs.In, childs.In
	return ours, childs, nil
}
