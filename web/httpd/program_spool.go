package httpd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web/cgi"
)

// maxSpools is how many contents of the largest size may lie in files.
const maxSpools = 32

// A spool is content that was gathered for a program: up to maxHeld octets in
// memory, all of more in a file that has no name. While the crew writes, all is
// the crew's.
type spool struct {
	bytes []byte  // what is not in the file
	file  *ipc.FD // nil: there is none
	size  int64   // octets, in both
	filed int64   // of these in the file
	whole bool    // all has come
	owner *Server // who counts what lies in files
}

// take appends content at the front of b, as much as is held in memory at once,
// and returns what follows.
func (s *spool) take(c *conn, b []byte) (rest []byte, err error) {
	if !c.chunked {
		n := min(c.skip, int64(len(b)))
		c.skip -= n
		s.add(b[:n])
		s.whole = c.skip == 0
		return b[n:], nil
	}
	for len(b) > 0 && len(s.bytes) < maxHeld {
		data, n, err := c.chunks.Next(b[:min(len(b), maxHeld-len(s.bytes))])
		s.add(data)
		b = b[n:]
		if err == io.EOF {
			c.chunked, s.whole = false, true
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (s *spool) add(data []byte) {
	s.bytes = append(s.bytes, data...)
	s.size += int64(len(data))
}

var errSpoolFull = errors.New("too much content lies in files")

// write moves what is held in memory to the file. It waits for the disk.
func (s *spool) write(dir string) error {
	n := int64(len(s.bytes))
	if s.owner.spooled.Add(n) > maxSpools*s.owner.opt.Programs.MaxSpool {
		s.owner.spooled.Add(-n)
		return fmt.Errorf("gather content: %w", errSpoolFull)
	}
	at := s.filed
	s.filed += n
	if s.file == nil {
		file, err := unnamedFile(dir)
		if err != nil {
			return fmt.Errorf("gather content: %w", err)
		}
		s.file = file
	}
	for b := s.bytes; len(b) > 0; {
		n, err := syscall.Pwrite(s.file.Number(), b, at)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("gather content: %w", os.NewSyscallError("pwrite", err))
		}
		b, at = b[max(n, 0):], at+int64(max(n, 0))
	}
	s.bytes = s.bytes[:0]
	return nil
}

// unnamedFile makes a file in dir that nobody else finds.
func unnamedFile(dir string) (*ipc.FD, error) {
	f, err := os.CreateTemp(dir, "content-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	// f closes its own descriptor, and cannot be asked not to.
	fd, errno := sys.Dup(int(f.Fd()))
	if errno != 0 {
		return nil, os.NewSyscallError("dup", errno)
	}
	return ipc.NewFD(fd), nil
}

// close frees what the spool has taken up.
func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
	if s.filed > 0 {
		s.owner.spooled.Add(-s.filed)
	}
	*s = spool{}
}

// input returns what of the program's input is there at its start.
func (s *spool) input() cgi.Input { return cgi.Input{File: s.file, Bytes: s.bytes} }
