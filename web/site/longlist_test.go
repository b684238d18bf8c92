package site

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// crowd makes a directory of n names, links that take no room, and returns it.
func crowd(t testing.TB, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	d, err := os.Open(dir)
	must(t, err)
	defer d.Close()
	for i := range n {
		must(t, os.Symlink(".", fmt.Sprintf("%s/name %d", dir, i)))
	}
	return dir
}

// readAll reads a stream in pieces of so many octets, as a server does.
func readAll(p *web.Reply, piece int) (string, error) {
	var all strings.Builder
	for b := make([]byte, piece); ; {
		n, err := p.Stream.Read(b)
		all.Write(b[:n])
		if err == io.EOF {
			return all.String(), nil
		}
		if err != nil {
			return all.String(), err
		}
	}
}

// idle fails when a site holds names of directories though no list is under way.
func idle(t testing.TB, s *Site) {
	t.Helper()
	if r := &s.rosters; r.count != 0 || r.taken != 0 || len(r.byDir) != 0 {
		t.Errorf("after all lists have ended %d directories with %d octets are held, %d to be shared", r.count, r.taken, len(r.byDir))
	}
}

// A list is the same whether it is made at once or while it is sent, in whatever
// pieces.
func TestLongList(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		dir := various(t)
		for i := range maxLooks + 100 {
			must(t, os.Link(dir+"/file2.txt", fmt.Sprintf("%s/%x", dir, i*7919%3001)))
		}
		for _, dirsFirst := range []bool{false, true} {
			for i, f := range append(formats[:], formats[:]...) {
				s := open(dir)
				s.dirsFirst = dirsFirst
				s.maxWhole = 1 << 20
				query := "/?format=" + f.Name + []string{"", "", "", "&sort=size&order=desc", "&sort=date&filter=1", "&order=desc&filter=*2*"}[i]
				whole := get(t, s, query)
				want := content(t, whole)
				s.maxWhole = 10
				for _, piece := range []int{16 << 10, 100} {
					p := s.Answer(request("GET", query))
					if p.Status != 200 || p.Size != -1 || p.Body != nil || p.Unchanged != nil || p.ETag != "" || p.Type != whole.Type || !slices.Equal(p.Fields, whole.Fields) {
						t.Errorf("%+v", p)
					}
					got, err := readAll(p, piece)
					if err != nil || got != want {
						t.Errorf("%s, directories first %v, in pieces of %d: %d octets (%v), want the %d that a short list has", query, dirsFirst, piece, len(got), err, len(want))
					}
					if n, err := p.Stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
						t.Errorf("after the end: %d, %v", n, err)
					}
					p.Release()
					idle(t, s)
				}
			}
		}
	})
}

// What a list begins with does not wait for what is in the directory.
func TestLongListBeginsAtOnce(t *testing.T) {
	s, err := New(crowd(t, 20), nil)
	must(t, err)
	defer s.Close()
	s.maxWhole = 10
	p := get(t, s, "/")
	b := make([]byte, 64<<10)
	n, err := p.Stream.Read(b)
	if l := p.Stream.(*longList); err != nil || !strings.HasSuffix(string(b[:n]), "<tbody role=\"rowgroup\">\n") || len(l.roster.runs) != 0 {
		t.Errorf("first come %d octets (%v), with %d runs of names read", n, err, len(l.roster.runs))
	}
}

// More names than a list takes are not read, and it says so in every format. Dot
// names are names too: reading them is work.
func TestLongListBound(t *testing.T) {
	for _, visible := range []int{12, 0} {
		dir := crowd(t, visible)
		for i := range 12 - visible {
			plant(t, dir, map[string]string{fmt.Sprintf(".%d", i): ""})
		}
		for _, test := range []struct {
			limit    int
			complete bool
		}{{11, false}, {12, true}, {13, true}} {
			s, err := New(dir, nil)
			must(t, err)
			s.maxWhole, s.maxListed = 5, test.limit
			for _, f := range formats {
				p := get(t, s, "/?format="+f.Name)
				list, err := readAll(p, 16<<10)
				must(t, err)
				var shown int
				complete := true
				switch f.Name {
				case "html":
					shown = len(listed(t, list))
					complete = !strings.Contains(list, "<p>The directory holds more names than are listed here.</p>")
					checkPage(t, list)
				case "json":
					d := decodeList(t, list)
					shown, complete = len(d.Entries), *d.Complete
				case "text":
					list, short := strings.CutSuffix(list, incompleteLine)
					shown, complete = strings.Count(list, "\n"), !short
				}
				if shown > min(visible, test.limit) || complete && shown < visible || complete != test.complete {
					t.Errorf("%s of %d names where %d may be read: %d (complete: %v, want %v)", f.Name, visible, test.limit, shown, complete, test.complete)
				}
			}
			must(t, s.Close())
		}
	}
}

// The memory for names is bounded, for one directory and for all together. What
// does not fit is missing, and said to be.
func TestRosterRoom(t *testing.T) {
	s, err := New(crowd(t, 20), nil)
	must(t, err)
	defer s.Close()
	s.maxWhole = 10
	s.rosters.taken = maxRosterRoom - 1
	p := s.Answer(request("GET", "/?format=json"))
	list, err := readAll(p, 16<<10)
	must(t, err)
	if d := decodeList(t, list); len(d.Entries) != 0 || *d.Complete {
		t.Errorf("without room: %d entries, complete: %v", len(d.Entries), *d.Complete)
	}
	p.Release()
	s.rosters.taken++
	var complaints []string
	s.errorf = func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if p := get(t, s, "/"); p.Status != 503 || field(t, p, "Retry-After") != "1" || len(complaints) != 1 {
		t.Errorf("without any room: %d, %q", p.Status, complaints)
	}
	s.rosters.taken, s.rosters.count = 0, maxRosters
	if p := get(t, s, "/"); p.Status != 503 {
		t.Errorf("with too many directories: %d", p.Status)
	}
	s.rosters.count = 0

	r := s.rosters.join(openedDir(t, t.TempDir()))
	if !r.take(maxRoster) || r.take(1) {
		t.Error("one directory's names take more than they may")
	}
	r.leave()
	idle(t, s)
}

// openedDir returns what join takes, for a directory that has not rested yet.
func openedDir(t *testing.T, dir string) (*os.File, sys.Stat, order, []string, time.Time) {
	t.Helper()
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	f, st, err := openDir(place{root: s.root})
	must(t, err)
	return f, st, order{}, nil, time.Now()
}

// Those who take their time with the same directory hold its names once, and
// each gets all of them. When it changes, the next hold it anew.
func TestRosterShared(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		dir := crowd(t, 30)
		s := aged(open(dir))
		s.maxWhole = 10
		var replies []*web.Reply
		for i := range 5 {
			p := s.Answer(request("GET", "/?format=text"))
			b := make([]byte, 10)
			for range i { // each has come so far
				p.Stream.Read(b)
			}
			replies = append(replies, p)
		}
		if s.rosters.count != 1 {
			t.Errorf("5 lists of one directory hold it %d times", s.rosters.count)
		}
		must(t, os.Symlink(".", dir+"/new"))
		changed := s.Answer(request("GET", "/?format=text"))
		if s.rosters.count != 2 {
			t.Errorf("after a change it is held %d times, want twice", s.rosters.count)
		}
		list, err := readAll(changed, 1000)
		if err != nil || strings.Count(list, "\n") != 31 {
			t.Errorf("after a change: %d lines (%v), want 31", strings.Count(list, "\n"), err)
		}
		changed.Release()
		var running sync.WaitGroup
		for _, p := range replies[1:] {
			running.Go(func() {
				list, err := readAll(p, 1000)
				if !strings.HasPrefix(list, "name ") {
					list = "name " + list // of the ten octets read above
				}
				if n := strings.Count(list, "\n"); err != nil || n < 28 {
					t.Errorf("%d lines (%v)", n, err)
				}
				p.Release()
			})
		}
		running.Wait()
		must(t, os.Remove(dir+"/new"))
		replies[0].Release() // which nobody has read
		idle(t, s)

		young := open(dir) // what has just changed may change without a trace
		young.maxWhole = 10
		a, b := young.Answer(request("GET", "/")), young.Answer(request("GET", "/"))
		if young.rosters.count != 2 {
			t.Errorf("a directory that has just changed is held %d times for two lists", young.rosters.count)
		}
		a.Release()
		b.Release()
		idle(t, young)
	})
}

// A directory that cannot be read to its end does not look as if it had been.
func TestLongListFails(t *testing.T) {
	s, err := New(crowd(t, 20), nil)
	must(t, err)
	defer s.Close()
	s.maxWhole = 10
	var complaints []string
	s.errorf = func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	p := s.Answer(request("GET", "/"))
	p.Stream.(*longList).roster.dir.Close()
	if list, err := readAll(p, 16<<10); err == nil || err == io.EOF || strings.Contains(list, "</html>") {
		t.Errorf("%d octets, %v", len(list), err)
	}
	if len(complaints) != 1 || !strings.HasPrefix(complaints[0], `answer "/": list: `) {
		t.Errorf("complaints %q", complaints)
	}
	p.Release()
	idle(t, s)
}

// Names that are gone when their turn comes are left out.
func TestLongListShrinks(t *testing.T) {
	dir := crowd(t, 20)
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	s.maxWhole = 10
	p := get(t, s, "/?format=json")
	b := make([]byte, 100) // room for the head, not for a row
	for l := p.Stream.(*longList); l.stage < telling; {
		if _, err := l.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if i != 7 {
			must(t, os.Remove(fmt.Sprintf("%s/name %d", dir, i)))
		}
	}
	list, err := readAll(p, 16<<10)
	must(t, err)
	if got := names(jsonRows(decodeList(t, `{"path":"/","entries":[`+"\n"+list))); !slices.Equal(got, []string{"name 7"}) {
		t.Errorf("%q, want what is left", got)
	}
}

func jsonRows(d decoded) (list []row) {
	for _, e := range d.Entries {
		list = append(list, row{href: e.Href, name: e.Name})
	}
	return list
}

// Names come out of runs as if they had been sorted together.
func TestMerge(t *testing.T) {
	weight := func(name string) (rank int, value int64) { return int(name[0]-'a') & 1, int64(name[1] % 3) }
	for range 200 {
		var want []string
		o := order{column(rand.IntN(2)), rand.IntN(2) == 1}
		r := &roster{all: new(rosters), key: rosterKey{order: o}}
		for range rand.IntN(9) {
			var names []string
			for range rand.IntN(20) {
				names = append(names, fmt.Sprintf("%c%d", 'a'+rand.IntN(3), rand.IntN(1000)))
			}
			want = append(want, names...)
			r.add(names, func(name string) (rank int, value int64) {
				rank, value = weight(name)
				if o.by == byName {
					value = 0
				}
				return rank, value
			})
		}
		slices.SortFunc(want, func(a, b string) int {
			x, v := weight(a)
			y, w := weight(b)
			switch {
			case x != y:
				return x - y
			case o.descending && o.by == byName:
				return compareNames(b, a)
			case o.by == byName || v == w:
				return compareNames(a, b)
			case o.descending:
				return int(w - v)
			}
			return int(v - w)
		})
		m := r.merged()
		for i, name := range append(want, "", "") {
			if got := m.next(); got != name {
				t.Fatalf("name %d of %d is %q, want %q", i, len(want), got, name)
			}
		}
	}
}

// A hundred thousand names take little memory, however slowly the list is taken,
// and none of the steps in which it is made takes long.
func TestHundredThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: such a directory takes seconds to make")
	}
	const n = 100_000
	dir := t.TempDir()
	makeNames(t, dir, n)
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := get(t, s, "/?format=text")
	var most uint64
	var slowest time.Duration
	lines, reads, last := 0, 0, ""
	for b := make([]byte, 32<<10); ; {
		start := time.Now()
		size, err := p.Stream.Read(b)
		slowest = max(slowest, time.Since(start))
		lines += strings.Count(string(b[:size]), "\n")
		if size > 0 {
			last = string(b[max(0, size-20):size])
		}
		if reads++; reads%16 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
	}
	t.Logf("%d KiB at most, %v for the longest step", most>>10, slowest)
	if lines != n || !strings.HasSuffix(last, fmt.Sprintf("\n%d\n", n-1)) {
		t.Errorf("%d lines that end %q", lines, last)
	}
	if most > 12<<20 {
		t.Errorf("the names take %d octets of memory", most)
	}
}

// makeNames makes n names in dir, as fast as they can be made: of few files.
func makeNames(t *testing.T, dir string, n int) {
	t.Helper()
	const links = 10_000 // of one file, as many as file systems let it have
	for i := range n {
		name := fmt.Sprintf("%s/%d", dir, i)
		if i%links == 0 {
			must(t, os.WriteFile(name, nil, 0o644))
			continue
		}
		must(t, syscall.Link(fmt.Sprintf("%s/%d", dir, i-i%links), name))
	}
}
