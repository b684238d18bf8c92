package sock

import (
	"errors"
	"fmt"

	"xanadu/ipc/addr"
)

// ErrUnresolved means that an address holds a host name, where the system
// wants a number: it is the caller's to ask a resolver.
var ErrUnresolved = errors.New("the host name is not resolved")

// checkNumeric refuses Internet addresses that the system has no form for.
func checkNumeric(a addr.Addr) error {
	switch {
	case !a.IsValid():
		return errors.New("the address is missing")
	case a.Host() != "":
		return ErrUnresolved
	case a.IsAny():
		return fmt.Errorf("%w: *:%d is of IPv4 and IPv6; write 0.0.0.0:%[2]d or [::]:%[2]d", errors.ErrUnsupported, a.Port())
	}
	return nil
}

func internetNetwork(t Type) addr.Network {
	if t == SOCK_STREAM || t == SOCK_SEQPACKET {
		return addr.TCP
	}
	return addr.UDP
}

func unixNetwork(t Type) addr.Network {
	switch t {
	case SOCK_STREAM:
		return addr.Unix
	case SOCK_SEQPACKET:
		return addr.UnixSeqPacket
	}
	return addr.UnixDatagram
}
