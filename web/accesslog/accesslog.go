// Package accesslog writes one line for each answered request to a file, in
// the format of sws(1) or another, without ever holding up a server.
//
// Open or New makes a Log. A server formats a line with Append, a pure
// function for which any goroutine may call it, gathers some, and hands them
// over with Deliver, which copies them into a bounded queue and returns. One
// goroutine of the Log writes the queue to the file. Reopen follows a file
// that was moved away; Close writes what waits and ends the goroutine.
//
// A disk may fill up and the reader of a pipe may stall or go away. Lines then
// wait in the queue, and are written when that becomes possible. Beyond the
// queue's bound they are lost, but not silently: they are counted, Errorf
// hears of it, and a line that begins with "#", or an object of its own in JSON,
// says in the log itself how many are missing at that place.
package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"xanadu/web"
)

const (
	// defaultQueue holds the lines of some 40,000 requests: a second of a
	// fast server while the disk does something else.
	defaultQueue = 4 << 20

	// blockBytes is the size of the pieces that the queue grows by and, since
	// a piece is written by one call, of a usual write(2).
	blockBytes = 64 << 10

	// freeBlocks are kept for reuse when the queue has been written.
	freeBlocks = 4

	// closeGrace is how long Close waits for a file that takes no bytes, as a
	// pipe whose reader stands still.
	closeGrace = 2 * time.Second
)

// Options tunes a Log. The zero value is a good default.
type Options struct {
	// Format is how a line is written. The zero value is the format of sws(1).
	Format Format

	// QueueBytes bounds the lines that wait to be written; 0 means 4 MiB.
	QueueBytes int

	// Errorf hears, from the Log's own goroutine, that writing fails, that it
	// works again, and how many lines were lost. Nil drops these complaints;
	// Close reports the lost lines in any case.
	Errorf func(format string, args ...any)
}

// A Log is an access log that is being written. All methods are safe for
// concurrent use.
type Log struct {
	path   string // for Reopen; "" when the writer was given
	name   string // for messages
	format Format
	errorf func(format string, args ...any)
	bound  int // octets in the queue

	wake    chan struct{} // one slot; filled when the writer has something to look at
	closing chan struct{} // closed when Close begins
	done    chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	queue   [][]byte // what waits, whole lines in each block
	free    [][]byte // empty blocks
	queued  int      // octets in queue and in the writer's hands
	waiting int      // lines of these octets
	lost    int      // lines lost since the last one that was queued
	marked  int      // lines lost that a mark in the queue tells of
	next    *os.File // what Reopen opened, until the writer takes it up
	refused bool     // Close has begun: nothing is queued any more
}

// Open opens the file at path for appending, makes it (mode 0640) when there
// is none, and starts a Log that writes to it. Path is opened again by
// Reopen, so a program that changes its working directory passes an absolute
// one. A FIFO needs a reader first (ENXIO). Errors wrap the errno.
func Open(path string, opt *Options) (*Log, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return start(f, path, path, opt), nil
}

// New starts a Log that writes to w, as the standard output, and calls it name
// in messages. Close leaves w open, and Reopen does nothing.
func New(w io.Writer, name string, opt *Options) *Log {
	return start(w, name, "", opt)
}

// open uses O_NONBLOCK so that a FIFO without a reader is an error and one
// with a slow reader holds up no thread, and O_NOCTTY so that a daemon that
// logs to a terminal does not come under its control.
//
// A regular file is written without Go's poller, which os.OpenFile would show it
// to: a file system in user space is asked then whether it can be waited for
// (FUSE_POLL), and while it does not answer epoll_ctl(2) stops the poller.
func open(path string) (*os.File, error) {
	const flags = syscall.O_WRONLY | syscall.O_APPEND | syscall.O_CREAT | syscall.O_CLOEXEC | syscall.O_NONBLOCK | syscall.O_NOCTTY
	fd, err := syscall.Open(path, flags, 0o640)
	for err == syscall.EINTR {
		fd, err = syscall.Open(path, flags, 0o640)
	}
	if err != nil {
		return nil, fmt.Errorf("log %s: open: %w", path, err)
	}
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG {
		syscall.SetNonblock(fd, false)
	}
	return os.NewFile(uintptr(fd), path), nil
}

func start(w io.Writer, name, path string, opt *Options) *Log {
	if opt == nil {
		opt = new(Options)
	}
	l := &Log{
		path:    path,
		name:    name,
		format:  opt.Format,
		errorf:  opt.Errorf,
		bound:   opt.QueueBytes,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	if l.format.Line == nil {
		l.format = formats[0]
	}
	if l.errorf == nil {
		l.errorf = func(string, ...any) {}
	}
	if l.bound == 0 {
		l.bound = defaultQueue
	}
	go l.write(w)
	return l
}

// Append appends the line of rec, with its line end, to dst. It is pure and
// does not allocate when dst has room.
func (l *Log) Append(dst []byte, rec *web.Record) []byte { return l.format.Line(dst, rec) }

// Deliver queues whole lines, which it copies. It waits for no file: when the
// queue is full the lines are lost and counted. After Close they are too.
func (l *Log) Deliver(lines []byte) {
	if len(lines) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused || l.queued+len(lines) > l.bound {
		l.lost += bytes.Count(lines, newline)
		return
	}
	if l.lost > 0 {
		l.mark()
	}
	l.enqueue(lines)
}

// mark queues the line that tells of lost ones. The caller holds mu. The mark
// may exceed the bound a little: without it the gap would go unseen.
func (l *Log) mark() {
	l.enqueue(l.format.Lost(nil, time.Now(), l.lost))
	l.marked += l.lost
	l.lost = 0
}

// enqueue copies lines to the end of the queue. The caller holds mu.
//
// A delivery is never split over two blocks, so that each write(2) ends at a
// line end, and lines of two processes that append to one file do not mix.
func (l *Log) enqueue(lines []byte) {
	last := len(l.queue) - 1
	if last < 0 {
		l.nudge()
	}
	if last < 0 || cap(l.queue[last])-len(l.queue[last]) < len(lines) {
		l.queue = append(l.queue, l.block(len(lines)))
		last++
	}
	l.queue[last] = append(l.queue[last], lines...)
	l.queued += len(lines)
	l.waiting += bytes.Count(lines, newline)
}

// block returns an empty block with room for n octets. The caller holds mu.
func (l *Log) block(n int) []byte {
	if i := len(l.free) - 1; i >= 0 && n <= blockBytes {
		b := l.free[i]
		l.free = l.free[:i]
		return b
	}
	return make([]byte, 0, max(n, blockBytes))
}

// nudge makes the writer look at the queue and at next. It does not wait.
func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Reopen opens the file's path anew, for a file that was moved away (the
// SIGHUP of newsyslog(8)); what is delivered from now on goes there. When that
// fails the Log goes on with the old file. A Log of New, which has no path,
// does nothing. Reopen blocks for as long as the file system does; no other
// method waits for it.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := open(l.path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	refused, unused := l.refused, f
	if !refused {
		l.next, unused = f, l.next
		l.nudge()
	}
	l.mu.Unlock()
	if unused != nil {
		unused.Close() // without mu: close(2) may block as well
	}
	if refused {
		return fmt.Errorf("log %s: reopen: %w", l.name, os.ErrClosed)
	}
	return nil
}

// Close writes what is queued, ends the writer and closes the file that Open
// opened. The error says how many lines could not be written.
//
// A file that takes no bytes, as a pipe whose reader stands still, is given
// two seconds; then Close leaves the writer behind, which ends with the
// process.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.refused {
		l.mu.Unlock()
		return fmt.Errorf("log %s: close: %w", l.name, os.ErrClosed)
	}
	l.refused = true
	l.mu.Unlock()
	close(l.closing)

	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-l.done:
	case <-grace.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if lost := l.lost + l.waiting; lost > 0 {
		return fmt.Errorf("log %s: close: %d lines lost", l.name, lost)
	}
	return nil
}

// bare is the errno of err without the words around it, which messages of
// this package carry already.
func bare(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

var newline = []byte{'\n'}
