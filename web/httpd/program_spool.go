package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web/cgi"
)

const (
	// maxSpools is how many contents of the largest size may lie in files.
	maxSpools = 32

	// maxSpoolMemory is how many octets of content may lie in memory where no
	// file can be made: eight contents of MaxSpool's default, and little beside
	// what the programs themselves take up.
	maxSpoolMemory = 64 << 20
)

// A spool is content that was gathered for a program: up to maxHeld octets in
// memory, all of more in a file that has no name. While the crew writes, all is
// the crew's.
type spool struct {
	bytes  []byte  // what is not in the file
	file   *ipc.FD // nil: there is none
	why    error   // why the file lies in memory; nil: it does not
	size   int64   // octets, in bytes and the file
	stored stored  // those in the file
	whole  bool    // all has come
	owner  *Server
}

// stored is how much one content takes up of what all may take up in files.
type stored struct {
	client netip.Prefix
	octets int64
	memory bool // the file lies in memory
}

// A spoolUse is how many octets of content lie in files, for all programs of a
// server that gather or run. It is safe for concurrent use.
type spoolUse struct {
	mu      sync.Mutex
	octets  int64
	memory  int64 // of those in files that lie in memory
	clients map[netip.Prefix]int64
}

// take appends content at the front of b, as much as is held in memory at once,
// and returns what follows.
func (s *spool) take(c *conn, b []byte) (rest []byte, err error) {
	if !c.chunked {
		n := min(c.skip, int64(len(b)), int64(maxHeld-len(s.bytes)))
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

var (
	errSpoolFull   = errors.New("too much content lies in files")
	errSpoolShare  = errors.New("the client's content takes up its share of what may lie in files")
	errMemoryFull  = errors.New("too much content lies in memory: make room or choose another directory")
	errNoSpoolFile = errors.New("make the directory writable or choose another one")
)

// write moves what is held in memory to the file. It waits for the disk.
func (s *spool) write(dir string) error {
	if err := s.writeTo(dir); err != nil {
		return fmt.Errorf("gather content in %s: %w", dir, err)
	}
	return nil
}

func (s *spool) writeTo(dir string) (err error) {
	if s.file == nil {
		if s.file, s.why, err = spoolFile(dir); err != nil {
			return err
		}
		s.stored.memory = s.why != nil
	}
	at, n := s.stored.octets, int64(len(s.bytes))
	if err := s.reserve(n); err != nil {
		return err
	}
	for b := s.bytes; len(b) > 0; {
		n, err := syscall.Pwrite(s.file.Number(), b, at)
		if err != nil && err != syscall.EINTR {
			return os.NewSyscallError("pwrite", err)
		}
		b, at = b[max(n, 0):], at+int64(max(n, 0))
	}
	s.bytes = s.bytes[:0]
	return nil
}

// reserve counts n octets more as stored, if the bounds allow it. No client gets
// more than half of what there is.
func (s *spool) reserve(n int64) error {
	u, bound := &s.owner.spooled, maxSpools*s.owner.opt.Programs.MaxSpool
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.octets+n > bound:
		return errSpoolFull
	case u.clients[s.stored.client]+n > bound/2:
		return errSpoolShare
	case s.stored.memory && u.memory+n > maxSpoolMemory:
		return fmt.Errorf("%w: %w", s.why, errMemoryFull)
	}
	s.stored.octets += n
	u.add(stored{s.stored.client, n, s.stored.memory})
	return nil
}

// giveBack ends the count of what was stored.
func (u *spoolUse) giveBack(s stored) {
	if s.octets == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s.octets = -s.octets
	u.add(s)
}

func (u *spoolUse) add(s stored) {
	u.octets += s.octets
	if s.memory {
		u.memory += s.octets
	}
	if u.clients == nil {
		u.clients = make(map[netip.Prefix]int64)
	}
	if u.clients[s.client] += s.octets; u.clients[s.client] == 0 {
		delete(u.clients, s.client)
	}
}

// spoolRate is how many octets a second a client has to give of content that is
// gathered: as files fill up, from the rate of all replies to maxFairRate.
func (s *Server) spoolRate() int64 {
	s.spooled.mu.Lock()
	defer s.spooled.mu.Unlock()
	filled := s.spooled.octets * 7 / (maxSpools * s.opt.Programs.MaxSpool) // in sevenths
	return min(int64(fairRate)<<filled, maxFairRate)
}

// spoolFile makes a file that nobody else finds: in dir or, when that cannot be,
// in memory. Why is the reason for the latter.
func spoolFile(dir string) (file *ipc.FD, why, err error) {
	file, err = unnamedFile(dir)
	if err == nil {
		return file, nil, nil
	}
	fd, errno := sys.MemoryFile("content")
	if errno == syscall.ENOSYS {
		return nil, nil, fmt.Errorf("%w; %w", err, errNoSpoolFile)
	}
	if errno != 0 {
		return nil, nil, fmt.Errorf("%w, and not in memory either: %w; %w",
			err, os.NewSyscallError("memfd_create", errno), errNoSpoolFile)
	}
	return ipc.NewFD(fd), err, nil
}

// unnamedFile makes a file in dir that has no name.
func unnamedFile(dir string) (*ipc.FD, error) {
	fd, errno := sys.UnnamedFile(dir)
	switch errno {
	case 0:
		return ipc.NewFD(fd), nil
	case syscall.EOPNOTSUPP, syscall.EISDIR, syscall.ENOSYS: // the file system, the kernel or this system has none
		return removedFile(dir)
	}
	return nil, os.NewSyscallError("open", errno)
}

// removedFile is unnamedFile where a file has to have a name for a moment.
func removedFile(dir string) (*ipc.FD, error) {
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
	if s.owner != nil {
		s.owner.spooled.giveBack(s.stored)
	}
	*s = spool{}
}

// lend has the content count for a program from now on, which has the file open
// until its end.
func (s *spool) lend() (lent stored) {
	lent = s.stored
	s.stored.octets = 0
	return lent
}

// input returns what of the program's input is there at its start. The program
// gets the file to read; one in memory it cannot fill either.
func (s *spool) input() cgi.Input {
	if s.stored.memory {
		sys.SealFile(s.file.Number()) // without it the program may write there: no harm to others
	}
	return cgi.Input{File: s.file, Bytes: s.bytes}
}
