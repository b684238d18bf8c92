package site

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// noise is n octets that are different wherever one looks.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return string(b)
}

func TestFiles(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		dir := t.TempDir()
		s := open(dir)
		s.maxInline, s.maxRead = 4096, 4096
		for _, size := range []int{0, 1, 3071, 3072, 3073, 4095, 4096, 4097, 65536, 1 << 20} {
			name := fmt.Sprint(size, ".bin")
			want := noise(size)
			plant(t, dir, map[string]string{name: want})
			p := get(t, s, "/"+name)
			if got := content(t, p); p.Status != 200 || got != want {
				t.Errorf("%s: %d with %d octets, want the file", name, p.Status, len(got))
			}
			if inline := isInline(p); inline != (size <= 4096) {
				t.Errorf("%s: inline %v", name, inline)
			}
			if p.Type != "application/octet-stream" || !p.Modified.Equal(old) || !p.AnyQuery {
				t.Errorf("%s: %q %v", name, p.Type, p.Modified)
			}
			if !regexp.MustCompile(`^"[0-9a-f]{16}"$`).MatchString(p.ETag) {
				t.Errorf("%s: ETag %s", name, p.ETag)
			}
			if got := field(t, p, "X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("%s: X-Content-Type-Options %q", name, got)
			}
		}
		s.maxInline, s.maxRead = -1, -1
		if p := get(t, s, "/1.bin"); isInline(p) {
			t.Error("a file is inline though none is to be")
		}
	})
}

// isInline reports whether the content of p is in memory. A file that it may be
// read from again is then open beside it.
func isInline(p *web.Reply) bool {
	return len(p.Body) == int(p.Size) && (p.File == nil) == (p.Reread == nil)
}

// Files of up to 128 KiB are read whole, and those of up to 64 KiB sent from memory.
// A file that changes all the time is sent as it was read.
func TestDefaultMaxInline(t *testing.T) {
	const text = "<p>caf\u00e9</p>"
	dir := t.TempDir()
	page := func(size int) string { return strings.Repeat("a", size-len(text)) + text }
	for _, test := range []struct {
		size          int
		inline, whole bool
	}{
		{64 << 10, true, true}, {64<<10 + 1, false, true}, {128 << 10, false, true}, {128<<10 + 1, false, false},
	} {
		name := fmt.Sprint(test.size, ".html")
		plant(t, dir, map[string]string{name: page(test.size)})
		s, err := New(dir, nil)
		must(t, err)
		defer s.Close()
		p := get(t, s, "/"+name)
		if got := isInline(p); got != test.inline && isLocal(t, dir) {
			t.Errorf("%s: inline: %v, want %v", name, got, test.inline)
		}
		if got := strings.Contains(p.Type, "charset=utf-8"); got != test.whole {
			t.Errorf("%s: %s, want a charset: %v", name, p.Type, test.whole)
		}
		if got := content(t, p); got != page(test.size) {
			t.Errorf("%s: %d octets of other content", name, len(got))
		}
		if !test.inline && p.Holds == nil {
			t.Errorf("%s is sent from its file, and nothing says whether it changes", name)
		}
	}
}

// A file that was changed within the clock's step is left to rest for one, so
// that its next change shows.
func TestRest(t *testing.T) {
	dir := t.TempDir()
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	plant(t, dir, map[string]string{"a.txt": "1"})
	start := changed(t, dir+"/a.txt")
	p := get(t, s, "/a.txt")
	if waited := time.Since(start); p.ETag == "" || waited < tick {
		t.Errorf("answered %v after the change with the tag %q", waited, p.ETag)
	}
}

func TestLastModified(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a.txt": ""})
	now := time.Unix(1800000000, 5e8)
	for _, test := range []struct {
		name           string
		modified, want time.Time
	}{
		{"past", old, old},
		{"parts of a second", old.Add(time.Second - 1), old},
		{"the epoch", time.Unix(0, 0), time.Unix(0, 0)},
		{"before the epoch", time.Unix(-1, 0), time.Time{}},
		{"now", now, time.Unix(1800000000, 0)},
		{"the future", now.Add(time.Hour), time.Unix(1800000000, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := New(dir, nil)
			must(t, err)
			defer s.Close()
			s.now = func() time.Time { return now }
			must(t, os.Chtimes(dir+"/a.txt", test.modified, test.modified))
			if got := get(t, s, "/a.txt").Modified; !got.Equal(test.want) {
				t.Errorf("Modified %v, want %v", got, test.want)
			}
		})
	}
}

// A date is good enough to put parts together by where the file was not given it,
// lies long enough back, and did not change at the end of a second.
func TestStrongDate(t *testing.T) {
	at := func(sec, nsec int64) sys.Time { return sys.Time{Sec: sec, Nsec: nsec} }
	for _, test := range []struct {
		name         string
		mtime, ctime sys.Time
		want         bool
	}{
		{"written", at(100, 5e8), at(100, 5e8), true},
		{"written and renamed", at(100, 5e8), at(100, 7e8), true},
		{"renamed a second later", at(100, 9e8), at(101, 1e8), false},
		{"given an older date", at(50, 5e8), at(100, 5e8), false},
		{"given a later date", at(150, 5e8), at(100, 5e8), false},
		{"at the end of a second", at(100, 99e7), at(100, 99e7), false},
		{"of a clock of seconds", at(100, 0), at(100, 0), false},
	} {
		if got := changedOnce(&sys.Stat{Mtime: test.mtime, Ctime: test.ctime}); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}

	dir := t.TempDir()
	if !isLocal(t, dir) {
		t.Skip("the temporary directory is on a file system whose clock is another one's")
	}
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	// A file written at the end of a second has no strong date: write another.
	written := time.Now()
	for begin := time.Now(); time.Since(begin) < 10*time.Second; {
		must(t, os.WriteFile(dir+"/a.txt", []byte("1"), 0o644))
		if written = changed(t, dir+"/a.txt"); written.Nanosecond()+int(tick) < 1e9 {
			break
		}
	}
	for age, want := range map[time.Duration]bool{tick: false, coarsest - 1: false, coarsest: true, time.Hour: true} {
		s.now = func() time.Time { return written.Add(age) }
		if p := get(t, s, "/a.txt"); p.ModifiedStrong != want || !p.Changed.IsZero() {
			t.Errorf("a file of %v ago: %v, changed %v", age, p.ModifiedStrong, p.Changed)
		}
	}
	must(t, os.Chtimes(dir+"/a.txt", old, old)) // as rsync -t does
	if p := get(t, aged(s), "/a.txt"); p.ModifiedStrong || !p.Modified.Equal(old) {
		t.Errorf("a file that was given its date: Last-Modified %v is strong: %v", p.Modified, p.ModifiedStrong)
	}
}

// A file that took the place of another while it was served is newer than its date;
// of one that was there before, the date is all that is known.
func TestCameAfter(t *testing.T) {
	dir := t.TempDir()
	if !isLocal(t, dir) {
		t.Skip("the temporary directory is on a file system whose clock is another one's")
	}
	plant(t, dir, map[string]string{"a.txt": "1", "new.txt": "2"})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	asked := &web.Request{Method: []byte("GET"), Seen: web.IfModifiedSince, Fields: []web.Field{
		{Known: web.IfModifiedSince, Value: web.AppendDate(nil, old)},
	}}
	if p := get(t, s, "/a.txt"); !p.Changed.IsZero() || web.Select(asked, p).Status != 304 {
		t.Errorf("there before: changed %v, then %d, want 304", p.Changed, web.Select(asked, p).Status)
	}
	for changed(t, dir+"/a.txt").Before(s.opened) { // the clock that stamps files lags behind
		must(t, os.Rename(dir+"/new.txt", dir+"/a.txt"))
		must(t, os.WriteFile(dir+"/new.txt", []byte("3"), 0o644))
		must(t, os.Chtimes(dir+"/new.txt", old, old))
	}
	if p := get(t, s, "/a.txt"); !p.Changed.Equal(changed(t, dir+"/a.txt")) || web.Select(asked, p).Status != 200 {
		t.Errorf("replaced by one of the same date: changed %v, then %d, want 200", p.Changed, web.Select(asked, p).Status)
	}
	must(t, os.WriteFile(dir+"/a.txt", []byte("4"), 0o644))
	if p := get(t, s, "/a.txt"); !p.Changed.IsZero() {
		t.Errorf("written: changed %v, want nothing but its date", p.Changed)
	}
}

// A file that is changed whenever it is read is answered with what was read, but
// with nothing that would vouch for it.
func TestUnsteadyFile(t *testing.T) {
	for name, maxInline := range map[string]int64{"inline": 1 << 20, "file": -1} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, map[string]string{"grow.log": "line\n"})
			s, err := New(dir, &Options{MaxInline: maxInline})
			must(t, err)
			defer s.Close()
			f, err := os.OpenFile(dir+"/grow.log", os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			defer f.Close()
			s.now = func() time.Time {
				_, err := f.WriteString("line\n")
				must(t, err)
				return time.Now().Add(time.Hour)
			}
			p := get(t, s, "/grow.log")
			got := content(t, p)
			if p.Status != 200 || got == "" || strings.Trim(got, "line\n") != "" || int64(len(got)) != p.Size {
				t.Errorf("%d %q of %d octets", p.Status, got, p.Size)
			}
			if p.ETag != "" || !p.Modified.IsZero() || p.Unchanged() == web.Same {
				t.Errorf("it is vouched for: %s, %v, %v", p.ETag, p.Modified, p.Unchanged())
			}
			part := web.Request{
				Method: []byte("GET"), Seen: web.Range,
				Fields: []web.Field{{Known: web.Range, Value: []byte("bytes=1-3")}},
			}
			if got := web.Select(&part, p); got.Status != 206 || got.Spans()[0] != (web.Span{Offset: 1, Length: 3}) {
				t.Errorf("a part of it: %d %v", got.Status, got.Spans())
			}
		})
	}
}

// A file that shrinks while it is read is answered as it is in the end.
func TestShrinkingFile(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a.txt": "a long line\n"})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	shrink := time.Now
	s.now = func() time.Time { return shrink() }
	calls := 0
	shrink = func() time.Time {
		if calls++; calls == 2 { // after the first look at its size, before it is read
			must(t, os.Truncate(dir+"/a.txt", 6))
		}
		return time.Now().Add(time.Hour)
	}
	p := get(t, s, "/a.txt")
	if got := content(t, p); got != "a long" || p.ETag == "" {
		t.Errorf("%q with the tag %q, want what is left", got, p.ETag)
	}
	if calls < 3 {
		t.Errorf("the file was read %d times: it did not shrink", calls)
	}
}

func BenchmarkAnswer(b *testing.B) {
	dir := b.TempDir()
	plant(b, dir, map[string]string{"1k.html": strings.Repeat("a", 1024), "1m.bin": noise(1 << 20)})
	s, err := New(dir, nil)
	must(b, err)
	defer s.Close()
	for _, target := range []string{"/1k.html", "/1m.bin", "/nope"} {
		b.Run(target[1:], func(b *testing.B) {
			r := request("GET", target)
			b.ReportAllocs()
			for b.Loop() {
				s.Answer(r).Release()
			}
		})
	}
	b.Run("unchanged", func(b *testing.B) {
		p := get(b, aged(s), "/1k.html")
		b.ReportAllocs()
		for b.Loop() {
			p.Unchanged()
		}
	})
}
