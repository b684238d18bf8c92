package site

import (
	"os"
	"strings"
	"testing"
)

const someTypes = `# comment
application/msword		doc dot
application/x-ruby		rb
application/x-thing		thing
application/sql			sql
audio/mpegurl			m3u
application/vnd.google-earth.kmz	kmz KMZ2
application/vnd.openxmlformats-officedocument.wordprocessingml.template	dotx
application/no-extension
text/x-csrc			csrc c
text/vnd.special		spec	# comment
application/second		doc spec

text/html			shtml
application/xhtml+xml		xht
image/svg+xml			vector
application/atom+xml		feed
text/xml			xmltext
text/javascript			jsx
application/vnd.adobe.flash.movie	swf
message/rfc822			eml
multipart/related		mht
not-a-type			bad
a/b/c				bad
text/"quoted"			bad
TEXT/UPPER			bad
`

// What the system knows counts where we know nothing, for nothing that could act.
func TestSystemTypes(t *testing.T) {
	s := &Site{types: parseTypes(strings.NewReader(someTypes))}
	const page = "<!DOCTYPE html><script>alert(1)</script>"
	for _, test := range []struct {
		name, start, want string
	}{
		{"a.dot", "\x00", "application/msword"},
		{"a.kmz", "PK\x03\x04", "application/vnd.google-earth.kmz"},
		{"a.KMZ2", "PK\x03\x04", "application/vnd.google-earth.kmz"},
		{"a.dotx", "PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
		{"a.spec", "text", "text/vnd.special"},
		{"a.spec", "caf\xc3\xa9", "text/vnd.special; charset=utf-8"},

		// Ours go first.
		{"a.doc", "", "application/msword"},
		{"a.c", "int main", "text/plain"},

		// What is there to be read.
		{"a.rb", "puts 1", "text/plain"},
		{"a.csrc", "int main", "text/plain"},
		{"a.sql", "SELECT 1;", "text/plain"},
		{"a.m3u", "#EXTM3U", "audio/mpegurl"},
		{"a.thing", "\x00\x01\x02\xff", "application/x-thing"},

		// What could act.
		{"a.shtml", page, "text/plain"},
		{"a.xht", page, "text/plain"},
		{"a.vector", "<svg onload='alert(1)'/>", "text/plain"},
		{"a.feed", "<?xml version='1.0'?><feed/>", "text/plain"},
		{"a.xmltext", "<?xml version='1.0'?><a/>", "text/plain"},
		{"a.jsx", "alert(1)", "text/plain"},
		{"a.swf", "\x00\x01\x02\xff", "application/octet-stream"},
		{"a.eml", "Content-Type: text/html\n\n" + page, "text/plain"},
		{"a.mht", "Content-Type: text/html\n\n" + page, "text/plain"},
		{"a.bad", "text", "text/plain"},
		{"a.", "text", "text/plain"},
		{"a", "text", "text/plain"},
	} {
		if got, _ := s.contentType(test.name, []byte(test.start), true); got != test.want {
			t.Errorf("%s of %.20q is %q, want %q", test.name, test.start, got, test.want)
		}
	}
}

// Whatever a mime.types says, nothing comes of it that breaks a field or acts.
func FuzzParseTypes(f *testing.F) {
	f.Add(someTypes)
	f.Add("text/html\x00 a\ntext/plain;charset=x b\n\ttext/a\tb\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for extension, kind := range parseTypes(strings.NewReader(text)) {
			if extension != strings.ToLower(extension) || !isType(kind) || isActive(kind) || strings.ContainsAny(kind, " ;\r\n\x00") {
				t.Errorf("%q: %q", extension, kind)
			}
		}
	})
}

// The system's own file, where there is one.
func TestSystemTypesFile(t *testing.T) {
	for _, name := range typesFiles {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		ts := parseTypes(f)
		if len(ts) < 100 || ts["html"] != "" || ts["zip"] != "application/zip" {
			t.Errorf("%s: %d types, html %q, zip %q", name, len(ts), ts["html"], ts["zip"])
		}
		return
	}
	t.Skip("this system has no mime.types")
}

// A compressed picture is sent as what it is once it is unpacked, and a gzip file as
// one.
func TestContentEncoding(t *testing.T) {
	const packed = "\x1f\x8b\x08\x00packed"
	dir := t.TempDir()
	plant(t, dir, map[string]string{
		"a.svgz": packed, "plain.svgz": "<svg/>", "a.svg.gz": packed, "a.tar.gz": packed, "a.gz": packed, "b.svg": packed,
		"long.svgz": packed + noise(300_000),
	})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	for _, test := range []struct{ target, kind, coding string }{
		{"/a.svgz", "image/svg+xml", "gzip"},
		{"/long.svgz", "image/svg+xml", "gzip"},
		{"/plain.svgz", "image/svg+xml", ""},
		{"/a.svg.gz", "application/gzip", ""},
		{"/a.tar.gz", "application/gzip", ""},
		{"/a.gz", "application/gzip", ""},
		{"/b.svg", "image/svg+xml", ""},
	} {
		p := get(t, s, test.target)
		if got := field(t, p, "Content-Encoding"); p.Type != test.kind || got != test.coding || field(t, p, "X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q, encoding %q, want %q and %q", test.target, p.Type, got, test.kind, test.coding)
		}
	}
	if get(t, s, "/a.svgz").ETag == get(t, s, "/b.svg").ETag {
		t.Error("a coded picture has the tag of one that is not")
	}
	if len(nosniff) != 1 {
		t.Errorf("what all replies share is %v", nosniff)
	}
}
