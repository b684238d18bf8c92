package main

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		c := complainTo(w)
		// The first is on its way when the others come; of these two are too many.
		c.errorf("first %d\nand more", 1)
		synctest.Wait()
		for range maxComplaints + 2 {
			c.errorf("again")
		}
		heard := make(chan string)
		go func() {
			all, _ := io.ReadAll(r)
			heard <- string(all)
		}()
		c.end()
		w.Close()
		want := "sws: first 1; and more\n" +
			"sws: 2 more messages came too fast to be shown\n" +
			strings.Repeat("sws: again\n", maxComplaints)
		if got := <-heard; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// What is said just before the end is heard, wherever the goroutine is by then.
func TestLastComplaint(t *testing.T) {
	for i := range 20_000 {
		var heard strings.Builder
		c := complainTo(&heard)
		for range i % 40 {
			runtime.Gosched()
		}
		c.errorf("last words")
		c.end()
		if got, want := heard.String(), "sws: last words\n"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// A reader that stands still delays the end by no more than lastWords.
func TestComplaintsToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer r.Close()
		c := complainTo(w)
		c.errorf("nobody reads this")
		start := time.Now()
		c.end()
		if took := time.Since(start); took != lastWords {
			t.Errorf("the end took %v, want %v", took, lastWords)
		}
	})
}

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"all is well", "all is well"},
		{"dir \x1b[2J\r\x7f: é", `dir \x1b[2J\x0d\x7f: é`},
		{"one\ntwo", "one; two"},
	} {
		if got := oneLine(c.text); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
