//go:build unix && !linux

package sock

import "golang.org/x/sys/unix"

func (m *Message) send(fd int, flags Flags) (err error) {
	var name unix.Sockaddr
	if m.Addr.IsValid() {
		if name, err = nameFor(m.Addr); err != nil {
			return err
		}
	}
	control, err := m.appendControl(nil, fd)
	if err != nil {
		return err
	}
	for {
		m.N, err = unix.SendmsgBuffers(fd, m.Data, control, name, int(flags|unix.MSG_NOSIGNAL))
		if err != unix.EINTR {
			return err
		}
	}
}

func (m *Message) receive(fd int, flags Flags) error {
	control := make([]byte, m.controlRoom())
	for {
		n, size, got, name, err := unix.RecvmsgBuffers(fd, m.Data, control, int(flags)|cmsgCloseOnExec)
		if err == nil {
			m.N, m.Flags = n, Flags(got)&^cmsgCloseOnExec
			m.Addr = sender(name)
			m.takeControl(control[:size])
			return nil
		}
		if err != unix.EINTR {
			return err
		}
	}
}

func sendMany(fd int, ms []Message, flags Flags) (int, error) {
	return oneByOne(ms, func(m *Message, _ int) error { return m.send(fd, flags) })
}

func recvMany(fd int, ms []Message, flags Flags) (int, error) {
	return oneByOne(ms, func(m *Message, i int) error {
		if i > 0 {
			flags |= MSG_DONTWAIT
		}
		return m.receive(fd, flags)
	})
}

func oneByOne(ms []Message, call func(*Message, int) error) (int, error) {
	for i := range ms {
		if err := call(&ms[i], i); err != nil {
			if i == 0 {
				return 0, err
			}
			return i, nil
		}
	}
	return len(ms), nil
}
