package site

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"xanadu/internal/sys"
)

// How long it takes until a long list can be used, and what a key and a sort take.
// The figures are for a person to read. What fails is growth out of proportion:
// a list that is four times as long may take four times as long, and some more for
// what else the machine does.
func TestPageSpeed(t *testing.T) {
	b := newBrowser(t)
	const long, factor, tolerance = 50_000, 4, 3
	var pages [2][]byte
	for i, n := range [...]int{long / factor, long} {
		page := beginHTML(nil, path{name: "long", slash: true}, new(view))
		for j := range n {
			e := entry{name: fmt.Sprintf("file %d.txt", j), size: int64(j * 7919 % 1_000_003), modified: sys.Time{Sec: 1_700_000_000 + int64(j)}}
			page = appendHTML(page, &e, j)
		}
		pages[i] = endHTML(page, &tally{files: int64(n), complete: true})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", formats[0].kind)
		page := pages[0]
		if r.URL.Path == "/long/" {
			page = pages[1]
		}
		w.Write(page)
	}))
	t.Cleanup(server.Close)
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	type figures struct{ usable, slowestKey, sort int }
	var taken [2]figures
	for i, path := range [...]string{"/short/", "/long/"} {
		n := len(pages[i])
		b.open("about:blank")
		b.open(server.URL + path)
		f := &taken[i]
		// The page is usable when the first frame after the last row is done.
		f.usable = b.milliseconds("(async () => { await " + nextFrame + "; return performance.now() })()")
		for _, typed := range []string{"7", "77", "777", "77", "7", "", "no such name", ""} {
			f.slowestKey = max(f.slowestKey, b.milliseconds(fmt.Sprintf(`(async () => {
				const start = performance.now(), filter = document.querySelector("input[type=search]");
				filter.value = %q;
				filter.dispatchEvent(new Event("input"));
				await %s;
				return performance.now() - start;
			})()`, typed, nextFrame)))
		}
		for range 2 {
			f.sort = max(f.sort, b.milliseconds(`(async () => {
				const start = performance.now();
				document.querySelectorAll("thead button")[1].click();
				await `+nextFrame+`;
				return performance.now() - start;
			})()`))
		}
		t.Logf("%d octets: usable after %d ms, the slowest key %d ms, the slowest sort %d ms", n, f.usable, f.slowestKey, f.sort)
		if got := b.run("document.querySelectorAll('tbody tr').length"); got != strconv.Itoa(long/[...]int{factor, 1}[i]+1) {
			t.Errorf("%s rows", got)
		}
	}
	const least = 50 // milliseconds, below which other things are measured
	for _, step := range []struct {
		name        string
		short, long int
	}{
		{"until it can be used", taken[0].usable, taken[1].usable},
		{"a key", taken[0].slowestKey, taken[1].slowestKey},
		{"a sort", taken[0].sort, taken[1].sort},
	} {
		if step.long > factor*tolerance*max(step.short, least) {
			t.Errorf("%s: %d ms, and %d ms with %d times as many rows", step.name, step.short, step.long, factor)
		}
	}
}

// The list can be sorted and filtered while it arrives, and what arrives later
// takes its place.
func TestPageWhileItArrives(t *testing.T) {
	b := newBrowser(t)
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", formats[0].kind)
		page := beginHTML(nil, path{}, new(view))
		const n = 1000
		for j := range n {
			e := entry{name: fmt.Sprintf("%d", j), size: int64(j)}
			page = appendHTML(page, &e, j)
			if j == n/2 {
				w.Write(page)
				w.(http.Flusher).Flush()
				page = nil
				select {
				case <-more:
				case <-r.Context().Done():
				}
			}
		}
		w.Write(endHTML(page, &tally{files: n, complete: true}))
	}))
	t.Cleanup(server.Close)
	b.send("Page.navigate", map[string]any{"url": server.URL + "/"})
	b.run(`new Promise(done => {
		const look = () => document.querySelectorAll("tbody tr").length > 500 ? done() : setTimeout(look, 10);
		look();
	})`)
	b.run(`document.querySelectorAll("thead button")[1].click()`)
	b.run(nextFrame)
	const first = `document.querySelector("tbody tr:not([hidden]) a").textContent`
	if got, err := strconv.Atoi(b.run(first)); err != nil || got < 400 || got > 500 {
		t.Errorf("halfway the largest of the rows is %d, %v", got, err)
	}
	b.run(`(filter => { filter.value = "3"; filter.dispatchEvent(new Event("input")) })(document.querySelector("input[type=search]"))`)
	b.run(nextFrame)
	if got := b.run(first); got != "493" {
		t.Errorf("halfway the first with a 3 in it is %s, want 493", got)
	}
	if got := b.run("document.readyState"); got != "loading" {
		t.Errorf("the page is %s before its last octet", got)
	}
	close(more)
	b.run(`new Promise(done => {
		const look = () => document.readyState === "complete" ? done() : setTimeout(look, 10);
		look();
	})`)
	b.run(nextFrame)
	if got, want := b.run(first+" + ' ' + document.querySelector('output').value + ' ' + document.querySelectorAll('tbody tr').length"), "993 271 of 1000 1000"; got != want {
		t.Errorf("at the end: %s, want %s", got, want)
	}
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains: %q", b.complaints)
	}
}

// milliseconds runs a script whose value is a time in milliseconds.
func (b *browser) milliseconds(script string) int {
	b.t.Helper()
	f, err := strconv.ParseFloat(b.run(script), 64)
	must(b.t, err)
	return int(f)
}

// An order that was asked for before the first row has arrived holds for all rows.
func TestPageBeforeItArrives(t *testing.T) {
	b := newBrowser(t)
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", formats[0].kind)
		w.Write(beginHTML(nil, path{}, new(view)))
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
		}
		var page []byte
		const n = 3
		for j := range n {
			e := entry{name: fmt.Sprint(j), size: int64(j)}
			page = appendHTML(page, &e, j)
		}
		w.Write(endHTML(page, &tally{files: n, complete: true}))
	}))
	t.Cleanup(server.Close)
	b.send("Page.navigate", map[string]any{"url": server.URL + "/#sort=size&order=desc"})
	b.await(`new Promise(done => {
		const look = () => document.querySelector("thead [aria-sort=descending]") ? done() : setTimeout(look, 10);
		look();
	})`)
	b.await(nextFrame)
	close(more)
	b.await(`new Promise(done => {
		const look = () => document.readyState === "complete" ? done() : setTimeout(look, 10);
		look();
	})`)
	b.await(nextFrame)
	if got := b.run(shownNames); got != "2 1 0" {
		t.Errorf("by size: %q, want 2 1 0", got)
	}
}
