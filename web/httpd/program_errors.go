package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unicode/utf8"

	"xanadu/ipc/loop"
)

const (
	// maxComplaint is how much is shown of one line of a program's errors.
	maxComplaint = 512

	// maxComplaints is how many lines are shown of one run of a program. Who
	// wants more writes a log of its own.
	maxComplaints = 32
)

// programErrors is a program's standard error, which goes to the error log, one
// line at a time. The rest of a long line and the lines beyond a number are
// dropped and counted.
type programErrors struct {
	loop.Stream
	silent
	p       *program
	line    []byte // the beginning of one whose end has not come
	cut     bool   // what follows up to its end is dropped
	shown   int    // lines
	dropped int64  // octets
}

func (s *programErrors) Received(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		piece := b
		if end >= 0 {
			piece = b[:end]
		}
		if !s.cut {
			room := maxComplaint - len(s.line)
			s.line = append(s.line, piece[:min(len(piece), room)]...)
			s.cut = len(piece) > room
			piece = piece[min(len(piece), room):]
		}
		s.dropped += int64(len(piece))
		if end < 0 {
			return
		}
		s.show()
		b = b[end+1:]
	}
}

// show tells the line that has come to its end.
func (s *programErrors) show() {
	line := bytes.TrimRight(s.line, "\r \t")
	switch {
	case len(line) == 0:
	case s.shown == maxComplaints:
		s.dropped += int64(len(s.line))
	default:
		s.shown++
		s.p.complain(string(appendShown(nil, line)))
	}
	s.line, s.cut = s.line[:0], false
}

// tell tells what is left at the end of the program.
func (s *programErrors) tell() {
	s.show()
	if s.dropped > 0 {
		s.p.complain(fmt.Sprintf("octets of its complaints that are not shown: %d", s.dropped))
	}
}

func (s *programErrors) Ended(err error) {
	s.p.errsOver = true
	if !errors.Is(err, os.ErrClosed) { // else the loop is at its end: see killPrograms
		s.p.settle()
	}
}

func (s *programErrors) Expired() { s.p.timeIsUp() }

// complain tells the error log about the program.
func (p *program) complain(what string) {
	p.engine.server.opt.Errorf("program %s: %s", p.name, what)
}

// appendShown appends text as it can be shown to a person: what is no printable
// text is written as \xNN.
func appendShown(dst, text []byte) []byte {
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 || !strconv.IsPrint(c) && c != '\t' {
			for _, octet := range text[:size] {
				dst = fmt.Appendf(dst, `\x%02x`, octet)
			}
		} else {
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return dst
}
