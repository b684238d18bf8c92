package site

import (
	"errors"
	"strings"
	"testing"
)

// decodeServed is decode for what is not a program's: a hidden path is refused.
func decodeServed(raw []byte) (path, error) {
	p, hidden, err := decode(raw)
	if hidden {
		return path{}, errNoName
	}
	return p, err
}

func TestDecode(t *testing.T) {
	long := strings.Repeat("n", 255)
	for _, test := range []struct {
		raw   string
		name  string
		slash bool
		err   error
	}{
		{"/", "", true, nil},
		{"/a", "a", false, nil},
		{"/a/", "a", true, nil},
		{"/a/b c", "a/b c", false, nil},
		{"/a%20b", "a b", false, nil},
		{"/plus+sign", "plus+sign", false, nil},
		{"/hello%2Etxt", "hello.txt", false, nil},
		{"/percent%2541.txt", "percent%41.txt", false, nil},
		{"/%252e%252e/x", "%2e%2e/x", false, nil},
		{"/caf%C3%A9", "caf\xc3\xa9", false, nil},
		{"/caf\xc3\xa9", "caf\xc3\xa9", false, nil},
		{"/%ff%01%7f", "\xff\x01\x7f", false, nil},
		{"/semi;colon", "semi;colon", false, nil},
		{"/a%5c..%5cb", `a\..\b`, false, nil},
		{"/a\\b", `a\b`, false, nil},
		{"/" + long, long, false, nil},

		// Detours (RFC 3986 §5.2.4).
		{"//", "", true, nil},
		{"//etc/passwd", "etc/passwd", false, nil},
		{"/a//b", "a/b", false, nil},
		{"/./a", "a", false, nil},
		{"/a/.", "a", true, nil},
		{"/a/%2e/", "a", true, nil},
		{"/a/..", "", true, nil},
		{"/a/%2e%2e", "", true, nil},
		{"/a/b/..", "a", true, nil},
		{"/a/b/../", "a", true, nil},
		{"/a/../b", "b", false, nil},
		{"/a/b/../../c", "c", false, nil},
		{"/a/.%2e/b", "b", false, nil},
		{"/ab/cd/../e", "ab/e", false, nil},

		// Above the root.
		{"/..", "", false, errMalformed},
		{"/../", "", false, errMalformed},
		{"/../a", "", false, errMalformed},
		{"/%2e%2e/a", "", false, errMalformed},
		{"/a/../..", "", false, errMalformed},
		{"/a//../../b", "", false, errMalformed},

		// Names that are not served.
		{"/.hidden", "", false, errNoName},
		{"/%2ehidden", "", false, errNoName},
		{"/.hidden/../a", "", false, errNoName},
		{"/a/.git/config", "", false, errNoName},
		{"/...", "", false, errNoName},
		{"/..;/a", "", false, errNoName},
		{"/..%5ca", "", false, errNoName},
		{"/..%09/a", "", false, errNoName},
		{"/" + long + "n", "", false, errNoName},
		{strings.Repeat("/"+long, 17), "", false, errNoName},

		// An encoded slash is in no name.
		{"/a%2fb", "", false, errNoName},
		{"/%2fetc/passwd", "", false, errNoName},
		{"/..%2f..%2fetc", "", false, errNoName},
		{"/a%2F..", "", false, errNoName},

		{"", "", false, errMalformed},
		{"*", "", false, errMalformed},
		{"a", "", false, errMalformed},
		{"/%", "", false, errMalformed},
		{"/%4", "", false, errMalformed},
		{"/%4/", "", false, errMalformed},
		{"/%zz", "", false, errMalformed},
		{"/%+1", "", false, errMalformed},
		{"/a%00", "", false, errMalformed},
		{"/%00/../../a", "", false, errMalformed},
	} {
		got, err := decodeServed([]byte(test.raw))
		if !errors.Is(err, test.err) || err == nil && got != (path{test.name, test.slash}) {
			t.Errorf("decode(%.40q) = %.40q, %v, %v, want %.40q, %v, %v", test.raw, got.name, got.slash, err, test.name, test.slash, test.err)
		}
	}
}

func TestDecodeKeepsNothing(t *testing.T) {
	raw := []byte("/lent%20bytes")
	got, err := decodeServed(raw)
	must(t, err)
	copy(raw, "/overwritten!")
	if got.name != "lent bytes" {
		t.Errorf("the path is %q after its bytes were used again", got.name)
	}
}

func TestPathAppend(t *testing.T) {
	for _, test := range []struct {
		path path
		want string
	}{
		{path{"", true}, "/"},
		{path{"a", false}, "/a"},
		{path{"a/b", true}, "/a/b/"},
		{path{"a b", false}, "/a%20b"},
		{path{`\evil.example`, true}, "/%5Cevil.example/"},
		{path{"a\r\nX-Inj: yes", true}, "/a%0D%0AX-Inj:%20yes/"},
		{path{"100%", false}, "/100%25"},
		{path{"caf\xc3\xa9", false}, "/caf%C3%A9"},
		{path{`?#"<>&'`, false}, "/%3F%23%22%3C%3E%26%27"},
	} {
		if got := string(test.path.append(nil)); got != test.want {
			t.Errorf("%+v is written %q, want %q", test.path, got, test.want)
		}
	}
}

// FuzzDecode: what is accepted is a name that cannot leave the root, and its
// own spelling means the same.
func FuzzDecode(f *testing.F) {
	for _, raw := range []string{"/", "/a/b/", "/a/../b", "/%2e%2e/a", "/a%2fb", "//etc", "/a/%2e/b", "/.a", "/%00", "/caf%C3%A9", "*"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := decodeServed(raw)
		if err != nil {
			if p != (path{}) || err != errMalformed && err != errNoName {
				t.Fatalf("decode(%q) = %+v, %v", raw, p, err)
			}
			return
		}
		if p.name == "" && !p.slash {
			t.Fatalf("decode(%q) is a root that is no directory", raw)
		}
		if p.name != "" {
			for segment := range strings.SplitSeq(p.name, "/") {
				if segment == "" || segment[0] == '.' || strings.ContainsRune(segment, 0) {
					t.Fatalf("decode(%q) has a segment %q", raw, segment)
				}
			}
		}
		spelt := p.append(nil)
		if len(spelt) > 1 && spelt[1] == '/' {
			t.Fatalf("%+v is written %q, another host", p, spelt)
		}
		for _, c := range spelt {
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^`+"`{|}", c) >= 0 {
				t.Fatalf("%+v is written %q", p, spelt)
			}
		}
		if again, err := decodeServed(spelt); err != nil || again != p {
			t.Fatalf("decode(%q) = %+v, %v, want %+v", spelt, again, err, p)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := []byte("/some/usual/path/to%20a/file.html")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
