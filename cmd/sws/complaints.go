package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	// maxComplaints is how many messages may wait for a reader.
	maxComplaints = 64

	// lastWords is how long the end waits for messages to be read.
	lastWords = time.Second
)

// complaints writes messages, one line each, from a goroutine of its own, so
// that no loop waits for a terminal, a pipe or the system's log. What comes
// faster than it can be written is dropped and counted.
type complaints struct {
	lines   chan string
	dropped atomic.Int64
	ended   sync.Once
	quit    chan struct{}
	done    chan struct{}
}

// complainTo starts complaints that go to w. The caller calls end.
func complainTo(w io.Writer) *complaints {
	c := &complaints{
		lines: make(chan string, maxComplaints),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go c.write(w)
	return c
}

// errorf queues a message. It never blocks; after end it is dropped.
func (c *complaints) errorf(format string, args ...any) {
	select {
	case c.lines <- fmt.Sprintf(format, args...):
	default:
		c.dropped.Add(1)
	}
}

// end writes what waits, unless the reader stands still, and ends the
// goroutine. It may be called again, and from any goroutine.
func (c *complaints) end() {
	c.ended.Do(func() { close(c.quit) })
	patience := time.NewTimer(lastWords)
	defer patience.Stop()
	select {
	case <-c.done:
	case <-patience.C:
	}
}

func (c *complaints) write(w io.Writer) {
	defer close(c.done)
	for {
		select {
		case line := <-c.lines:
			c.print(w, line)
		case <-c.quit:
			for len(c.lines) > 0 { // of two that are ready, select takes any
				c.print(w, <-c.lines)
			}
			return
		}
	}
}

func (c *complaints) print(w io.Writer, line string) {
	fmt.Fprintf(w, "sws: %s\n", oneLine(line))
	if n := c.dropped.Swap(0); n > 0 {
		fmt.Fprintf(w, "sws: %d more messages came too fast to be shown\n", n)
	}
}

// oneLine makes a message of one line of text, which may hold the name of a
// stranger's file: line ends become semicolons, and other control characters
// are escaped.
func oneLine(text string) string {
	text = strings.ReplaceAll(text, "\n", "; ")
	if strings.IndexFunc(text, unicode.IsControl) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
