package site

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	const html = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	for _, test := range []struct {
		name, start, want string
	}{
		{"page.html", "<p>caf\xc3\xa9", "text/html; charset=utf-8"},
		{"PAGE.HTML", "caf\xc3\xa9", "text/html; charset=utf-8"},
		{"dir.png/page.html", "", "text/html"},
		{"style.css", "body{}", "text/css"},
		{"style.css", "q{quotes:'\xc2\xab'}", "text/css; charset=utf-8"},
		{"script.js", "var a = '\xe2\x82\xac'", "text/javascript; charset=utf-8"},
		{"module.mjs", "", "text/javascript"},
		{"data.json", "{}", "application/json"},
		{"data.json", "\"caf\xc3\xa9\"", "application/json"},
		{"image.svg", "<svg/>", "image/svg+xml"},
		{"image.png", "", "image/png"},
		{"image.png", html, "image/png"},
		{"page.html.gz", "\x1f\x8b", "application/gzip"},
		{"data.tar.gz", "\x1f\x8b", "application/gzip"},
		{"image.svgz", "<svg/>", "image/svg+xml"},
		{"pass.pkpass", "PK\x03\x04", "application/vnd.apple.pkpass"},
		{"chair.usdz", "PK\x03\x04", "model/vnd.usdz+zip"},
		{"vpn.mobileconfig", `<?xml version="1.0"?>`, "application/x-apple-aspen-config"},
		{"app.msix", "PK\x03\x04", "application/msix"},
		{"app.jnlp", "<jnlp/>", "application/x-java-jnlp-file"},
		{"root.crt", "-----BEGIN CERTIFICATE-----", "application/x-x509-ca-cert"},
		{"film.ts", "", "video/mp2t"},
		{"main.c", "int main", "text/plain"},
		{"song.MP3", "", "audio/mpeg"},

		// By content, for want of a known extension.
		{"noext", "NOEXT\n", "text/plain"},
		{"noext", "caf\xc3\xa9\n", "text/plain; charset=utf-8"},
		{"empty", "", "text/plain"},
		{"latin", "caf\xe9\n", "text/plain"},
		{"picture", png, "image/png"},
		{"picture.", png, "image/png"},
		{"dir.html/picture", png, "image/png"},
		{"picture.unknown", png, "image/png"},
		{"picture.averyverylongextension", png, "image/png"},
		{"document", "%PDF-1.7\n", "application/pdf"},
		{"noise", "\x00\x01\x02\xff\xfe", "application/octet-stream"},

		// Content that could act does not, unless it is called so.
		{"page", html, "text/plain"},
		{"page.unknown", html, "text/plain"},
		{"page.html~", html, "text/plain"},
		{"picture2", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "text/plain"},
		{"picture3", `<svg onload="alert(1)"/>`, "text/plain"},
		{"feed", `<?xml version="1.0"?><rss/>`, "text/plain"},
		{"script", "#!/bin/sh\necho", "text/plain"},
		{"object", `{"a":1}`, "text/plain"},
	} {
		if got, coding := new(Site).contentType(test.name, []byte(test.start), true); got != test.want || coding != "" {
			t.Errorf("%s of %.20q is %q, want %q", test.name, test.start, got, test.want)
		}
	}
}

// A charset is sent only where it is surely right: what a page says of itself is
// never overridden by a guess.
func TestCharset(t *testing.T) {
	const cafe = "caf\xc3\xa9"
	far := strings.Repeat(" ", prescan)
	s := new(Site)
	for _, test := range []struct {
		what, name, text string
		want             bool
	}{
		{"UTF-8", "a.txt", cafe, true},
		{"UTF-8 of four octets", "a.txt", "\xf0\x9f\x8d\xb5", true},
		{"a byte order mark", "a.txt", "\xef\xbb\xbfcafe", true},
		{"UTF-8 behind much ASCII", "a.html", far + far + cafe, true},
		{"nothing", "a.txt", "", false},
		{"ASCII", "a.txt", "cafe", false},
		{"ISO-8859-1", "a.txt", "caf\xe9", false},
		{"ISO-8859-1 behind UTF-8", "a.txt", cafe + "caf\xe9", false},
		{"UTF-16", "a.txt", "\xff\xfea\x00", false},
		{"half a character", "a.txt", cafe + "\xc3", false},
		{"overlong", "a.txt", cafe + "\xc1\xaa", false},
		{"ISO-2022-JP", "a.html", "\x1b$B$3\x1b(B", false},
		{"ISO-2022-JP and UTF-8", "a.html", cafe + "\x1b$B$3\x1b(B", false},
		{"HZ", "a.html", "~{VPND~}", false},
		{"HZ and UTF-8", "a.html", "~{VPND~}" + cafe, false},

		{"meta", "a.html", "<meta charset=utf-8>" + cafe, true},
		{"meta, quoted", "a.html", "<META CHARSET = \"UTF-8\" >" + cafe, true},
		{"meta, by its other name", "a.html", "<meta charset='utf8'>" + cafe, true},
		{"meta, of another", "a.html", "<meta charset=windows-1251>\xcd\xb3", false},
		{"meta, of another, quoted", "a.html", "<mEtA cHaRsEt = '\nGB2312'>\xc4\xa3", false},
		{"meta, http-equiv", "a.html", `<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">` + "\xc3\xa9", false},
		{"an XML declaration", "a.html", `<?xml version="1.0" encoding="windows-1251"?>` + "\xcd\xb3", false},
		{"an XML declaration of UTF-8", "a.html", `<?xml version="1.0" encoding="utf-8"?>` + cafe, true},
		{"meta behind the word", "a.html", "<!-- the charset --><meta charset=big5>" + "\xc4\xa3", false},
		{"the word alone", "a.html", "the charset" + cafe, true},
		{"meta where nobody looks", "a.html", far + "<meta charset=big5>" + cafe, true},
		{"meta in plain text", "a.txt", "<meta charset=big5>" + cafe, true},
		{"a style sheet's", "a.css", `@charset "windows-1251";/*` + "\xcd\xb3*/", false},
		{"a style sheet's of UTF-8", "a.css", `@charset "utf-8";/*` + cafe + "*/", true},
	} {
		kind := extensions[extensionOf(test.name)]
		want := kind
		if test.want {
			want += "; charset=utf-8"
		}
		if got, _ := s.contentType(test.name, []byte(test.text), true); got != want {
			t.Errorf("%s: %q, want %q", test.what, got, want)
		}
		if got, _ := s.contentType(test.name, []byte(test.text), false); got != kind {
			t.Errorf("the start of %s: %q, want %q", test.what, got, kind)
		}
	}
}

// A real browser reads each page in the encoding that the page names, also where
// its first octets that tell come after more than is looked at.
func TestCharsetInBrowser(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	address := served(t, s)
	for _, test := range []struct{ charset, written, want string }{
		{"ISO-8859-1", "caf\xe9", "café"},
		{"ISO-8859-1", "\xc3\xa9", "Ã©"},
		{"windows-1251", "\xcd\xb3", "Ні"},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"ISO-2022-JP", "\x1b$B$3$s\x1b(B", "こん"},
		{"utf-8", "caf\xc3\xa9", "café"},
	} {
		for _, before := range []int{0, sampleSize, defaultMaxInline} {
			page := fmt.Sprintf("<!DOCTYPE html><meta charset=%s><title>t</title>%s<p>%s", test.charset, strings.Repeat(" ", before), test.written)
			plant(t, dir, map[string]string{"page.html": page})
			b.open(address + "/page.html")
			if got := b.run("document.querySelector('p').textContent"); got != test.want {
				t.Errorf("%s behind %d octets: %q is read as %q, want %q", test.charset, before, test.written, got, test.want)
			}
		}
	}
}

func TestExtensions(t *testing.T) {
	kind := regexp.MustCompile(`^(text|image|audio|video|font|model|application)/[a-z0-9.+-]+$`)
	for extension, got := range extensions {
		if extension != strings.ToLower(extension) || len(extension) >= maxExtension || !kind.MatchString(got) {
			t.Errorf("%q: %q", extension, got)
		}
	}
}
