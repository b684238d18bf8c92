package site

import (
	"fmt"
	"html"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A view stands in the address: it is there after a reload, for whom the address is
// given to, and without script.
func TestPageViews(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	plant(t, dir, map[string]string{"in/file1": "1", "in/file2": "333", "in/File3": "22", "in/other": "4444", "in/sub/": ""})
	s, err := New(dir, &Options{DirsFirst: true})
	must(t, err)
	defer s.Close()
	address := served(t, s) + "/in/"
	check := func(what, search, names string) {
		t.Helper()
		// The address and the rows may follow a little later.
		b.await(fmt.Sprintf(`new Promise(done => {
			let left = 300;
			const holds = () => document.readyState === "complete" && !window.isLeft && location.search === %q && !location.hash && String(%s) === %q;
			const look = () => holds() || left-- === 0 ? done() : setTimeout(look, 10);
			look();
		})`, search, shownNames, names))
		if got := b.run("location.search + location.hash"); got != search {
			t.Errorf("%s: the address says %q, want %q", what, got, search)
		}
		if got := b.run(shownNames); got != names {
			t.Errorf("%s: %q, want %q", what, got, names)
		}
	}
	b.open(address)
	check("at first", "", "sub/ file1 file2 File3 other")
	b.run("document.querySelectorAll('thead button')[1].click()")
	check("by size", "?sort=size&order=desc", "sub/ other file2 File3 file1")
	b.run("document.querySelector('input[type=search]').focus()")
	b.do("Input.insertText", map[string]any{"text": "FILE"}, nil)
	check("filtered", "?sort=size&order=desc&filter=FILE", "file2 File3 file1")
	b.run("window.isLeft = true")
	b.do("Page.reload", nil, nil)
	b.await(`new Promise(done => {
		const look = () => !window.isLeft && document.querySelector("output").value ? done() : setTimeout(look, 10);
		look();
	})`)
	check("reloaded", "?sort=size&order=desc&filter=FILE", "file2 File3 file1")
	if got := b.run("document.querySelector('input[type=search]').value + document.querySelector('output').value"); got != "FILE3 of 5" {
		t.Errorf("reloaded, the filter and the count are %q", got)
	}
	b.run("document.querySelectorAll('thead button')[0].click()")
	check("by name", "?filter=FILE", "file1 file2 File3")
	b.open(address + "?sort=date&order=up&filter=%zz&other=1")
	check("with unknown values", "?other=1&sort=date&order=asc&filter=%25zz", "")

	b.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	for query, names := range map[string]string{"?sort=size&order=desc&filter=FILE": "file2 File3 file1", "?sort=size&order=asc&filter=FILE": "file1 File3 file2"} {
		b.open(address + query)
		if got := b.run(shownNames); got != names {
			t.Errorf("%s without script: %q, want %q", query, got, names)
		}
	}
	b.follow("document.querySelectorAll('thead button')[2]")
	if got, want := b.run("location.search"), "?sort=date&order=desc&filter=FILE"; got != want {
		t.Errorf("without script, a button leads to %q, want %q", got, want)
	}
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains: %q", b.complaints)
	}
}

// The script filters as the server does, and the keys of the filter's field work.
func TestPageFilter(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	for _, test := range filterCases {
		plant(t, dir, map[string]string{"in/" + test.name + "/": ""})
	}
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	b.open(served(t, s) + "/in/")
	place := b.run("JSON.stringify(document.querySelector('input[type=search]').getBoundingClientRect())")
	for _, test := range filterCases {
		b.run(fmt.Sprintf(`(filter => { filter.value = %q; filter.dispatchEvent(new Event("input")) })(document.querySelector("input[type=search]"))`, test.filter))
		b.run(nextFrame)
		v := view{filter: strings.ReplaceAll(strings.ReplaceAll(test.filter, "%", "%25"), "+", "%2B")}
		var want []string
		for _, row := range listed(t, content(t, get(t, s, "/in/"))) {
			if v.words().matches(strings.TrimSuffix(html.UnescapeString(row.name), "/")) {
				want = append(want, html.UnescapeString(row.name))
			}
		}
		if got := b.run(shownNames); got != strings.Join(want, " ") || slices.Contains(want, shownAs(test.name)+"/") != test.want {
			t.Errorf("with %q the script shows %q, the server %q", test.filter, got, want)
		}
	}
	if got := b.run("JSON.stringify(document.querySelector('input[type=search]').getBoundingClientRect())"); got != place {
		t.Errorf("the field was at %s and is at %s", place, got)
	}
	key := func(name string, code int) {
		text := ""
		if name == "Enter" {
			text = "\r"
		}
		b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": name, "code": name, "text": text, "windowsVirtualKeyCode": code}, nil)
	}
	b.run("document.querySelector('input[type=search]').focus()")
	b.run("document.querySelector('input[type=search]').select()")
	b.do("Input.insertText", map[string]any{"text": "100%"}, nil)
	key("ArrowDown", 40)
	if got := b.run("document.activeElement.textContent"); got != "100% sure/" {
		t.Errorf("with arrow down the focus is on %q", got)
	}
	b.run("document.querySelector('input[type=search]').focus()")
	b.send("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13})
	for b.next().Method != "Page.loadEventFired" {
	}
	if got := b.run("decodeURI(location.pathname)"); got != "/in/100%25 sure/" && got != "/in/100% sure/" {
		t.Errorf("with Enter the only match is opened, but this is %s", got)
	}
}

// What the criteria of WCAG 2 ask for and a picture shows little of; times are those
// of the visitor.
func TestPageCriteria(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	plant(t, dir, map[string]string{"in/\u05d0\u05d1/\u05d2\u05d3/sub/": "", "in/\u05d0\u05d1/\u05d2\u05d3/file": strings.Repeat("a", 1536)})
	for i := range 300 {
		plant(t, dir, map[string]string{fmt.Sprintf("in/\u05d0\u05d1/\u05d2\u05d3/file%d", i): ""})
	}
	must(t, os.Chtimes(dir+"/in/\u05d0\u05d1/\u05d2\u05d3/file", old, time.Date(2023, 7, 1, 23, 30, 0, 0, time.UTC)))
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	address := served(t, s) + "/in/%D7%90%D7%91/%D7%92%D7%93/"
	b.do("Emulation.setTimezoneOverride", map[string]any{"timezoneId": "Europe/Berlin"}, nil)
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int{1200, 320} {
			b.look(theme, width, 800)
			b.open(address)
			const border = `(() => {
				const luminance = color => {
					const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
					return .2126 * r + .7152 * g + .0722 * b;
				};
				const [a, b] = [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector("input[type=search]")).borderTopColor].map(luminance);
				return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) >= 3;
			})()`
			for what, script := range map[string]string{
				"the border of the field is at 3:1":                      border,
				"buttons have 24 pixels":                                 "Array.from(document.querySelectorAll('thead button')).every(e => e.offsetWidth >= 24 && e.offsetHeight >= 24)",
				"crumbs stand in their order":                            "(all => all.every((e, i) => i === 0 || e.getBoundingClientRect().left >= all[i - 1].getBoundingClientRect().right - 1))(Array.from(document.querySelectorAll('h1 bdi')))",
				"the zone is named":                                      "document.querySelector('thead span').checkVisibility() && document.querySelector('thead span').textContent === '(Europe/Berlin)'",
				"a time is local, with UTC in the title":                 "(e => e.textContent === '2023-07-02 01:30' && e.title === '2023-07-01 23:30 UTC')(document.querySelector('time[datetime^=\"2023-07\"]'))",
				"size and date stand below the name when narrow":         fmt.Sprintf("(([a, b, c]) => (b.getBoundingClientRect().top >= a.getBoundingClientRect().bottom - 1) === %v && (c.getBoundingClientRect().top >= a.getBoundingClientRect().bottom - 1) === %v)(Array.from(document.querySelectorAll('tbody tr')).find(e => e.querySelector('td[title]')).cells)", width < 600, width < 600),
				"a focused link is not below the head":                   "(async e => { scrollTo(0, 5000); await " + nextFrame + "; e.focus({preventScroll: true}); e.scrollIntoView({block: 'start'}); await " + nextFrame + "; const r = e.getBoundingClientRect(); return r.top >= document.querySelector('thead').getBoundingClientRect().bottom || JSON.stringify([r, document.querySelector('thead').getBoundingClientRect()]) })(document.querySelectorAll('tbody bdi a')[150])",
				"the size of a focused row is told in full":              "(e => { e.querySelector('a').focus({focusVisible: true}); return getComputedStyle(e.querySelector('td[title]'), '::after').content.includes('1,536 bytes') || getComputedStyle(e.querySelector('td[title]'), '::after').content.includes('attr') })(Array.from(document.querySelectorAll('tbody tr')).find(e => e.querySelector('td[title=\"1,536 bytes\"]')))",
				"no key but those of the field does something":           "(document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, cancelable: true})))",
				"the first crumb is called root, and rows have a header": "document.querySelector('h1 a').ariaLabel === 'root' && document.querySelectorAll('tbody tr > th[role=rowheader]').length === document.querySelectorAll('tbody tr').length",
			} {
				if got := b.run(script); got != "true" {
					t.Errorf("%s, %d pixels: it is not so that %s: %s", theme, width, what, got)
				}
			}
		}
	}
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "forced-colors", "value": "active"}}}, nil)
	if got := b.run("(e => getComputedStyle(e, '::before').backgroundColor !== getComputedStyle(document.body).backgroundColor)(document.querySelector('tbody bdi a[href$=\"/\"]'))"); got != "true" {
		t.Error("in forced colours the icon of a directory has the colour of the page")
	}
	b.picture("forced-colors")
}
