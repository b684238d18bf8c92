package sock_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// Every option that the package declares stands in its table, under its name.
func TestTableIsComplete(t *testing.T) {
	var declared []string
	for _, file := range []string{"options_socket.go", "options_ip.go"} {
		f := must(parser.ParseFile(token.NewFileSet(), file, nil, 0))(t)
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				declared = append(declared, spec.Names[0].Name)
			}
			return true
		})
	}
	var listed []string
	for _, e := range sock.Table() {
		listed = append(listed, e.Describe().Name)
	}
	if !slices.Equal(declared, listed) {
		t.Errorf("declared are %q, the table has %q", declared, listed)
	}
	if len(declared) < 60 {
		t.Errorf("%d options are declared, want 60 or more", len(declared))
	}
}

// The lecture's table, in its order, begins ours.
func TestTableOfTheLecture(t *testing.T) {
	lecture := strings.Fields(`SO_DEBUG SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_DONTROUTE SO_LINGER SO_BROADCAST SO_OOBINLINE
		SO_SNDBUF SO_RCVBUF SO_SNDLOWAT SO_RCVLOWAT SO_SNDTIMEO SO_RCVTIMEO SO_TIMESTAMP SO_TYPE SO_ERROR`)
	for i, name := range lecture {
		info := sock.Table()[i].Describe()
		if info.Name != name || info.Number < 0 || info.Kind == "" || info.Does == "" {
			t.Errorf("row %d is %+v, want %s, with what it does", i, info, name)
		}
	}
	for _, name := range []string{"so_rcvbuf", "TCP_NODELAY"} {
		if e, ok := sock.Lookup(name); !ok || !strings.EqualFold(e.Describe().Name, name) {
			t.Errorf("Lookup(%q) = %v, %v", name, e, ok)
		}
	}
	if _, ok := sock.Lookup("SO_NONE"); ok {
		t.Error("Lookup found SO_NONE")
	}
}

// kinds are sockets of all kinds, fresh.
func kinds(t *testing.T) map[string]*ipc.FD {
	list := make(map[string]*ipc.FD)
	for _, d := range []sock.Domain{sock.AF_UNIX, sock.AF_INET, sock.AF_INET6} {
		for _, typ := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM} {
			if fd, err := sock.Socket(d, typ, 0); err == nil {
				list[fmt.Sprint(d, " ", typ)] = kept(t, fd)
			} else if d != sock.AF_INET6 {
				t.Fatal(err)
			}
		}
	}
	return list
}

// Every option can be asked of every socket: the answer is a value, that the
// option is not of this system, or an error that says what stood in the way.
func TestGetEverything(t *testing.T) {
	for kind, fd := range kinds(t) {
		for _, e := range sock.Table() {
			info := e.Describe()
			text, err := e.Text(fd)
			switch {
			case info.Number < 0:
				if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "this system has no such option") {
					t.Errorf("%s of %s, which this system lacks: %q, %v", info.Name, kind, text, err)
				}
			case err != nil:
				wrong := info.Level != unix.SOL_SOCKET
				if wrong && !strings.Contains(err.Error(), "get "+info.Name+" of fd ") {
					t.Errorf("%s of %s: %v, want the option named", info.Name, kind, err)
				}
				if wrong && strings.HasPrefix(kind, "AF_UNIX") && !strings.Contains(err.Error(), "and the socket is of "+kind[:7]) {
					t.Errorf("%s of %s: %v, want the domain named", info.Name, kind, err)
				}
				if !wrong && slices.Contains([]string{"flag", "type", "error", "time", "linger"}, info.Kind) && !slices.Contains([]string{"SO_PASSCRED", "SO_NOSIGPIPE"}, info.Name) {
					t.Errorf("%s of %s: %v", info.Name, kind, err)
				}
			case text == "" && info.Kind != "text":
				t.Errorf("%s of %s is no text", info.Name, kind)
			}
		}
	}
}

// A flag that can be set is kept as it was set, in both directions.
func TestSetEveryFlag(t *testing.T) {
	for _, e := range sock.Table() {
		info := e.Describe()
		if info.Kind != "flag" || info.Number < 0 || info.ReadOnly {
			continue
		}
		worked := false
		for _, fd := range kinds(t) {
			for _, want := range []string{"on", "off"} {
				kept, err := e.SetText(fd, want)
				switch {
				case err == nil && kept != want && info.Name != "TCP_QUICKACK":
					t.Errorf("%s set to %s reads back as %s", info.Name, want, kept)
				case err == nil:
					worked = true
				case !strings.Contains(err.Error(), "set "+info.Name+" of fd ") && !strings.Contains(err.Error(), "get "+info.Name):
					t.Errorf("%s: %v, want the option named", info.Name, err)
				}
			}
		}
		if !worked && info.Needs == "" && info.Name != "IP_HDRINCL" {
			t.Errorf("%s could be set on no socket", info.Name)
		}
	}
}

func TestSetAndReadBack(t *testing.T) {
	needLinux(t, "the values of this table")
	socket := func(d sock.Domain, typ sock.Type) *ipc.FD { return kept(t, must(sock.Socket(d, typ, 0))(t)) }
	tcp, udp, local := socket(sock.AF_INET, sock.SOCK_STREAM), socket(sock.AF_INET, sock.SOCK_DGRAM), socket(sock.AF_UNIX, sock.SOCK_STREAM)
	netlink := socket(must(sock.ParseDomain("AF_NETLINK"))(t), sock.SOCK_RAW) // whose addresses have no words here
	for _, test := range []struct {
		name string
		fd   *ipc.FD
		set  string
		kept string // the value, or part of the error
		is   error  // nil for a value
	}{
		{"SO_RCVBUF", udp, "10000", "20000 bytes", nil},
		{"SO_RCVBUF", udp, "10000 bytes", "20000 bytes", nil},
		{"SO_RCVBUF", udp, "1", "2304 bytes", nil},
		{"SO_SNDBUF", udp, "10000", "20000 bytes", nil},
		{"SO_SNDBUF", udp, "1", "4608 bytes", nil},
		{"SO_SNDLOWAT", tcp, "5", "it can only be read", unix.ENOPROTOOPT},
		{"SO_RCVLOWAT", tcp, "100", "100 bytes", nil},
		{"SO_RCVLOWAT", tcp, "1", "1 byte", nil},
		{"SO_RCVLOWAT", tcp, "1 byte", "1 byte", nil},
		{"SO_TYPE", tcp, "dgram", "it can only be read", unix.ENOPROTOOPT},
		{"SO_TYPE", tcp, "drgam", "neither a number nor one of SOCK_STREAM", errors.New("")},
		{"SO_ERROR", tcp, "none", "a whole number", errors.New("")},
		{"SO_TYPE", tcp, "5", "it can only be read", unix.ENOPROTOOPT},
		{"SO_ERROR", tcp, "5", "it can only be read", unix.ENOPROTOOPT},
		{"SO_RCVTIMEO", tcp, "1s", "1s", nil},
		{"SO_RCVTIMEO", tcp, "0s", "0s", nil},
		{"SO_RCVTIMEO", tcp, "-1s", "a time is 0 or more", errors.New("")},
		{"SO_RCVTIMEO", tcp, "1000000h", "too large", errors.New("")},
		{"SO_RCVTIMEO", tcp, "5", "as 250ms", errors.New("")},
		{"SO_LINGER", tcp, "1500ms", "2s", nil},
		{"SO_LINGER", tcp, "0s", "0s", nil},
		{"SO_LINGER", tcp, "off", "off", nil},
		{"SO_LINGER", tcp, "never", "or off", errors.New("")},
		{"SO_KEEPALIVE", tcp, "perhaps", "a flag is on or off", errors.New("")},
		{"SO_RCVBUF", tcp, "many", "a whole number", errors.New("")},
		{"SO_REUSEPORT", local, "on", "sockets outside the Internet domains have no ports", unix.EOPNOTSUPP},
		{"TCP_KEEPIDLE", tcp, "90s", "1m30s", nil},
		{"TCP_KEEPIDLE", tcp, "1500ms", "2s", nil},
		{"TCP_USER_TIMEOUT", tcp, "1500us", "2ms", nil},
		{"TCP_NODELAY", udp, "on", "it is an option of TCP, and the socket is of AF_INET and SOCK_DGRAM", unix.ENOPROTOOPT},
		{"TCP_NODELAY", local, "on", "it is an option of TCP, and the socket is of AF_UNIX and SOCK_STREAM", unix.EOPNOTSUPP},
		{"TCP_KEEPCNT", tcp, "1000", "it must be 1 to 127", unix.EINVAL},
		{"TCP_CONGESTION", tcp, "none-such", "net.ipv4.tcp_available_congestion_control", unix.ENOENT},
		{"TCP_CONGESTION", tcp, "reno", "reno", nil},
		{"SO_BINDTODEVICE", tcp, "xanadu0", "", unix.ENODEV},
		{"IP_TTL", udp, "300", "it must be 1 to 255", unix.EINVAL},
		{"IP_TTL", udp, "3", "3 hops", nil},
		{"IP_MULTICAST_TTL", udp, "3", "3 hops", nil},
		{"IP_MULTICAST_TTL", udp, "256", "it must be 0 to 255", errors.New("")},
		{"IP_MULTICAST_LOOP", udp, "off", "off", nil},
		{"IP_HDRINCL", udp, "on", "it is for SOCK_RAW", unix.ENOPROTOOPT},
		{"SO_RCVBUF", udp, "4294967296", "a whole number of 32 bits", errors.New("")},
		{"SO_PEEK_OFF", netlink, "1", "sockets of this domain and type have none", unix.EOPNOTSUPP},
		{"TCP_KEEPIDLE", tcp, "0s", "it must be 1s to 32767s", unix.EINVAL},
		{"TCP_KEEPINTVL", tcp, "100000h", "it must be 1s to 32767s", unix.EINVAL},
		{"UDP_SEGMENT", udp, "65536", "it must be 0 to 65535", unix.EINVAL},
		{"IP_MULTICAST_TTL", tcp, "3", "it is not for SOCK_STREAM", unix.EINVAL},
		{"IP_MTU_DISCOVER", udp, "-1", "it must be 0 to 5", unix.EINVAL},
		{"IP_MTU", udp, "1500", "it can only be read", unix.ENOPROTOOPT},
		{"TCP_NODELAY", netlink, "on", "it is an option of TCP, and the socket is of AF_NETLINK and SOCK_RAW", unix.ENOPROTOOPT},
		{"IP_MTU", netlink, "1500", "it is an option of IP, and the socket is of AF_NETLINK and SOCK_RAW", unix.ENOPROTOOPT},
		{"IPV6_V6ONLY", udp, "on", "it is an option of IPv6, and the socket is of AF_INET and SOCK_DGRAM", nil},
	} {
		t.Run(test.name+" "+test.set, func(t *testing.T) {
			option, _ := sock.Lookup(test.name)
			got, err := option.SetText(test.fd, test.set)
			if err == nil {
				if test.is != nil || got != test.kept {
					t.Errorf("kept %q, want %q, %v", got, test.kept, test.is)
				}
				return
			}
			if errors.Is(err, unix.EPERM) && test.name == "SO_BINDTODEVICE" {
				t.Skip("this user may not: ", err)
			}
			var errno syscall.Errno
			if errors.As(test.is, &errno) && !errors.Is(err, errno) || !strings.Contains(err.Error(), test.kept) {
				t.Errorf("%v, want %v that says %q", err, test.is, test.kept)
			}
		})
	}
}

// What takes a capability says so; only a user without it can see that.
func TestSetNeedsCapability(t *testing.T) {
	needLinux(t, "capabilities")
	fd := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t))
	_, err := sock.SO_DEBUG.Set(fd, true)
	if err == nil {
		t.Skip("this user has CAP_NET_ADMIN")
	}
	if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "it needs CAP_NET_ADMIN") {
		t.Errorf("%v, want EACCES and the capability", err)
	}
}

// The domain that stands in the way is named, also where it is not the level's.
func TestPassCredentialsOfTCP(t *testing.T) {
	needLinux(t, "SO_PASSCRED")
	fd := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t))
	_, err := sock.SO_PASSCRED.Set(fd, true)
	if err == nil {
		t.Skip("this kernel takes it for every socket")
	}
	if !errors.Is(err, unix.EOPNOTSUPP) || !strings.HasSuffix(err.Error(), ": it is for sockets of AF_UNIX and AF_NETLINK") {
		t.Errorf("%v, want EOPNOTSUPP and the domains", err)
	}
}

// What says of itself that it can only be read cannot be set, and the rest can,
// whoever asks.
func TestReadOnly(t *testing.T) {
	needLinux(t, "IPV6_MTU that can be set")
	needIPv6(t)
	fd := kept(t, must(sock.Socket(sock.AF_INET6, sock.SOCK_DGRAM, 0))(t))
	l := must(sock.BindDatagram(addr.MustParse("udp:[::1]:0"), nil))(t)
	defer l.Close()
	if err := sock.ConnectTo(fd, l.Addr()); err != nil {
		t.Fatal(err)
	}
	for _, e := range sock.Table() {
		info := e.Describe()
		text, err := e.Text(fd)
		if err != nil || info.Kind != "number" || info.Level == unix.IPPROTO_IP {
			continue
		}
		_, err = e.SetText(fd, text)
		if got := errors.Is(err, unix.ENOPROTOOPT); got != info.ReadOnly {
			t.Errorf("%s set to %s, which it was: %v; ReadOnly is %v", info.Name, text, err, info.ReadOnly)
		}
	}
}

// A time too short for the kernel's clock must not become "for ever".
func TestShortTimeout(t *testing.T) {
	fd := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_DGRAM, 0))(t))
	if got, err := sock.SO_RCVTIMEO.Set(fd, time.Nanosecond); err != nil || got <= 0 {
		t.Errorf("a nanosecond is kept as %v, %v", got, err)
	}
	if _, err := sock.Recv(fd, make([]byte, 1), 0); err != sock.ErrWouldBlock {
		t.Errorf("Recv: %v, want ErrWouldBlock", err)
	}
}

// SO_ERROR tells the outcome of a connect that did not wait, once.
func TestPendingError(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", nil)
	nobody := l.Addr()
	l.Close()
	fd := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM|sock.SOCK_NONBLOCK, 0))(t))
	if err := sock.ConnectTo(fd, nobody); err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatal(err)
	} else if errors.Is(err, unix.ECONNREFUSED) {
		t.Skip("this system knows at once: ", err)
	}
	wait(t, fd, unix.POLLOUT)
	for _, want := range []syscall.Errno{unix.ECONNREFUSED, 0} {
		if got := must(sock.SO_ERROR.Get(fd))(t); got != want {
			t.Errorf("SO_ERROR is %d, want %d", got, want)
		}
	}
}

func TestSettingString(t *testing.T) {
	for want, s := range map[string]sock.Setting{
		"SO_RCVBUF 10000 bytes": sock.SO_RCVBUF.To(10_000),
		"SO_KEEPALIVE on":       sock.SO_KEEPALIVE.To(true),
		"SO_LINGER 2s":          sock.SO_LINGER.To(sock.Linger{On: true, For: 2 * time.Second}),
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

func TestOptionsOfClosed(t *testing.T) {
	fd := must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t)
	fd.Close()
	if _, err := sock.SO_TYPE.Get(fd); !errors.Is(err, unix.EBADF) {
		t.Errorf("%v, want EBADF", err)
	}
	file := kept(t, ipc.NewFD(must(unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0))(t)))
	if _, err := sock.TCP_NODELAY.Set(file, true); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("%v, want ENOTSOCK", err)
	}
}
