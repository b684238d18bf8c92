package site

import (
	"cmp"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"xanadu/internal/sys"
)

var rows = regexp.MustCompile(`<tr><td><a href="([^"]*)"><bdi>([^<]*)</bdi></a></td><td>([^<]*)</td><td>([^<]*)</td></tr>\n`)

// listed returns the rows of a list: href, text, size and date of each.
func listed(t *testing.T, page string) (list [][4]string) {
	t.Helper()
	for _, row := range rows.FindAllStringSubmatch(page, -1) {
		list = append(list, [4]string(row[1:]))
	}
	return list
}

func TestListing(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{
			"canary.txt":       canary,
			"root/file10.txt":  "",
			"root/file2.txt":   strings.Repeat("a", 1536),
			"root/b b.txt":     "FILE-BB\n",
			"root/sub/x":       "",
			"root/a:b":         "",
			"root/.hidden":     "HIDDEN\n",
			"root/.git/config": "",
		})
		must(t, os.Chtimes(base+"/root/sub", old, old))
		must(t, syscall.Mkfifo(base+"/root/fifo", 0o644))
		for name, target := range map[string]string{"to-file": "file2.txt", "to-dir": "sub", "to-out": "../canary.txt", "to-nothing": "nothing", "to-fifo": "fifo"} {
			link(t, target, base+"/root/"+name)
		}
		s := open(base + "/root")
		p := get(t, s, "/")
		page := content(t, p)
		if p.Status != 200 || p.Type != "text/html; charset=utf-8" || p.ETag != "" || !p.Modified.IsZero() {
			t.Errorf("%d %s %s %v", p.Status, p.Type, p.ETag, p.Modified)
		}
		const date = "2023-11-14 22:13"
		want := [][4]string{
			{"./a:b", "a:b", "0 B", date},
			{"b%20b.txt", "b b.txt", "8 B", date},
			{"file2.txt", "file2.txt", "1.5 KiB", date},
			{"file10.txt", "file10.txt", "0 B", date},
			{"sub/", "sub/", "", date},
			{"to-dir/", "to-dir/", "", date},
			{"to-file", "to-file", "1.5 KiB", date},
		}
		if got := listed(t, page); !slices.Equal(got, want) {
			t.Errorf("the list is\n%q, want\n%q", got, want)
		}
		if !strings.Contains(page, "<title>Index of /</title>") || strings.Contains(page, `"../"`) {
			t.Errorf("the root's list:\n%s", page)
		}
		sub := content(t, get(t, s, "/sub/"))
		if !strings.Contains(sub, "<title>Index of /sub/</title>") || !strings.Contains(sub, `<a href="../">../</a>`) {
			t.Errorf("the list of a directory in it:\n%s", sub)
		}
		if strings.Contains(page+sub, "HIDDEN") || strings.Contains(page, ".git") || strings.Contains(page, "canary") {
			t.Errorf("the list shows what is not served:\n%s", page)
		}
		policy := field(t, p, "Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || field(t, p, "X-Content-Type-Options") != "nosniff" {
			t.Errorf("policy %q", policy)
		}
	})
}

// Names of whatever bytes come out as text, and lead back to where they came
// from.
func TestHostileNames(t *testing.T) {
	names := []string{
		`<svg onload=alert(1)>`, `"><script>alert(1)<`, `'onmouseover='alert(1)`, `&lt;b&gt;`, `<x>&"'.txt`,
		`javascript:alert(1)`, `data:text,x`, `C:evil`, `\\evil.example\x`, `?query#fragment`, `%2e%2e`, `100%`,
		"line\nbreak", "tab\tback\b\x1b[31mred", "cr\rlf", "\x7f", "\xff\xfe no utf-8", "cut\xc3",
		"caf\u00e9", "\u202etxt.exe", "\u2028", "a\u0085b", "\U0001f469\u200d\U0001f52c", "emoji\U0001f375", " ", "  lead", "{{.}}", "-->", "]]>", "<!--",
	}
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		dir := t.TempDir()
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(dir, "list", name), 0o755); err != nil {
				t.Logf("this file system has no name %q: %v", name, err)
				continue
			}
			must(t, os.WriteFile(filepath.Join(dir, "list", name, "x"), []byte(name), 0o644))
		}
		s := open(dir)
		page := content(t, get(t, s, "/list/"))
		checkPage(t, page)
		list := listed(t, page)
		entries, err := os.ReadDir(dir + "/list")
		must(t, err)
		if len(list) != len(entries) {
			t.Errorf("%d of %d names are listed:\n%s", len(list), len(entries), page)
		}
		base, err := url.Parse("http://example.net/list/")
		must(t, err)
		for _, row := range list {
			target, err := base.Parse(html.UnescapeString(row[0]))
			if err != nil || target.Host != base.Host || target.Scheme != "http" || target.RawQuery != "" || target.Fragment != "" {
				t.Errorf("%q leads to %v (%v)", row[0], target, err)
				continue
			}
			inner := get(t, s, target.EscapedPath()+"x")
			if got := content(t, inner); inner.Status != 200 || shownAs(got)+"/" != html.UnescapeString(row[1]) {
				t.Errorf("%q, shown as %q, leads to %d %q", row[0], row[1], inner.Status, got)
			}
			title := content(t, get(t, s, target.EscapedPath()))
			checkPage(t, title)
		}
	})
}

// shownAs is how a name is shown, by another road.
func shownAs(name string) string {
	hidden := regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2028}\x{2029}\x{2066}-\x{2069}]`)
	return hidden.ReplaceAllString(string([]rune(name)), "\ufffd")
}

var tags = regexp.MustCompile(`</?(html|head|meta|title|style|body|h1|table|thead|tbody|tr|th|td|a|bdi|p)( (lang|charset|name|content|href)="[^"<>]*")*>`)

// checkPage fails when there is a tag in page that we do not write, or a byte
// that shows other than as text.
func checkPage(t *testing.T, page string) {
	t.Helper()
	rest, ok := strings.CutPrefix(page, "<!DOCTYPE html>\n")
	if !ok || !utf8.ValidString(page) {
		t.Errorf("no HTML in UTF-8: %q", page)
	}
	rest = tags.ReplaceAllString(rest, "")
	if at := strings.IndexAny(rest, "<>\"'\x1b\r\t\b\x7f\u202e\u2028\u0085"); at >= 0 {
		t.Errorf("%q stands bare in\n%s", rest[at:min(len(rest), at+20)], page)
	}
}

// FuzzAppendListing: whatever a name is, the page has one row for it and no tag
// that is not ours.
func FuzzAppendListing(f *testing.F) {
	for _, name := range []string{"a", "<b>", "a:b", "\xff", "\u202e", "x\ny", `"`, "'", "&amp;", "\x00"} {
		f.Add(name, int64(0), int64(1700000000))
		f.Add(name, int64(1)<<62, int64(-1)<<62)
	}
	f.Fuzz(func(t *testing.T, name string, size, seconds int64) {
		e := entry{name: name, size: max(0, size), modified: sys.Time{Sec: seconds}}
		page := string(appendListing(nil, path{name, true}, []entry{e}, true))
		checkPage(t, page)
		list := listed(t, page)
		if len(list) != 1 {
			t.Fatalf("%q has %d rows:\n%s", name, len(list), page)
		}
		if got := html.UnescapeString(list[0][1]); got != shownAs(name) {
			t.Fatalf("%q is shown as %q, want %q", name, got, shownAs(name))
		}
		href := strings.TrimPrefix(list[0][0], "./")
		if got, err := url.PathUnescape(href); err != nil || got != name {
			t.Fatalf("%q leads to %q (%v)", name, got, err)
		}
	})
}

// More names than a list takes are not read, and the page says so. Dot names are
// names too: reading them is work.
func TestListingBound(t *testing.T) {
	for _, names := range []int{0, 3, 1025} { // names are read 1,024 at a time
		dir := t.TempDir()
		for i := range names {
			must(t, os.Symlink(".", fmt.Sprintf("%s/%d", dir, i)))
		}
		s, err := New(dir, nil)
		must(t, err)
		for _, limit := range []int{1, 2, 3, 4, 1023, 1024, 1025, 1026, 2000} {
			s.maxListed = limit
			page := content(t, get(t, s, "/"))
			complete := !strings.Contains(page, "more names than are listed")
			if got := len(listed(t, page)); got != min(names, limit) || complete != (names <= limit) {
				t.Errorf("of %d names %d are listed where %d may be (complete: %v)", names, got, limit, complete)
			}
		}
		must(t, s.Close())
	}
	dir := t.TempDir()
	plant(t, dir, map[string]string{".a": "", ".b": "", ".c": "", ".d": ""})
	_, complete, err := list(place{root: openedRoot(t, dir)}, 3)
	if err != nil || complete {
		t.Errorf("four dot names: complete %v, %v", complete, err)
	}
}

// A page of the longest names is cut at its bound, and says so.
func TestListingPageBound(t *testing.T) {
	entries := make([]entry, 20_000)
	for i := range entries {
		entries[i].name = strings.Repeat(`"`, maxName)
	}
	page := string(appendListing(nil, path{slash: true}, entries, true))
	if len(page) > maxPage+10_000 || !strings.Contains(page, "more names than are listed") || !strings.HasSuffix(page, "</html>\n") {
		t.Errorf("the page has %d octets and ends %q", len(page), page[len(page)-200:])
	}
}

func openedRoot(t *testing.T, dir string) root {
	t.Helper()
	r, err := openRoot(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func TestCompareNames(t *testing.T) {
	ordered := []string{
		"", "0", "00", "001", "01", "1", "1a", "2", "10", "10a", "99999999999999999999", "100000000000000000000", "README", "a", "a0", "a0b", "a1",
		"a01b", "a1b", "a2", "a10", "a10b2", "a10b10", "b", "file2", "file10", "file10.txt", "v1.2", "v1.10", "\xff",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := cmp.Compare(compareNames(a, b), 0), cmp.Compare(i, j); got != want {
				t.Errorf("compareNames(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

// FuzzCompareNames: it is an order, and a total one.
func FuzzCompareNames(f *testing.F) {
	f.Add("a1", "a01", "a10")
	f.Add("1a", "01", "1")
	f.Add("a", "a0", "a:")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if (compareNames(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d", a, b, compareNames(a, b))
		}
		if (compareNames(a, b) < 0) != (compareNames(b, a) > 0) {
			t.Fatalf("%q and %q: %d and %d", a, b, compareNames(a, b), compareNames(b, a))
		}
		if compareNames(a, b) < 0 && compareNames(b, c) < 0 && compareNames(a, c) >= 0 {
			t.Fatalf("%q < %q < %q, but not the first and the last", a, b, c)
		}
	})
}

func TestAppendSize(t *testing.T) {
	for size, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		1<<20 - 52: "1023.9 KiB", 1 << 30: "1.0 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := string(appendSize(nil, size)); got != want {
			t.Errorf("%d octets are %q, want %q", size, got, want)
		}
	}
}

func BenchmarkListing(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		plant(b, dir, map[string]string{fmt.Sprintf("file%d.txt", i): "content"})
	}
	s, err := New(dir, nil)
	must(b, err)
	defer s.Close()
	r := request("GET", "/")
	start := time.Now()
	for b.Loop() {
		s.Answer(r).Release()
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N)/200, "ns/entry")
}
