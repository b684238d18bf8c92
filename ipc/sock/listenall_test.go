package sock

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// What ListenAll does on systems other than this one: the system is played by a
// function in Listen's place.
func TestListenAll(t *testing.T) {
	any := addr.MustParse("tcp:*:0")
	noDual := fmt.Errorf("listen: %w", errors.ErrUnsupported)
	noIPv6 := fmt.Errorf("listen: %w", unix.EAFNOSUPPORT)
	inUse := fmt.Errorf("listen: %w", unix.EADDRINUSE)
	for _, test := range []struct {
		name  string
		addr  addr.Addr
		fails map[string]error // by address without the port: what Listen says
		taken int              // how many ports of IPv4 are taken
		want  string           // the addresses without ports, or the error
	}{
		{"dual stack", any, nil, 0, "tcp:*:0"},
		{"one address", addr.MustParse("tcp:127.0.0.1:0"), nil, 0, "tcp:127.0.0.1:0"},
		{"one address fails", addr.MustParse("tcp:127.0.0.1:0"), map[string]error{"tcp:127.0.0.1:0": noDual}, 0, noDual.Error()},
		{"dual stack fails", any, map[string]error{"tcp:*:0": inUse}, 0, inUse.Error()},
		{"two sockets", any, map[string]error{"tcp:*:0": noDual}, 0, "tcp:[::]:0 tcp:0.0.0.0:0"},
		{"two sockets, port given", any.WithPort(80), map[string]error{"tcp:*:0": noDual}, 0, "tcp:[::]:0 tcp:0.0.0.0:0"},
		{"two sockets, ports taken", any, map[string]error{"tcp:*:0": noDual}, portTries - 1, "tcp:[::]:0 tcp:0.0.0.0:0"},
		{"two sockets, all ports taken", any, map[string]error{"tcp:*:0": noDual}, portTries, "listen tcp:*:0: no port found that is free for IPv4 and IPv6: address already in use"},
		{"two sockets, the port given taken", any.WithPort(80), map[string]error{"tcp:*:0": noDual}, 1, inUse.Error()},
		{"two sockets, no IPv4", any, map[string]error{"tcp:*:0": noDual, "tcp:0.0.0.0:0": noIPv6}, 0, noIPv6.Error()},
		{"two sockets, IPv6 fails", any, map[string]error{"tcp:*:0": noDual, "tcp:[::]:0": inUse}, 0, inUse.Error()},
		{"no IPv6", any, map[string]error{"tcp:*:0": noDual, "tcp:[::]:0": noIPv6}, 0, "tcp:0.0.0.0:0"},
		{"nothing", any, map[string]error{"tcp:*:0": noDual, "tcp:[::]:0": noIPv6, "tcp:0.0.0.0:0": inUse}, 0, inUse.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			nextPort, taken := uint16(1000), test.taken
			var made []*Listener
			listeners, err := listenAll(test.addr, func(a addr.Addr) (*Listener, error) {
				if err := test.fails[a.WithPort(0).String()]; err != nil {
					return nil, err
				}
				if a.AddrPort().Addr().Is4() && taken > 0 {
					taken--
					return nil, inUse
				}
				if a.Port() == 0 {
					nextPort++
					a = a.WithPort(nextPort)
				}
				fd, err := Socket(AF_INET, SOCK_STREAM, 0)
				if err != nil {
					t.Fatal(err)
				}
				made = append(made, &Listener{Bound: Bound{fd: fd, addr: a}})
				return made[len(made)-1], nil
			})
			var got []string
			for _, l := range listeners {
				got = append(got, l.Addr().WithPort(0).String())
				if l.Addr().Port() != listeners[0].Addr().Port() || l.Addr().Port() == 0 {
					t.Errorf("%v and %v differ in the port, or have none", l.Addr(), listeners[0].Addr())
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
			if err != nil {
				got = append(got, err.Error())
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			for _, l := range made {
				if l.FD().Number() >= 0 {
					t.Errorf("%v stays open", l.Addr())
					l.Close()
				}
			}
		})
	}
}

func TestInOneSocket(t *testing.T) {
	for _, test := range []struct {
		addr  string
		first error
		want  string // the calls, with a + for dual stack
	}{
		{"tcp:127.0.0.1:80", nil, "tcp:127.0.0.1:80"},
		{"tcp:127.0.0.1:80", unix.EADDRNOTAVAIL, "tcp:127.0.0.1:80"},
		{"tcp:[::]:80", unix.EAFNOSUPPORT, "tcp:[::]:80"},
		{"tcp:*:80", nil, "tcp:[::]:80+"},
		{"tcp:*:80", unix.EADDRINUSE, "tcp:[::]:80+"},
		{"tcp:*:80", unix.EAFNOSUPPORT, "tcp:[::]:80+ tcp:0.0.0.0:80"},
		{"udp:*:53", unix.EADDRNOTAVAIL, "udp:[::]:53+ udp:0.0.0.0:53"},
	} {
		var calls []string
		_, err := inOneSocket(addr.MustParse(test.addr), func(a addr.Addr, dual bool) (bool, error) {
			calls = append(calls, a.String()+map[bool]string{true: "+"}[dual])
			if len(calls) == 1 && test.first != nil {
				return false, fmt.Errorf("bind: %w", test.first)
			}
			return true, nil
		})
		if got := strings.Join(calls, " "); got != test.want || (err != nil) != (test.first != nil && len(calls) == 1) {
			t.Errorf("%s after %v: %s, %v; want %s", test.addr, test.first, got, err, test.want)
		}
	}
}

// The same on this system.
func TestListenAllHere(t *testing.T) {
	listeners, err := ListenAll(addr.MustParse("tcp:*:0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		defer l.Close()
	}
	fd, err := Connect(addr.MustParse("tcp:127.0.0.1:0").WithPort(listeners[0].Addr().Port()), nil)
	if err != nil {
		t.Fatal(err)
	}
	fd.Close()
}
