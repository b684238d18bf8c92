package sock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// Info describes a socket option.
type Info struct {
	Name     string // in the manual, as "SO_RCVBUF"
	Level    int    // of getsockopt(2): SOL_SOCKET, IPPROTO_TCP and so on
	Number   int    // of getsockopt(2); negative where this system has no such option
	Kind     string // of the value: "flag", "number", "time", "linger", "text", "type", "domain" or "error"
	Unit     string // of a number, as "bytes"; "" when it is a count of nothing or no number
	ReadOnly bool   // it can only be read
	Does     string // what it is for, in a line
	Needs    string // the capability that setting it takes, or a value beyond some bound; "" for none
	Sysctl   string // the settings of the system that bound the value or are its default; "" for none
	Note     string // what the kernel makes of it

	readNumber int // of getsockopt(2), where it is not Number

	// why explains an errno of setting it that would else need the manual.
	why map[syscall.Errno]string
}

// Describe returns the description itself (see Entry).
func (i Info) Describe() Info { return i }

// An Option is a socket option whose value is a T. Options are immutable.
type Option[T any] struct {
	Info
	code codec[T]
}

// An Entry is an Option of whatever type, by text: a row of the table that
// commands and manuals read.
type Entry interface {
	// Describe says what the option is.
	Describe() Info
	// Text is Get; the value has its unit, as "20000 bytes".
	Text(fd *ipc.FD) (string, error)
	// SetText is Set of a value as a person types it: "on", "10000", "250ms",
	// a linger time or "off", a name. It returns what the kernel kept.
	SetText(fd *ipc.FD, text string) (kept string, err error)
}

// Get asks the kernel for the option's value (getsockopt(2)).
//
// Errors wrap the errno: ENOPROTOOPT or EOPNOTSUPP when the socket is of another
// domain. An option that this system lacks is errors.ErrUnsupported.
func (o *Option[T]) Get(fd *ipc.FD) (T, error) {
	var none T
	if o.Number < 0 {
		return none, o.unsupported("get")
	}
	number := o.Number
	if o.readNumber != 0 {
		number = o.readNumber
	}
	v, err := o.code.get(fd.Number(), o.Level, number)
	if err != nil {
		return none, o.failed("get", "getsockopt", fd, err)
	}
	return v, nil
}

// Set asks the kernel to set the option (setsockopt(2)) and then for what it
// kept (getsockopt(2)), which may be another value without any error.
//
// Errors wrap the errno and say what stood in the way where that is known: a
// capability, a setting of the system, the socket's domain.
func (o *Option[T]) Set(fd *ipc.FD, v T) (kept T, err error) {
	if err := o.set(fd, v); err != nil {
		return kept, err
	}
	return o.Get(fd)
}

func (o *Option[T]) set(fd *ipc.FD, v T) error {
	if o.Number < 0 {
		return o.unsupported("set")
	}
	if err := o.code.set(fd.Number(), o.Level, o.Number, v); err != nil {
		return o.failed("set", "setsockopt", fd, err)
	}
	return nil
}

// Text is Get as Entry has it.
func (o *Option[T]) Text(fd *ipc.FD) (string, error) {
	v, err := o.Get(fd)
	if err != nil {
		return "", err
	}
	return o.print(v), nil
}

// SetText is Set as Entry has it.
func (o *Option[T]) SetText(fd *ipc.FD, text string) (kept string, err error) {
	bare := strings.TrimSuffix(text, " "+o.Unit)
	if text == "1 "+strings.TrimSuffix(o.Unit, "s") {
		bare = "1"
	}
	v, err := o.code.parse(bare)
	if err != nil {
		return "", fmt.Errorf("set %s: %q: %w", o.Name, text, err)
	}
	got, err := o.Set(fd, v)
	if err != nil {
		return "", err
	}
	return o.print(got), nil
}

func (o *Option[T]) print(v T) string {
	text := o.code.print(v)
	switch {
	case o.Kind != "number" || o.Unit == "":
		return text
	case text == "1":
		return "1 " + strings.TrimSuffix(o.Unit, "s")
	}
	return text + " " + o.Unit
}

// To returns the setting of o to v, for Options.Set.
func (o *Option[T]) To(v T) Setting { return setting[T]{o, v} }

// A Setting is an option and the value that it is to have. Option.To makes one.
type Setting interface {
	apply(fd *ipc.FD) error
	// String names both, as "SO_RCVBUF 10000 bytes".
	String() string
}

type setting[T any] struct {
	option *Option[T]
	value  T
}

func (s setting[T]) apply(fd *ipc.FD) error { return s.option.set(fd, s.value) }
func (s setting[T]) String() string         { return s.option.Name + " " + s.option.print(s.value) }

func (i Info) unsupported(verb string) error {
	return fmt.Errorf("%s %s: %w: this system has no such option", verb, i.Name, errors.ErrUnsupported)
}

// failed puts together the error of a call, with the reason where it is known.
func (i Info) failed(verb, call string, fd *ipc.FD, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("%s %s of %s: %w", verb, i.Name, fd, err)
	}
	err = os.NewSyscallError(call, errno)
	if why := i.explain(verb, errno, fd); why != "" {
		return fmt.Errorf("%s %s of %s: %w: %s", verb, i.Name, fd, err, why)
	}
	return fmt.Errorf("%s %s of %s: %w", verb, i.Name, fd, err)
}

// explain says what stood in the way, or returns "".
func (i Info) explain(verb string, errno syscall.Errno, fd *ipc.FD) string {
	switch errno {
	case unix.ENOTSOCK, unix.EBADF:
		return ""
	case unix.EPERM, unix.EACCES:
		if i.Needs != "" {
			return "it needs " + i.Needs
		}
	case unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EINVAL:
		if other := i.wrongDomain(fd); other != "" {
			return other
		}
		if i.ReadOnly && verb == "set" && errno == unix.ENOPROTOOPT {
			return "it can only be read"
		}
	}
	return i.why[errno]
}

// wrongDomain says how the socket is of a domain or type that the option's
// level is not for, or returns "".
func (i Info) wrongDomain(fd *ipc.FD) string {
	t, err := unix.GetsockoptInt(fd.Number(), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return ""
	}
	d, known := domainOfSocket(fd.Number())
	internet := d == AF_INET || d == AF_INET6
	level, fits := "", true
	switch i.Level {
	case unix.IPPROTO_TCP:
		level, fits = "TCP", internet && Type(t) == SOCK_STREAM
	case unix.IPPROTO_UDP:
		level, fits = "UDP", internet && Type(t) == SOCK_DGRAM
	case unix.IPPROTO_IP:
		level, fits = "IP", internet
	case unix.IPPROTO_IPV6:
		level, fits = "IPv6", d == AF_INET6
	}
	if fits || !known {
		return ""
	}
	return fmt.Sprintf("it is an option of %s, and the socket is of %v and %v", level, d, Type(t))
}

// domainOfSocket finds out the domain: where the system does not tell it, by the
// address that every socket has.
func domainOfSocket(fd int) (Domain, bool) {
	if soDomain >= 0 {
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, soDomain)
		return Domain(n), err == nil
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, false
	}
	switch name.(type) {
	case *unix.SockaddrUnix:
		return AF_UNIX, true
	case *unix.SockaddrInet4:
		return AF_INET, true
	case *unix.SockaddrInet6:
		return AF_INET6, true
	}
	return 0, false
}
