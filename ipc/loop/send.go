package loop

import (
	"errors"
	"io"
	"os"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc/ready"
)

// outgoing is what one Send or SendFile still has to pass on: head, then body
// or a range of a file.
type outgoing struct {
	head   []byte
	body   []byte
	file   int // -1: none
	off    int64
	size   int64
	holds  func() bool // whether the file still holds what is to be sent; nil: it is not asked
	begun  bool        // a piece of it was tried
	corked bool        // its last byte goes into one packet with those before it
	more   bool        // another Send follows at once
	pipe   bool        // it goes to no socket
	err    error       // why the rest will not be sent; nil while it may
}

func (o *outgoing) left() int64 { return int64(len(o.head)) + int64(len(o.body)) + o.size }

// Buffer lends an empty buffer of BufferSize capacity to be filled for the head
// of the next Send or SendFile, which takes it back. There is one at a time.
func (l *Loop) Buffer() []byte { return l.buffer[:0] }

// Send sends head, then body. More tells that another Send follows at once, so
// that the kernel may wait and fill its packets.
//
// It returns true when the kernel has taken everything; then Sent is not
// called. Otherwise Sent will be, and until then nothing else may be sent and
// nothing is received. Head is taken back in any case: what is left of it is
// copied. Body must stay unchanged until Sent. After an error, here or in Sent,
// nothing is sent or received any more, and Unsent tells how much was not taken.
func (s *Stream) Send(head, body []byte, more bool) (done bool, err error) {
	return s.begin(outgoing{head: head, body: body, file: -1, more: more})
}

// SendFile is Send with size bytes of a regular file from off on in place of
// the body. The file must stay open until Sent. It may wait for the disk.
func (s *Stream) SendFile(head []byte, file int, off, size int64, more bool) (done bool, err error) {
	return s.begin(outgoing{head: head, file: file, off: off, size: size, more: more})
}

// ErrFileChanged says that a SendFileWhile was given up because its file has
// changed.
var ErrFileChanged = errors.New("the file has changed")

// SendFileWhile is SendFile for content that must be what it was when holds was
// made. The caller has just asked it. It is asked again before each further
// piece, and before the last byte once all of the range has been read: whoever
// receives that byte has no mixture. When it returns false the Send fails with
// ErrFileChanged. It is called on the loop's goroutine and must not block.
//
// The kernel sends from the pages of the file. A program that writes over them,
// rather than truncate the file first, changes what is still on its way.
func (s *Stream) SendFileWhile(head []byte, file int, off, size int64, more bool, holds func() bool) (done bool, err error) {
	return s.begin(outgoing{head: head, file: file, off: off, size: size, more: more, holds: holds})
}

func (s *Stream) begin(o outgoing) (done bool, err error) {
	if s.token == 0 {
		return false, os.ErrClosed
	}
	if s.out != nil {
		if s.out.err != nil {
			return false, s.out.err
		}
		panic("loop: Send: the last one is not finished")
	}
	l := s.loop
	o.pipe = s.pipe
	l.unsent = o
	more, err := l.unsent.pass(int(s.fd))
	if err == nil && !more {
		l.unsent = outgoing{}
		return true, nil
	}
	rest := l.unsent
	l.unsent = outgoing{}
	rest.head = append([]byte(nil), rest.head...)
	s.out = &rest
	if err != nil {
		s.giveUp(err)
		return false, err
	}
	l.sending = true
	s.watch(ready.Writable)
	return false, nil
}

// giveUp notes why what is left of out will not be sent.
func (s *Stream) giveUp(err error) {
	s.out.err = err
	s.unwatch()
}

// push goes on with what begin left.
func (s *Stream) push() {
	more, err := s.out.pass(int(s.fd))
	if err == nil && more {
		s.loop.sending = true
		return
	}
	token := s.token
	if err == nil {
		s.out = nil
	} else {
		s.giveUp(err)
	}
	s.handler.Sent(err)
	if s.token == token && s.receiving && s.out == nil {
		s.watch(ready.Readable)
	}
}

// pass passes on what the kernel takes, one turn's share at most, and tells
// whether more is left.
func (o *outgoing) pass(fd int) (more bool, err error) {
	for share := int64(sendTurn); share > 0; {
		if len(o.head)+len(o.body) > 0 {
			body := o.body[:min(int64(len(o.body)), share)]
			n, errno := o.write(fd, body)
			if errno == syscall.EAGAIN {
				return true, nil
			}
			if errno != 0 {
				return false, os.NewSyscallError(o.call(), errno)
			}
			all := len(o.head) + len(body)
			share -= int64(n)
			ofHead := min(n, len(o.head))
			o.head, o.body = o.head[ofHead:], o.body[n-ofHead:]
			if n < all && !o.pipe {
				return true, nil
			}
			continue
		}
		if o.size == 0 {
			break
		}
		ask := min(o.size, share)
		if o.holds != nil {
			if o.size == 1 {
				if err := o.readLast(); err != nil {
					return false, err
				}
				continue
			}
			if o.begun && !o.holds() {
				return false, ErrFileChanged
			}
			o.begun = true
			if ask = min(o.size-1, share); ask == o.size-1 && !o.more && !o.corked {
				o.corked = true
				sys.Cork(fd, true)
			}
		}
		n, errno := sys.Sendfile(fd, o.file, o.off, int(ask))
		switch {
		case errno == syscall.EAGAIN:
			return true, nil
		case errno != 0:
			return false, os.NewSyscallError("sendfile", errno)
		case n == 0:
			return false, io.ErrUnexpectedEOF
		}
		o.off, o.size, share = o.off+int64(n), o.size-int64(n), share-int64(n)
	}
	if o.left() > 0 {
		return true, nil
	}
	if o.corked {
		sys.Cork(fd, false)
	}
	return false, nil
}

// readLast makes the last byte of the range the body, if the file still holds
// after it was read.
func (o *outgoing) readLast() error {
	last := [1]byte{}
	n, err := syscall.Pread(o.file, last[:], o.off)
	switch {
	case err == syscall.EINTR:
		return nil // to be tried again
	case err != nil:
		return os.NewSyscallError("pread", err)
	case n == 0:
		return io.ErrUnexpectedEOF
	case !o.holds():
		return ErrFileChanged
	}
	o.body, o.size = bytesOf[last[0]:][:1], 0
	return nil
}

// bytesOf holds each byte at its own index, for a body of one that needs no
// memory.
var bytesOf = func() (all [256]byte) {
	for i := range all {
		all[i] = byte(i)
	}
	return all
}()

// write passes on head and the front of the body.
func (o *outgoing) write(fd int, body []byte) (int, syscall.Errno) {
	if !o.pipe {
		return sys.Send(fd, o.head, body, o.more || o.size > 0 || len(body) < len(o.body))
	}
	if len(o.head) > 0 {
		return sys.Write(fd, o.head)
	}
	return sys.Write(fd, body)
}

func (o *outgoing) call() string {
	if o.pipe {
		return "write"
	}
	return "send"
}
