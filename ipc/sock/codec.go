package sock

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A codec moves values of one type between Go, the kernel and text.
type codec[T any] struct {
	kind  string
	get   func(fd, level, number int) (T, error)
	set   func(fd, level, number int, v T) error
	parse func(text string) (T, error)
	print func(v T) string
}

// flag is an int that is 0 or not: the BSDs read back the flag's bit.
var flag = codec[bool]{
	kind: "flag",
	get: func(fd, level, number int) (bool, error) {
		n, err := unix.GetsockoptInt(fd, level, number)
		return n != 0, err
	},
	set: func(fd, level, number int, v bool) error {
		n := 0
		if v {
			n = 1
		}
		return unix.SetsockoptInt(fd, level, number, n)
	},
	parse: func(text string) (bool, error) {
		switch text {
		case "on", "1", "true", "yes":
			return true, nil
		case "off", "0", "false", "no":
			return false, nil
		}
		return false, errors.New("a flag is on or off")
	},
	print: func(v bool) string {
		if v {
			return "on"
		}
		return "off"
	},
}

var number = codec[int]{
	kind: "number",
	get:  unix.GetsockoptInt,
	set: func(fd, level, number, v int) error {
		if v != int(int32(v)) {
			return errTooLarge
		}
		return unix.SetsockoptInt(fd, level, number, v)
	},
	parse: func(text string) (int, error) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 0, errors.New("it wants a whole number of 32 bits")
		}
		return int(n), nil
	},
	print: strconv.Itoa,
}

// octet is a number that the BSDs keep in an unsigned char. Linux takes both.
var octet = codec[int]{
	kind: "number",
	get: func(fd, level, number int) (int, error) {
		n, err := unix.GetsockoptInt(fd, level, number)
		return n & 0xff, err
	},
	set: func(fd, level, number, v int) error {
		if v != int(uint8(v)) {
			return errors.New("it must be 0 to 255")
		}
		return unix.SetsockoptByte(fd, level, number, byte(v))
	},
	parse: number.parse,
	print: number.print,
}

// octetFlag is a flag that the BSDs keep in an unsigned char.
var octetFlag = codec[bool]{
	kind: "flag",
	get:  func(fd, level, number int) (bool, error) { n, err := octet.get(fd, level, number); return n != 0, err },
	set: func(fd, level, number int, v bool) error {
		if v {
			return octet.set(fd, level, number, 1)
		}
		return octet.set(fd, level, number, 0)
	},
	parse: flag.parse,
	print: flag.print,
}

// timeval is a struct timeval. Zero means for ever, so what is shorter than its
// microsecond becomes one; and a negative time, which Linux takes for "at once"
// and reads back as zero, is refused.
var timeval = codec[time.Duration]{
	kind: "time",
	get: func(fd, level, number int) (time.Duration, error) {
		tv, err := unix.GetsockoptTimeval(fd, level, number)
		if err != nil {
			return 0, err
		}
		return time.Duration(tv.Nano()), nil
	},
	set: func(fd, level, number int, v time.Duration) error {
		if v < 0 {
			return errNegative
		}
		if v > math.MaxInt32*time.Second {
			return errTooLarge
		}
		tv := unix.NsecToTimeval(roundUp(v, time.Microsecond).Nanoseconds())
		return unix.SetsockoptTimeval(fd, level, number, &tv)
	},
	parse: parseTime,
	print: time.Duration.String,
}

var (
	seconds      = timeIn(time.Second)
	milliseconds = timeIn(time.Millisecond)
)

// timeIn is a time that the kernel counts in units, in an int. What does not
// come out even is rounded up.
func timeIn(unit time.Duration) codec[time.Duration] {
	return codec[time.Duration]{
		kind: "time",
		get: func(fd, level, number int) (time.Duration, error) {
			n, err := unix.GetsockoptInt(fd, level, number)
			return time.Duration(n) * unit, err
		},
		set: func(fd, level, number int, v time.Duration) error {
			if v < 0 {
				return errNegative
			}
			n := roundUp(v, unit) / unit
			if n > math.MaxInt32 {
				return errTooLarge
			}
			return unix.SetsockoptInt(fd, level, number, int(n))
		},
		parse: parseTime,
		print: time.Duration.String,
	}
}

// roundUp returns v as the next multiple of unit, or the last one there is.
func roundUp(v, unit time.Duration) time.Duration {
	if rest := v % unit; rest != 0 {
		if v > math.MaxInt64-unit {
			return v - rest
		}
		return v - rest + unit
	}
	return v
}

var (
	errNegative = errors.New("a time is 0 or more")
	errTooLarge = errors.New("it is too large for 32 bits")
)

func parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("a time is a number and its unit, as 250ms, 1.5s or 2m")
	}
	if d < 0 {
		return 0, errNegative
	}
	return d, nil
}

// A Linger is the value of SO_LINGER: what close(2) does with data on the way.
type Linger struct {
	On  bool          // close waits; off it does not
	For time.Duration // in whole seconds, rounded up; On and 0 break the connection off
}

// String returns "off", or the time.
func (l Linger) String() string {
	if !l.On {
		return "off"
	}
	return l.For.String()
}

var linger = codec[Linger]{
	kind: "linger",
	get: func(fd, level, number int) (Linger, error) {
		l, err := unix.GetsockoptLinger(fd, level, number)
		if err != nil {
			return Linger{}, err
		}
		return Linger{l.Onoff != 0, time.Duration(l.Linger) * time.Second}, nil
	},
	set: func(fd, level, number int, v Linger) error {
		if v.For < 0 {
			return errNegative
		}
		l := unix.Linger{Linger: int32(min(roundUp(v.For, time.Second)/time.Second, math.MaxInt32))}
		if v.On {
			l.Onoff = 1
		}
		return unix.SetsockoptLinger(fd, level, number, &l)
	},
	parse: func(text string) (Linger, error) {
		if text == "off" {
			return Linger{}, nil
		}
		d, err := parseTime(text)
		if err != nil {
			return Linger{}, fmt.Errorf("%w, or off", err)
		}
		return Linger{true, d}, nil
	},
	print: Linger.String,
}

var text = codec[string]{
	kind: "text",
	get:  unix.GetsockoptString,
	set: func(fd, level, number int, v string) error {
		if strings.Contains(v, "\x00") {
			return errors.New("a NUL byte ends the text")
		}
		return unix.SetsockoptString(fd, level, number, v)
	},
	parse: func(text string) (string, error) { return text, nil },
	print: func(v string) string { return v },
}

// The kinds below are only read.

var socketType = readOnly("type", ParseType, Type.String)

var domain = readOnly("domain", ParseDomain, Domain.String)

var pendingError = readOnly("error", parseErrno, func(e syscall.Errno) string {
	if e == 0 {
		return "no error"
	}
	return e.Error()
})

func parseErrno(text string) (syscall.Errno, error) {
	n, err := number.parse(text)
	return syscall.Errno(n), err
}

// readOnly is a number with a meaning. Setting it is put to the kernel all the
// same, whose errno the caller gets.
func readOnly[T ~int | ~uintptr](kind string, parse func(string) (T, error), print func(T) string) codec[T] {
	return codec[T]{
		kind: kind,
		get: func(fd, level, number int) (T, error) {
			n, err := unix.GetsockoptInt(fd, level, number)
			return T(n), err
		},
		set: func(fd, level, number int, v T) error {
			return unix.SetsockoptInt(fd, level, number, int(v))
		},
		parse: parse,
		print: print,
	}
}
