package accesslog

import (
	"bytes"
	"io"
	"os"
	"time"
)

const (
	// linger is how long the writer lets lines gather after the first: a busy
	// server then pays for a hundred wake-ups and writes a second, not for
	// one of each per turn of each loop. Who reads along does not notice.
	linger = 10 * time.Millisecond

	// retry is the pause after a write that failed.
	retry = time.Second
)

// A writer is the goroutine of a Log and what it alone owns.
type writer struct {
	*Log
	out     io.Writer
	file    *os.File // out, when the Log has to close it
	trouble string   // why the last write failed; "" when it did not
	last    bool     // the Log is being closed, and the last try is made
}

// write moves the queue to out until the Log is closed.
func (l *Log) write(out io.Writer) {
	defer close(l.done)
	w := &writer{Log: l, out: out}
	if l.path != "" {
		w.file = out.(*os.File)
		defer func() { w.file.Close() }()
	}
	for closing := false; !closing; {
		select {
		case <-w.wake:
			w.pause(linger)
		case <-w.closing:
			closing = true
		}
		w.turn()
	}
}

// pause waits for d, or until the Log is being closed.
func (w *writer) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.closing:
	}
}

// turn takes up a file that was opened anew, and writes all that waits. What
// it cannot write before the end of the Log stays counted in waiting.
func (w *writer) turn() {
	for {
		w.swap()
		blocks := w.take()
		if len(blocks) == 0 {
			return
		}
		for _, block := range blocks {
			if !w.put(block) {
				return
			}
			w.recycle(block)
		}
	}
}

// swap takes up the file that Reopen opened, if it did.
func (w *writer) swap() (swapped bool) {
	w.mu.Lock()
	next := w.next
	w.next = nil
	w.mu.Unlock()
	if next == nil {
		return false
	}
	w.file.Close()
	w.file, w.out = next, next
	return true
}

// take empties the queue. It returns nothing when there is nothing to write.
func (w *writer) take() [][]byte {
	w.mu.Lock()
	if w.queued == 0 && w.lost > 0 {
		w.mark()
	}
	blocks, lost := w.queue, w.marked
	w.queue, w.marked = nil, 0
	w.mu.Unlock()
	if lost > 0 {
		w.errorf("log %s: %d lines lost: they came faster than they could be written", w.name, lost)
	}
	return blocks
}

// put writes a block of whole lines. When the file takes no more it tries
// again, from where it came to, until it works. It returns false when the Log
// is being closed and it still does not.
func (w *writer) put(block []byte) bool {
	rest := block
	torn := 0 // octets of the first line in rest that stand in the file already
	for {
		n, err := w.out.Write(rest[torn:])
		n += torn
		if n == len(rest) {
			w.works()
			return true
		}
		whole := bytes.LastIndexByte(rest[:n], '\n') + 1
		rest, torn = rest[whole:], n-whole
		w.fails(err)
		if !w.untilRetry() {
			w.written(block[:len(block)-len(rest)])
			return false
		}
		if w.swap() {
			torn = 0
		}
	}
}

// fails reports an error of write(2), unless it is the one that it was before.
func (w *writer) fails(err error) {
	if err == nil {
		err = io.ErrShortWrite
	}
	if what := bare(err).Error(); what != w.trouble {
		w.trouble = what
		w.errorf("log %s: write: %s; up to %d KiB of lines wait in memory", w.name, what, w.bound>>10)
	}
}

func (w *writer) works() {
	if w.trouble != "" {
		w.trouble = ""
		w.errorf("log %s: it can be written again", w.name)
	}
}

// untilRetry waits until another try makes sense: after a pause, or at once when
// there is a new file. When the Log is being closed that is once more, and then
// untilRetry returns false.
func (w *writer) untilRetry() bool {
	timer := time.NewTimer(retry)
	defer timer.Stop()
	for {
		select {
		case <-w.closing:
			again := !w.last
			w.last = true
			return again
		case <-timer.C:
			return true
		case <-w.wake: // for lines, which have to wait, or for a file
			w.mu.Lock()
			reopened := w.next != nil
			w.mu.Unlock()
			if reopened {
				return true
			}
		}
	}
}

// recycle gives back a block that has been written.
func (w *writer) recycle(block []byte) {
	w.written(block)
	w.mu.Lock()
	defer w.mu.Unlock()
	if cap(block) == blockBytes && len(w.free) < freeBlocks {
		w.free = append(w.free, block[:0])
	}
}

// written makes room in the queue's bound for as much as these lines took.
func (w *writer) written(lines []byte) {
	n := bytes.Count(lines, newline)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queued -= len(lines)
	w.waiting -= n
}
