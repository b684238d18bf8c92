package site

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"xanadu/internal/sys"
	"xanadu/web"
)

// A row is what a list says of one name.
type row struct{ href, name, target, octets, size, date string }

var rows = regexp.MustCompile(`<tr role="row"><th role="rowheader"><bdi><a href="([^"]*)">([^<]*?)(/?)</a></bdi>( <small><span>symbolic link to </span>→(?: <bdi>([^<]*)</bdi>)?</small>)?` +
	`<td role="cell"(?: title="([^"]*) bytes")?>([^<]*)<td role="cell">(?:<time datetime="([^"]*)">([^< ]*)( [^<]*)</time>)?\n`)

// listed returns the rows of a page. A target is "?" where it is not told.
func listed(t testing.TB, page string) (list []row) {
	t.Helper()
	for _, m := range rows.FindAllStringSubmatch(page, -1) {
		target := m[5]
		if m[4] != "" && target == "" {
			target = "?"
		}
		if m[8] != strings.ReplaceAll(m[9], " ", "")+strings.ReplaceAll(m[10], " ", "T")+m[8][max(0, len(m[8])-len(":00Z")):] {
			t.Errorf("the time %q is shown as %q", m[8], m[9]+m[10])
		}
		list = append(list, row{m[1], m[2] + m[3], target, m[6], m[7], m[8]})
	}
	return list
}

func names(list []row) (names []string) {
	for _, row := range list {
		names = append(names, row.name)
	}
	return names
}

const date = "2023-11-14T22:13:20Z"

// various makes a directory with everything that a list can show, and with what
// it does not.
func various(t *testing.T) (dir string) {
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
	for name, target := range map[string]string{
		"to-file": "file2.txt", "to-dir": "sub", "to-sub": "./sub/../sub/x", "to-hidden": ".hidden",
		"to-out": "../canary.txt", "to-nothing": "nothing", "to-fifo": "fifo", "to-itself": "to-itself", "to-absolute": base + "/root/file2.txt",
	} {
		link(t, target, base+"/root/"+name)
	}
	must(t, os.Chtimes(base+"/root/.hidden", old, old))
	return base + "/root"
}

func TestListing(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(various(t))
		p := get(t, s, "/")
		page := content(t, p)
		if p.Status != 200 || p.Type != "text/html; charset=utf-8" || !p.Modified.IsZero() {
			t.Errorf("%d %s %v", p.Status, p.Type, p.Modified)
		}
		want := []row{
			{"./a:b", "a:b", "", "0", "0 B", date},
			{"b%20b.txt", "b b.txt", "", "8", "8 B", date},
			{"file2.txt", "file2.txt", "", "1,536", "1.5 KiB", date},
			{"file10.txt", "file10.txt", "", "0", "0 B", date},
			{"sub/", "sub/", "", "", "", date},
			{"to-absolute", "to-absolute", "?", "1,536", "1.5 KiB", date},
			{"to-dir/", "to-dir/", "sub", "", "", date},
			{"to-file", "to-file", "file2.txt", "1,536", "1.5 KiB", date},
			{"to-hidden", "to-hidden", "?", "7", "7 B", date},
			{"to-sub", "to-sub", "./sub/../sub/x", "0", "0 B", date},
		}
		if got := listed(t, page); !slices.Equal(got, want) {
			t.Errorf("the list is\n%q, want\n%q", got, want)
		}
		if !strings.Contains(page, "<title>Index of /</title>") || strings.Contains(page, `<a href="../"`) ||
			!strings.Contains(page, "<p>2 directories, 8 files, 4.5 KiB</p>") {
			t.Errorf("the root's list:\n%s", page)
		}
		sub := content(t, get(t, s, "/sub/"))
		if !strings.Contains(sub, "<title>Index of /sub/</title>") || !strings.Contains(sub, `<a href="../">Parent directory</a>`) ||
			!strings.Contains(sub, "<p>1 file, 0 B</p>") {
			t.Errorf("the list of a directory in it:\n%s", sub)
		}
		for _, page := range []string{page, sub} {
			checkPage(t, page)
			for _, hidden := range []string{"HIDDEN", ".hidden", ".git", "canary", "/root"} {
				if strings.Contains(markup(page), hidden) {
					t.Errorf("the list tells of %s:\n%s", hidden, page)
				}
			}
		}

		s.dirsFirst = true
		if got, want := names(listed(t, content(t, get(t, s, "/"))))[:3], []string{"sub/", "to-dir/", "a:b"}; !slices.Equal(got, want) {
			t.Errorf("directories first: %q, want %q", got, want)
		}
	})
}

// What programs answer for is not in the list of the document root.
func TestListingWithoutPrograms(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"root/cgi-bin/x": "", "root/cgi-bins/x": "", "root/sub/cgi-bin/x": "", "programs/x": ""})
	for programs, want := range map[string][]string{"": {"cgi-bin/", "cgi-bins/", "sub/"}, dir + "/programs": {"cgi-bins/", "sub/"}} {
		s, err := New(dir+"/root", &Options{Programs: programs})
		must(t, err)
		if got := names(listed(t, content(t, get(t, s, "/")))); !slices.Equal(got, want) {
			t.Errorf("with programs from %q: %q, want %q", programs, got, want)
		}
		if got := names(listed(t, content(t, get(t, s, "/sub/")))); !slices.Equal(got, []string{"cgi-bin/"}) {
			t.Errorf("with programs from %q /sub/ has %q", programs, got)
		}
		must(t, s.Close())
	}
}

func TestEmptyListing(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{".hidden": ""})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		for format, want := range map[string]string{"html": "<p>No files to show</p>", "json": "{\"path\":\"/\",\"entries\":[\n\n],\"complete\":true}\n", "text": ""} {
			if got := content(t, get(t, s, "/?format="+format)); !strings.Contains(got, want) || format != "html" && got != want {
				t.Errorf("%s of an empty directory: %q, want %q", format, got, want)
			}
		}
	})
}

// The way to a directory is links, each relative, to where it says.
func TestCrumbs(t *testing.T) {
	dir := t.TempDir()
	deep := strings.Repeat("d/", 2*maxCrumbs)
	plant(t, dir, map[string]string{"a/<b> &/c/x": "", deep: ""})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		page := content(t, get(t, s, "/a/%3Cb%3E%20&/c/"))
		const want = `<h1 id="here"><small>Index of</small> <bdi><a href="../../../" aria-label="root">/</a></bdi><bdi><a href="../../">a</a></bdi><small>/</small>` +
			`<bdi><a href="../">&lt;b&gt; &amp;</a></bdi><small>/</small><bdi>c</bdi><small>/</small></h1>`
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
		checkPage(t, page)
		page = content(t, get(t, s, "/"+deep))
		if got := strings.Count(page, `<a href="../`); got != maxCrumbs+1 || len(markup(page)) > 8_000 {
			t.Errorf("%d links upwards in %d octets, want %d", got, len(page), maxCrumbs+1)
		}
	})
}

// What the page's policy allows is what is in the page, and nothing else.
func TestListingPolicy(t *testing.T) {
	dir := t.TempDir()
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	p := get(t, s, "/")
	page := content(t, p)
	policy := "default-src 'none'"
	for _, element := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(page, "<"+element+">")
		text, rest, ok := strings.Cut(rest, "</"+element+">")
		if !ok || text == "" || strings.Contains(rest, "<"+element) {
			t.Errorf("not one element %s:\n%s", element, page)
		}
		sum := sha256.Sum256([]byte(text))
		policy += "; " + element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	policy += "; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	if got := field(t, p, "Content-Security-Policy"); got != policy {
		t.Errorf("policy\n%s, want\n%s", got, policy)
	}
	for _, target := range []string{"/", "/?format=json", "/?format=text"} {
		p := get(t, s, target)
		if field(t, p, "X-Content-Type-Options") != "nosniff" || field(t, p, "Vary") != "Accept" {
			t.Errorf("%s: fields %v", target, p.Fields)
		}
	}
}

var hostileNames = []string{
	`<svg onload=alert(1)>`, `"><script>alert(1)<`, `'onmouseover='alert(1)`, `&lt;b&gt;`, `<x>&"'.txt`,
	`javascript:alert(1)`, `data:text,x`, `C:evil`, `\\evil.example\x`, `?query#fragment`, `%2e%2e`, `100%`, `\incomplete`, `\x41`,
	"line\nbreak", "tab\tback\b\x1b[31mred", "cr\rlf", "\x7f", "\xff\xfe no utf-8", "cut\xc3", "\ufffd", "\x9b31m",
	"caf\u00e9", "\u202etxt.exe", "\u2028", "a\u0085b", "\U0001f469\u200d\U0001f52c", "emoji\U0001f375", " ", "  lead", "{{.}}", "-->", "]]>", "<!--", `","type":"x`,
}

// Names of whatever bytes come out as text in every format, and lead back to
// where they came from.
func TestHostileNames(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		dir := t.TempDir()
		must(t, os.Mkdir(dir+"/links", 0o755))
		for i, name := range hostileNames {
			if err := os.MkdirAll(filepath.Join(dir, "list", name), 0o755); err != nil {
				t.Logf("this file system has no name %q: %v", name, err)
				continue
			}
			must(t, os.WriteFile(filepath.Join(dir, "list", name, "x"), []byte(name), 0o644))
			link(t, "../list/"+name, fmt.Sprintf("%s/links/%d", dir, i))
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
		programs := decodeList(t, content(t, get(t, s, "/list/?format=json")))
		lines := strings.Split(content(t, get(t, s, "/list/?format=text")), "\n")
		if len(programs.Entries) != len(list) || len(lines) != len(list)+1 {
			t.Fatalf("%d rows, but %d entries and %d lines", len(list), len(programs.Entries), len(lines)-1)
		}
		base, err := url.Parse("http://example.net/list/")
		must(t, err)
		for i, row := range list {
			target, err := base.Parse(html.UnescapeString(row.href))
			if err != nil || target.Host != base.Host || target.Scheme != "http" || target.RawQuery != "" || target.Fragment != "" {
				t.Errorf("%q leads to %v (%v)", row.href, target, err)
				continue
			}
			inner := get(t, s, target.EscapedPath()+"x")
			name := content(t, inner)
			if inner.Status != 200 || shownAs(name)+"/" != html.UnescapeString(row.name) {
				t.Errorf("%q, shown as %q, leads to %d %q", row.href, row.name, inner.Status, name)
			}
			if e := programs.Entries[i]; e.Name != string([]rune(name)) || e.Href != row.href || e.Type != "directory" {
				t.Errorf("%q in JSON: %+v", name, e)
			}
			checkLine(t, lines[i], name, true)
			checkPage(t, content(t, get(t, s, target.EscapedPath())))
			decodeList(t, content(t, get(t, s, target.EscapedPath()+"?format=json")))
		}
		links := content(t, get(t, s, "/links/"))
		checkPage(t, links)
		for _, row := range listed(t, links) {
			i, err := strconv.Atoi(strings.TrimSuffix(row.name, "/"))
			must(t, err)
			if got, want := html.UnescapeString(row.target), shownAs("../list/"+hostileNames[i]); got != want {
				t.Errorf("a link's target is shown as %q, want %q", got, want)
			}
		}
	})
}

// decoded is a list in JSON.
type decoded struct {
	Path     string
	Complete *bool
	Entries  []struct {
		Name, Type, Href string
		Size             *int64
		Modified         *string
		Target           *string
	}
}

// decodeList reads a list in JSON, which must be of the documented shape, safe
// to print and with an entry a line.
func decodeList(t testing.TB, text string) (list decoded) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || d.More() || list.Complete == nil || !utf8.ValidString(text) {
		t.Fatalf("%v\n%s", err, text)
	}
	if at := strings.IndexFunc(text, func(c rune) bool { return c == '<' || c == '>' || c == '&' || c != '\n' && acts(c) }); at >= 0 {
		t.Errorf("%q stands bare in\n%s", text[at:min(len(text), at+10)], text)
	}
	if got := strings.Count(text, "\n"); got != max(1, len(list.Entries))+2 {
		t.Errorf("%d lines for %d entries", got, len(list.Entries))
	}
	for _, e := range list.Entries {
		if dir := e.Type == "directory"; !dir && e.Type != "file" || dir != (e.Size == nil) || dir != strings.HasSuffix(e.Href, "/") {
			t.Errorf("a bad entry: %+v", e)
		}
	}
	return list
}

// checkLine fails unless the line reads as the name and is safe to print.
func checkLine(t testing.TB, line, name string, dir bool) {
	t.Helper()
	if dir {
		line = strings.TrimSuffix(line, "/")
	}
	if !utf8.ValidString(line) || strings.ContainsFunc(line, acts) {
		t.Errorf("the line %q is not safe to print", line)
	}
	back := regexp.MustCompile(`\\x[0-9a-f]{2}`).ReplaceAllStringFunc(line, func(escape string) string {
		b, _ := strconv.ParseUint(escape[2:], 16, 8)
		return string([]byte{byte(b)})
	})
	if strings.Count(line, `\`) != strings.Count(line, `\x`) || back != name || line+"\n" == incompleteLine {
		t.Errorf("the line %q reads %q, want %q", line, back, name)
	}
}

// shownAs is how a name is shown, by another road.
func shownAs(name string) string {
	hidden := regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2028}\x{2029}\x{2066}-\x{2069}]`)
	return hidden.ReplaceAllString(string([]rune(name)), "\ufffd")
}

var tags = regexp.MustCompile(`</?(html|head|meta|title|style|script|body|header|nav|h1|small|form|input|output|button|main|table|thead|tbody|tr|th|td|a|bdi|time|span|footer|p)` +
	`( (lang|charset|name|content|id|class|role|aria-label|aria-labelledby|aria-sort|scope|href|title|datetime|type|value|placeholder|autocomplete|spellcheck)="[^"<>]*")*>`)

// checkPage fails when there is a tag in page that we do not write, or a byte
// that shows other than as text.
func checkPage(t testing.TB, page string) {
	t.Helper()
	rest, ok := strings.CutPrefix(page, "<!DOCTYPE html>\n")
	if !ok || !utf8.ValidString(page) {
		t.Errorf("no HTML in UTF-8: %q", page)
	}
	if len(markup(page)) != len(page)-len(listingStyle)-len(listingScript)-len(web.PageIcon) {
		t.Errorf("style, script or icon is not there once:\n%s", page)
	}
	rest = markup(rest)
	rest = tags.ReplaceAllString(rest, "")
	if at := strings.IndexAny(rest, "<>\"'\x1b\r\t\b\x7f\u202e\u2028\u0085"); at >= 0 {
		t.Errorf("%q stands bare in\n%s", rest[at:min(len(rest), at+20)], page)
	}
}

// markup returns a page without its style, script and icon.
func markup(page string) string {
	return strings.NewReplacer(listingStyle, "", listingScript, "", web.PageIcon, "").Replace(page)
}

// FuzzFormats: whatever a name, a target and a path are, each format has one row
// for it that reads back, and nothing that is not ours.
func FuzzFormats(f *testing.F) {
	for _, name := range append(hostileNames, "a", "\x00", "\xed\xa0\x80", "\u2066") {
		f.Add(name, name, int64(0), int64(1700000000))
		f.Add(name, "", int64(1)<<62, int64(-1)<<62)
	}
	f.Fuzz(func(t *testing.T, name, target string, size, seconds int64) {
		if name == "" || strings.Contains(name, "/") {
			t.Skip("no file has such a name")
		}
		e := entry{name: name, link: target != "", target: target, size: max(0, size), modified: sys.Time{Sec: seconds}}
		sum := tally{complete: seconds%2 == 0}
		sum.add(&e)
		whole := func(f *format) string {
			return string(f.end(f.entry(f.begin(nil, path{name, true}, &view{filter: url.QueryEscape(target)}), &e, 0), &sum))
		}
		page := whole(formats[0])
		checkPage(t, page)
		list := listed(t, page)
		if len(list) != 1 {
			t.Fatalf("%q has %d rows:\n%s", name, len(list), page)
		}
		if got := html.UnescapeString(list[0].name); got != shownAs(name) {
			t.Fatalf("%q is shown as %q, want %q", name, got, shownAs(name))
		}
		if got := html.UnescapeString(list[0].target); got != shownAs(target) {
			t.Fatalf("the target %q is shown as %q, want %q", target, got, shownAs(target))
		}
		if got, err := strconv.ParseInt(strings.ReplaceAll(list[0].octets, ",", ""), 10, 64); err != nil || got != e.size {
			t.Fatalf("%d octets are %q", e.size, list[0].octets)
		}
		href := strings.TrimPrefix(list[0].href, "./")
		if got, err := url.PathUnescape(href); err != nil || got != name {
			t.Fatalf("%q leads to %q (%v)", name, got, err)
		}

		programs := decodeList(t, whole(formats[1]))
		if len(programs.Entries) != 1 || programs.Entries[0].Name != string([]rune(name)) || *programs.Entries[0].Size != e.size ||
			(programs.Entries[0].Target != nil) != e.link || e.link && *programs.Entries[0].Target != string([]rune(target)) ||
			*programs.Complete != sum.complete {
			t.Fatalf("%q in JSON: %+v", name, programs)
		}

		line, ok := strings.CutSuffix(whole(formats[2]), incompleteLine)
		if line, end := strings.CutSuffix(line, "\n"); !end || ok == sum.complete {
			t.Fatalf("%q is no line", line)
		} else {
			checkLine(t, line, name, false)
		}
	})
}

func TestChosen(t *testing.T) {
	for _, test := range []struct {
		query  string
		accept []string
		want   string
	}{
		{"", nil, "html"},
		{"", []string{""}, "html"},
		{"", []string{"*/*"}, "html"},
		{"", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}, "html"},
		{"", []string{"application/json"}, "json"},
		{"", []string{"Application/JSON"}, "json"},
		{"", []string{"application/*"}, "json"},
		{"", []string{"application/json, text/plain, */*"}, "json"},
		{"", []string{"application/json;q=0.5, text/plain"}, "text"},
		{"", []string{"application/json;q=0.5, text/plain;q=0.50, */*;q=0.1"}, "json"},
		{"", []string{"text/plain"}, "text"},
		{"", []string{"text/*"}, "html"},
		{"", []string{"text/*;q=1.000, text/html;q=0.999"}, "text"},
		{"", []string{"text/html;q=0, */*"}, "json"},
		{"", []string{"*/*, text/html;q=0"}, "json"},
		{"", []string{"text/html;q=0"}, "html"},
		{"", []string{"image/png"}, "html"},
		{"", []string{"text/html;q=0.2", "application/json;q=0.3"}, "json"},
		{"", []string{"application/json;profile=\"a,b;q=0\", text/html;q=0.9"}, "json"},
		{"", []string{"application/json;x=\"\\\",text/html\";q=0.2, text/plain;q=0.1"}, "json"},
		{"", []string{"application/json ; q=0.1 , text/plain ; Q=0.2"}, "text"},
		{"", []string{"application/json;q=2, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=1.001, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=0.0001, text/plain;q=0.001"}, "text"},
		{"", []string{"application/json;q=, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=-1, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=.5, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=0x1, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json;q=0.1x, text/plain;q=0.1"}, "text"},
		{"", []string{"application/json; q, text/plain;q=0.1"}, "text"},
		{"", []string{",,;,application/json,,"}, "json"},
		{"", []string{"json"}, "html"},
		{"", []string{"*"}, "html"},
		{"", []string{"application/"}, "html"},
		{"", []string{"*/json"}, "html"},

		{"format=json", nil, "json"},
		{"format=text", []string{"text/html"}, "text"},
		{"format=html", []string{"application/json"}, "html"},
		{"a=b&format=json&format=text", nil, "json"},
		{"format=xml", []string{"application/json"}, "json"},
		{"format=", []string{"application/json"}, "json"},
		{"format", []string{"text/plain"}, "text"},
		{"Format=text", nil, "html"},
		{"xformat=text", nil, "html"},
		{"format=JSON", nil, "html"},
		{"format=json;", nil, "html"},
	} {
		r := accepting(test.query, test.accept...)
		if got := chosen(r).Name; got != test.want {
			t.Errorf("?%s with Accept %q gets %s, want %s", test.query, test.accept, got, test.want)
		}
	}
}

// accepting returns a GET of the root.
func accepting(query string, accept ...string) *web.Request {
	r := request("GET", "/")
	r.Query, r.HasQuery = []byte(query), query != ""
	r.Fields = append(r.Fields, web.Field{Name: []byte("Host"), Value: []byte("application/json"), Known: web.Host})
	for _, value := range accept {
		r.Fields = append(r.Fields, web.Field{Name: []byte("Accept"), Value: []byte(value), Known: web.Accept})
		r.Seen |= web.Accept
	}
	return r
}

// FuzzChosen: a client of one wish gets it, whatever else is said that is worth
// less; no field is too much.
func FuzzChosen(f *testing.F) {
	for _, value := range []string{"text/html;q=0.9", `a/b;c="d,\"`, "*/*;q=0.1", ";;;,,,", "text/plain;q=1"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		first := chosen(accepting("", value))
		if again := chosen(accepting("", "", value, "image/png")); again != first {
			t.Errorf("Accept %q gets %s, and among others %s", value, first.Name, again.Name)
		}
		for _, f := range formats {
			if got := chosen(accepting("format="+f.Name, value)); got != f {
				t.Errorf("?format=%s with Accept %q gets %s", f.Name, value, got.Name)
			}
		}
	})
}

// A list that is kept answers those who would get the same, and no others.
func TestSuits(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a": ""})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	askers := []*web.Request{accepting(""), accepting("", "*/*"), accepting("", "application/json"), accepting("", "text/plain"),
		accepting("format=html", "text/plain"), accepting("format=json"), accepting("format=text"), accepting("x=y"), accepting("format=nothing", "text/plain"),
		accepting("sort=size"), accepting("sort=size&order=desc"), accepting("sort=nothing&order=nothing"), accepting("filter=a"), accepting("filter=b"), accepting("filter=b&format=json")}
	bodies := make(map[string]bool)
	for _, first := range askers {
		p := s.Answer(first)
		bodies[string(p.Body)] = true
		if p.Unchanged() != web.Unknown || !p.AnyQuery || p.ETag == "" {
			t.Errorf("%+v", p)
		}
		for _, second := range askers {
			if got, want := p.Suits(second), string(s.Answer(second).Body) == string(p.Body); got != want {
				t.Errorf("what answers ?%s, Accept %q, suits ?%s, Accept %q: %v, want %v", first.Query, first.Get(web.Accept), second.Query, second.Get(web.Accept), got, want)
			}
		}
		p.Release()
	}
	if want := len(formats) + 5; len(bodies) != want {
		t.Errorf("%d different lists, want %d", len(bodies), want)
	}
}

// The tag of a list is another as soon as anything in it is.
func TestListingTag(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"list/a": "A", "list/b": "B", "list/sub/x": "", "twin": "A"})
	link(t, "../twin", dir+"/list/link")
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		seen := make(map[string]string)
		for _, step := range []struct {
			name   string
			change func() error
		}{
			{"nothing", func() error { return nil }},
			{"grown", func() error { return os.WriteFile(dir+"/list/a", []byte("AA"), 0o644) }},
			{"touched", func() error { return os.Chtimes(dir+"/list/b", old, old.Add(time.Second)) }},
			{"added", func() error { return os.WriteFile(dir+"/list/c", nil, 0o644) }},
			{"renamed", func() error { return os.Rename(dir+"/list/c", dir+"/list/d") }},
			{"touched a directory", func() error { return os.Chtimes(dir+"/list/sub", old, old.Add(time.Minute)) }},
			{"grown behind a link", func() error { return os.WriteFile(dir+"/twin", []byte("AAAA"), 0o644) }},
			{"gone behind a link", func() error { return os.Rename(dir+"/twin", dir+"/twin2") }},
			{"back again", func() error { return os.Rename(dir+"/twin2", dir+"/twin") }},
			{"removed", func() error { return os.Remove(dir + "/list/d") }},
		} {
			must(t, step.change())
			p := get(t, s, "/list/")
			if other, ok := seen[p.ETag]; ok && other != string(p.Body) || !strings.HasPrefix(p.ETag, `"`) {
				t.Errorf("%s: the tag %s is that of another list", step.name, p.ETag)
			}
			seen[p.ETag] = string(p.Body)
			if again := get(t, s, "/list/"); again.ETag != p.ETag {
				t.Errorf("%s: two tags of one list", step.name)
			}
		}
		if len(seen) != 9 { // "back again" is what was before
			t.Errorf("%d different lists, want 9", len(seen))
		}
		must(t, os.WriteFile(dir+"/list/a", []byte("A"), 0o644))
		must(t, os.WriteFile(dir+"/twin", []byte("A"), 0o644))
		must(t, os.Chtimes(dir+"/list/b", old, old))
		must(t, os.Chtimes(dir+"/list/sub", old, old))
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
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1048576: "1,048,576", 1<<63 - 1: "9,223,372,036,854,775,807"} {
		if got := string(appendGrouped(nil, n)); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
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
	b.ReportAllocs()
	for b.Loop() {
		s.Answer(r).Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/entry")
}

func BenchmarkSuits(b *testing.B) {
	s, err := New(b.TempDir(), nil)
	must(b, err)
	defer s.Close()
	p := s.Answer(request("GET", "/"))
	defer p.Release()
	r := accepting("", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8")
	b.ReportAllocs()
	for b.Loop() {
		p.Suits(r)
	}
}

// Some programs take a link of a list only if its text is its reference, decoded,
// as Kodi does: both without a slash at the end, and the reference without "./".
func TestLinkText(t *testing.T) {
	dir := t.TempDir()
	want := []string{"a b", "a&b", "a:b", "100%", "%41", "#h", "?q", "+", "\u00fc", "\u05e9\u05dc\u05d5\u05dd", "<b>", "\"'", `\`, "in/", "in side/", "o:n/"}
	for _, name := range want {
		plant(t, dir, map[string]string{name: ""})
	}
	link(t, "in", dir+"/to-in")
	want = append(want, "to-in/")
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	_, list, _ := strings.Cut(content(t, get(t, s, "/")), "</script>")
	var got []string
	for _, m := range regexp.MustCompile(`<a href="([^"]*)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(list, -1) {
		text := html.UnescapeString(m[2])
		reference, err := url.PathUnescape(strings.TrimPrefix(m[1], "./"))
		if err != nil || strings.TrimSuffix(reference, "/") != strings.TrimSuffix(text, "/") {
			t.Errorf("%s: the text is %q, %v", m[0], text, err)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
