package site

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A list is in the order that the query asks for, and has the names that match the
// filter, in each format. What is no such value is ignored.
func TestView(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"b": "22", "A": "22", "c10": "", "c9": "4444", "d/": ""})
	for name, at := range map[string]int{"b": 5, "A": 5, "c10": 9, "c9": 1, "d": 7} {
		must(t, os.Chtimes(dir+"/"+name, old, old.Add(time.Duration(at)*time.Hour)))
	}
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		// What lists share is of one Site, whose options do not change.
		plain, dirsFirst := open(dir), open(dir)
		dirsFirst.dirsFirst = true
		for _, test := range []struct{ query, names, dirsFirst string }{
			{"", "A b c9 c10 d/", "d/ A b c9 c10"},
			{"sort=name&order=asc", "A b c9 c10 d/", "d/ A b c9 c10"},
			{"sort=name&order=desc", "d/ c10 c9 b A", "d/ c10 c9 b A"},
			{"order=desc", "d/ c10 c9 b A", "d/ c10 c9 b A"},
			{"sort=size", "d/ c10 A b c9", "d/ c10 A b c9"},
			{"sort=size&order=desc", "c9 A b c10 d/", "d/ c9 A b c10"},
			{"sort=date&order=asc", "c9 A b d/ c10", "d/ c9 A b c10"},
			{"order=desc&sort=date", "c10 d/ A b c9", "d/ c10 A b c9"},
			{"sort=color&order=up", "A b c9 c10 d/", "d/ A b c9 c10"},
			{"sort=size&sort=name&Sort=date", "d/ c10 A b c9", "d/ c10 A b c9"},
			{"sort=SIZE&order=DESC", "A b c9 c10 d/", "d/ A b c9 c10"},
			{"sort=size&order=desc&filter=C", "c9 c10", "c9 c10"},
			{"filter=", "A b c9 c10 d/", "d/ A b c9 c10"},
			{"filter=%zz", "", ""},
			{"filter=" + strings.Repeat("x", maxFilter+1), "A b c9 c10 d/", "d/ A b c9 c10"},
			{"filter=" + strings.Repeat("x", maxFilter), "", ""},
		} {
			for _, s := range []*Site{plain, dirsFirst} {
				want := strings.Fields(test.names)
				if s.dirsFirst {
					want = strings.Fields(test.dirsFirst)
				}
				for _, s.maxWhole = range []int{1, 100} {
					all := func(format string) string {
						p := get(t, s, "/?"+test.query+"&format="+format)
						if p.Stream == nil {
							return content(t, p)
						}
						list, err := readAll(p, 1000)
						must(t, err)
						return list
					}
					page := all("html")
					checkPage(t, page)
					got := names(listed(t, page))
					if lines := strings.Fields(all("text")); !slices.Equal(got, want) || !slices.Equal(lines, want) || len(decodeList(t, all("json")).Entries) != len(want) {
						t.Errorf("?%s, directories first %v: %q and %q, want %q", test.query, s.dirsFirst, got, lines, want)
					}
				}
			}
		}
	})
}

// The page says how it is sorted and filtered, for the next view to differ in one
// thing only. No link leads to another view: who follows links finds a list once.
func TestViewInPage(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a": ""})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	const form = `<form role="presentation"><input type="hidden" name="sort" value="S"><input type="hidden" name="order" value="O">F<button>`
	next := func(sort, order, filter string) string {
		if filter != "" {
			filter = `<input type="hidden" name="filter" value="` + filter + `">`
		}
		return strings.NewReplacer("S", sort, "O", order, "F", filter).Replace(form)
	}
	for query, want := range map[string][]string{
		"": {` aria-sort="ascending">` + next("name", "desc", ""), `scope="col">` + next("size", "desc", ""), `scope="col">` + next("date", "desc", ""),
			`<form role="search"><output></output><input type="search" name="filter" value="" `, "<p>1 file, 0 B</p>"},
		"sort=size&order=desc&filter=a%22": {` aria-sort="descending">` + next("size", "asc", "a&#34;"), `scope="col">` + next("name", "asc", "a&#34;"),
			`<form role="search"><input type="hidden" name="sort" value="size"><input type="hidden" name="order" value="desc"><output></output>` +
				`<input type="search" name="filter" value="a&#34;" `, "<p>Filtered: no name matches</p>"},
		"sort=date&filter=A": {` aria-sort="ascending">` + next("date", "desc", "A"), "<p>Filtered: 1 file, 0 B</p>"},
	} {
		page := content(t, get(t, s, "/?"+query))
		checkPage(t, page)
		for _, want := range want {
			if !strings.Contains(markup(page), want) {
				t.Errorf("?%s: no %s in\n%s", query, want, markup(page))
			}
		}
		if strings.Contains(markup(page), `href="?`) || strings.Contains(markup(page), "action=") {
			t.Errorf("?%s: a reference to another view in\n%s", query, markup(page))
		}
	}
}

// filterCases are names and filters, for the server and the script.
var filterCases = []struct {
	filter, name string
	want         bool
}{
	{"read", "README.md", true},
	{"README.MD", "readme.md", true},
	{"md read", "README.md", true},
	{"md  write", "README.md", false},
	{"cafe", "caf\u00e9.txt", true},
	{"caf\u00e9", "cafe\u0301.txt", true},
	{"cafe\u0301", "CAF\u00c9.txt", true},
	{"strasse", "Stra\u00dfe", true},
	{"\u03c3", "\u039f\u03a3", true},
	{"lodz", "\u0141\u00f3d\u017a", true},
	{"*.txt", "a.txt", true},
	{"*.txt", "a.txt.gz", false},
	{".txt", "a.txt.gz", true},
	{"a*", "ab", true},
	{"a*", "ba", false},
	{"a*a", "a", false},
	{"a*a", "aa", true},
	{"a*b*c", "a1b2c", true},
	{"a*b*c", "a1c2b", false},
	{"a*bc*bc", "abc", false},
	{"**", "x", true},
	{"*x* *y*", "yx", true},
	{"\ufffd", "\xff", true},
	{"[a-z]+", "abc", false},
	{"100%", "100% sure", true},
}

func TestFilter(t *testing.T) {
	for _, test := range filterCases {
		v := view{filter: url.QueryEscape(test.filter)}
		if got := v.words().matches(test.name); got != test.want {
			t.Errorf("%q with the filter %q: %v, want %v", test.name, test.filter, got, test.want)
		}
	}
}

// FuzzView: whatever the query, a name is found by itself, and a view
// asks for what it was made of.
func FuzzView(f *testing.F) {
	f.Add("sort=size&order=desc&filter=a", "a*b")
	f.Add("filter=%", "\xff \u0130")
	f.Fuzz(func(t *testing.T, query, name string) {
		s := new(Site)
		r := request("GET", "/")
		r.Query = []byte(query)
		v := s.viewOf(r)
		if !v.asks(r) {
			t.Errorf("?%s does not ask for its own view", query)
		}
		v.words().matches(name)
		v.filter = url.QueryEscape(name)
		if len(name) <= maxFilter && !strings.Contains(name, "*") && !v.words().matches(name) {
			t.Errorf("%q does not match itself", name)
		}
		if fold(fold(name)) != fold(name) {
			t.Errorf("the key of %q is %q, whose key is %q", name, fold(name), fold(fold(name)))
		}
	})
}
