package site

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The page in a real browser: how it looks, in both themes and on a telephone,
// and what it does.
func TestPage(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	plant(t, dir, map[string]string{
		"pub/releases/docs/x":                "",
		"pub/releases/file2.txt":             strings.Repeat("a", 200),
		"pub/releases/file10.txt":            strings.Repeat("a", 20_000),
		"pub/releases/README.md":             strings.Repeat("a", 5213),
		"pub/releases/" + noSpaces + ".iso":  "",
		"pub/releases/<b>&\"' \u202ebidi":    "a",
		"pub/releases/\u05e9\u05dc\u05d5.md": "ab",
	})
	link(t, "file10.txt", dir+"/pub/releases/latest")
	must(t, os.Chtimes(dir+"/pub/releases/README.md", old, old.Add(36*time.Hour)))
	must(t, os.Chtimes(dir+"/pub/releases/docs", old, old.Add(-36*time.Hour)))
	for i, name := range hostileNames {
		os.MkdirAll(filepath.Join(dir, "hostile", name), 0o755)
		link(t, name, fmt.Sprintf("%s/hostile/link%d", dir, i))
	}
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	address := served(t, s)
	b.open(address + "/pub/releases/")

	t.Run("looks", func(t *testing.T) {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int{1200, 390, 320} {
				picture := b.look(theme, width, 800)
				if light := lightness(picture, 2, 2); light != (theme == "light") || lightness(picture, width-3, 797) != light {
					t.Errorf("the corners of the %s page are light: %v", theme, light)
				}
				if inked(picture) < 0.01 {
					t.Errorf("the %s page of %d pixels is empty", theme, width)
				}
				if got := b.run(fmt.Sprintf("document.documentElement.scrollWidth <= %d", width)); got != "true" {
					t.Errorf("%d pixels are not wide enough", width)
				}
			}
			if got := b.run(leastContrast); got < "4.5" { // WCAG 2, 1.4.3, and below 10 if at all
				t.Errorf("in the %s theme some text has a contrast of %s", theme, got)
			}
		}
	})

	t.Run("sorts", func(t *testing.T) {
		natural := "<b>&\"' \ufffdbidi " + noSpaces + ".iso docs/ file2.txt file10.txt latest README.md \u05e9\u05dc\u05d5.md"
		for _, step := range []struct {
			click int // a column's number, -1 for none
			names string
			says  string
		}{
			{-1, natural, "ascending,,"},
			{1, "file10.txt latest README.md file2.txt \u05e9\u05dc\u05d5.md <b>&\"' \ufffdbidi " + noSpaces + ".iso docs/", ",descending,"},
			{1, "docs/ " + noSpaces + ".iso <b>&\"' \ufffdbidi \u05e9\u05dc\u05d5.md file2.txt README.md file10.txt latest", ",ascending,"},
			{2, "README.md <b>&\"' \ufffdbidi " + noSpaces + ".iso file2.txt file10.txt latest \u05e9\u05dc\u05d5.md docs/", ",,descending"},
			{0, natural, "ascending,,"},
			{0, "\u05e9\u05dc\u05d5.md README.md latest file10.txt file2.txt docs/ " + noSpaces + ".iso <b>&\"' \ufffdbidi", "descending,,"},
			{0, natural, "ascending,,"},
		} {
			if step.click >= 0 {
				b.run(fmt.Sprintf("document.querySelectorAll('th button')[%d].click()", step.click))
			}
			b.run(nextFrame)
			if got := b.run(shownNames); got != step.names {
				t.Errorf("after a click on column %d: %q, want %q", step.click, got, step.names)
			}
			if got := b.run("Array.from(document.querySelectorAll('thead th'), th => th.ariaSort ?? '')"); got != step.says {
				t.Errorf("after a click on column %d the headers say %q, want %q", step.click, got, step.says)
			}
		}
	})

	t.Run("filters", func(t *testing.T) {
		b.run("document.querySelector('input[type=search]').focus()")
		for _, step := range []struct{ typed, names, summary string }{
			{"FILE", "file2.txt file10.txt", "2 of 8"}, // a link's target does not count
			{"txt FILE", "file2.txt file10.txt", "2 of 8"},
			{"FILE1*", "file10.txt", "1 of 8"},
			{"<b>", "<b>&\"' \ufffdbidi", "1 of 8"},
			{"no such", "", "0 of 8"},
		} {
			b.run("document.activeElement.select()")
			b.do("Input.insertText", map[string]any{"text": step.typed}, nil)
			b.run(nextFrame)
			if got := b.run(shownNames); got != step.names {
				t.Errorf("with %q: %q, want %q", step.typed, got, step.names)
			}
			if got := b.run("document.querySelector('output').value"); got != step.summary {
				t.Errorf("with %q the page says %q, want %q", step.typed, got, step.summary)
			}
		}
		b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27}, nil)
		b.run(nextFrame)
		if got := b.run("document.querySelector('output').value + document.querySelectorAll('tbody [hidden]').length"); got != "0" {
			t.Errorf("without a filter the page says %q, want none hidden and nothing said", got)
		}
	})

	t.Run("is accessible", func(t *testing.T) {
		var tree struct {
			Nodes []struct{ Role, Name struct{ Value string } }
		}
		b.do("Accessibility.getFullAXTree", nil, &tree)
		roles := make(map[string]string)
		for _, node := range tree.Nodes {
			roles[node.Role.Value] += node.Name.Value + ";"
		}
		for role, name := range map[string]string{"main": "", "table": "Index of", "row": "", "rowheader": "file2.txt", "cell": "", "columnheader": "Modified (UTC);", "button": "Size;", "searchbox": "Filter by name",
			"navigation": "Path", "heading": "Index of root pub/releases/", "contentinfo": "", "status": "", "link": "Parent directory"} {
			if names, ok := roles[role]; !ok || !strings.Contains(names, name) {
				t.Errorf("no %s %q, only %q", role, name, names)
			}
		}
	})

	t.Run("links", func(t *testing.T) {
		if got := b.run("performance.getEntriesByType('resource').length"); got != "0" {
			t.Errorf("the page loads %s things", got)
		}
		if got := b.run("Array.from(document.links).filter(a => a.search || a.hash).map(a => a.closest('footer') && a.getAttribute('href'))"); got != "?format=json,?format=text" {
			t.Errorf("to other forms of the list lead %s", got)
		}
		const icon = "getComputedStyle(Array.from(document.links).find(a => a.textContent === %q), '::before').backgroundImage"
		text, other, image := b.run(fmt.Sprintf(icon, "README.md")), b.run(fmt.Sprintf(icon, "latest")), b.run(fmt.Sprintf(icon, noSpaces+".iso"))
		if !strings.HasPrefix(text, `url("data:image/svg+xml,`) || text == other || text == image || other == image {
			t.Errorf("the icons are %s, %s and %s", text, other, image)
		}
		if len(b.complaints) > 0 {
			t.Errorf("the browser complains: %q", b.complaints)
		}
		for _, step := range []struct{ text, path string }{{"docs/", "/pub/releases/docs/"}, {"Parent directory", "/pub/releases/"}, {"pub", "/pub/"}, {"/", "/"}} { // the last is called root
			b.follow(fmt.Sprintf("Array.from(document.links).find(a => a.textContent === %q)", step.text))
			if got := b.run("location.pathname"); got != step.path {
				t.Errorf("%q leads to %s, want %s", step.text, got, step.path)
			}
		}
	})

	t.Run("hostile names", func(t *testing.T) {
		b.open(address + "/hostile/")
		rows := b.run("document.querySelectorAll('tbody tr').length - 1")
		if want := fmt.Sprint(len(listed(t, content(t, get(t, s, "/hostile/"))))); rows != want || len(want) < 2 {
			t.Errorf("the browser finds %s rows, want %s", rows, want)
		}
		if got := b.run("document.querySelectorAll('script').length + ' ' + document.querySelectorAll('svg, b, [onload], [onmouseover]').length"); got != "1 0" {
			t.Errorf("scripts and what acts: %s, want 1 0", got)
		}
		if got := b.run("Array.from(document.links).filter(a => a.host !== location.host || a.protocol !== 'http:').length"); got != "0" {
			t.Errorf("%s names lead to other sites", got)
		}
		if len(b.complaints) > 0 {
			t.Errorf("the browser complains: %q", b.complaints)
		}
		// The policy is in force, and we would hear of it.
		b.run("(e => { e.textContent = 'alert(1)'; document.body.append(e) })(document.createElement('script'))")
		b.run("(e => { e.style = 'x'; e.setAttribute('style', 'color: red'); document.body.append(e) })(document.createElement('p'))")
		b.run("new Promise(done => { const e = new Image(); e.onerror = done; e.src = '/hello.png' })")
		if got := strings.Join(b.complaints, "\n"); !strings.Contains(got, "script-src") || !strings.Contains(got, "style-src") || !strings.Contains(got, "img-src") {
			t.Errorf("of a script, a style and a picture the browser says only\n%s", got)
		}
	})

	t.Run("without script", func(t *testing.T) {
		b.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
		b.open(address + "/pub/releases/")
		if got := b.run("document.querySelectorAll('tbody tr').length + ' ' + document.querySelectorAll('button, input:not([type=hidden])').length"); got != "9 4" {
			t.Errorf("rows and controls: %s, want 9 4", got)
		}
	})
}

const noSpaces = "averyveryverylongnamewithoutanyspacesinitthatmustbewrappedsomewheresinceitiswiderthananytelephone"

// nextFrame waits until the page has done what an event asked for.
const nextFrame = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"

// shownNames are the names in the rows that are to be seen.
const shownNames = `Array.from(document.querySelectorAll('tbody tr')).filter(tr => tr.checkVisibility() && !tr.querySelector('a[href="../"]')).map(tr => tr.querySelector('a').textContent).join(' ')`

// leastContrast is the least contrast of text in the page (WCAG 2).
const leastContrast = `(() => {
	const luminance = color => {
		const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const paper = luminance(getComputedStyle(document.body).backgroundColor);
	const contrasts = Array.from(document.querySelectorAll('h1, a, small, button, td, th, footer p, input'), e => {
		const ink = luminance(getComputedStyle(e).color);
		return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
	});
	return Math.min(...contrasts, 9.9).toFixed(1);
})()`

// lightness reports whether the pixel there is light; neither is in between.
func lightness(picture image.Image, x, y int) bool {
	r, g, b, _ := picture.At(x, y).RGBA()
	return r+g+b > 3*0x8000
}

// inked returns how much of a picture is not as its corner is.
func inked(picture image.Image) float64 {
	bounds, n := picture.Bounds(), 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if picture.At(x, y) != picture.At(0, 0) {
				n++
			}
		}
	}
	return float64(n) / float64(bounds.Dx()*bounds.Dy())
}
