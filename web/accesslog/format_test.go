package accesslog

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xanadu/internal/kit"
	"xanadu/web"
)

// request makes a request of some fields, as the server would have read it.
func request(fields ...string) *web.Request {
	r := &web.Request{
		Line:   []byte("GET /a?b HTTP/1.1"),
		Method: []byte("GET"),
		Target: []byte("/a?b"),
		Host:   []byte("h:80"),
	}
	for i := 0; i < len(fields); i += 2 {
		r.Fields = append(r.Fields, web.Field{Name: []byte(fields[i]), Value: []byte(fields[i+1])})
	}
	return r
}

func TestFormats(t *testing.T) {
	peer := netip.MustParseAddrPort
	eastern := time.FixedZone("EST", -5*3600)
	long := strings.Repeat("a", maxField)
	for _, c := range []struct {
		name, format string
		rec          web.Record
		want         string
	}{
		{"the manual's first", "sws",
			web.Record{Peer: peer("155.246.89.8:40000"), Time: noon, Line: []byte("GET / HTTP/1.0"), Status: 200, Bytes: 1406},
			`155.246.89.8 2019-10-28T12:12:12Z "GET / HTTP/1.0" 200 1406`},
		{"the manual's first", "common",
			web.Record{Peer: peer("155.246.89.8:40000"), Time: noon, Line: []byte("GET / HTTP/1.0"), Status: 200, Bytes: 1406},
			`155.246.89.8 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.0" 200 1406`},
		{"IPv6, no content, local time", "common",
			web.Record{Peer: peer("[2001::fe72:3900]:1"), Time: time.Date(2023, 12, 31, 23, 59, 59, 0, eastern), Line: []byte("HEAD / HTTP/1.1"), Status: 304},
			`2001::fe72:3900 - - [01/Jan/2024:04:59:59 +0000] "HEAD / HTTP/1.1" 304 -`},
		{"nothing received", "common",
			web.Record{Time: noon, Status: 408, Bytes: 9}, `127.0.0.1 - - [28/Oct/2019:12:12:12 +0000] "-" 408 9`},
		{"no request understood", "combined",
			web.Record{Time: noon, Line: []byte("\x16\x03\x01"), Status: 400, Bytes: 9},
			`127.0.0.1 - - [28/Oct/2019:12:12:12 +0000] "\x16\x03\x01" 400 9 "-" "-"`},
		{"names in any case, the first of two", "combined",
			web.Record{Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200, Bytes: 9,
				Request: request("user-AGENT", "curl/8.5.0", "Accept", "*/*", "REFERER", "http://h/?q=\"x\"\x1b", "Referer", "no")},
			`127.0.0.1 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.1" 200 9 "http://h/?q=\x22x\x22\x1b" "curl/8.5.0"`},
		{"without a value, and a dash", "combined",
			web.Record{Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200, Bytes: 9,
				Request: request("Referer", "", "User-Agent", "-")},
			`127.0.0.1 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.1" 200 9 "" "\x2d"`},
		{"as long as is shown, and one longer", "combined",
			web.Record{Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200, Bytes: 9,
				Request: request("Referer", long, "User-Agent", long+"a")},
			`127.0.0.1 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.1" 200 9 "` + long + `" "` + long + `\..."`},
		{"a request", "json",
			web.Record{Peer: peer("[::ffff:155.246.89.8]:40000"), Time: noon, Line: []byte("GET /a?b HTTP/1.1"), Status: 200, Bytes: 1406,
				Request: request("User-Agent", "curl/8.5.0")},
			`{"time":"2019-10-28T12:12:12Z","remote":"155.246.89.8","port":40000,"request":"GET /a?b HTTP/1.1","status":200,"bytes":1406,` +
				`"method":"GET","target":"/a?b","host":"h:80","referer":null,"user_agent":"curl/8.5.0"}`},
		{"nothing received", "json",
			web.Record{Time: noon, Status: 408},
			`{"time":"2019-10-28T12:12:12Z","remote":"127.0.0.1","port":null,"request":null,"status":408,"bytes":0,` +
				`"method":null,"target":null,"host":null,"referer":null,"user_agent":null}`},
		{"hostile octets", "json",
			web.Record{Peer: peer("[fe80::1%e\"\n]:9"), Time: noon, Line: []byte("-\"\\x22\r\n\x00\xff</é"), Status: 400,
				Request: request("Referer", "", "User-Agent", "-\x1b[2J")},
			`{"time":"2019-10-28T12:12:12Z","remote":"fe80::1%e\\x22\\x0a","port":9,` +
				`"request":"-\\x22\\x5cx22\\x0d\\x0a\\x00\\xff</\\xc3\\xa9","status":400,"bytes":0,` +
				`"method":"GET","target":"/a?b","host":"h:80","referer":"","user_agent":"-\\x1b[2J"}`},
	} {
		t.Run(c.format+"/"+c.name, func(t *testing.T) {
			f, err := ParseFormat(c.format)
			if err != nil {
				t.Fatal(err)
			}
			got := string(f.Line([]byte("before "), &c.rec))
			if want := "before " + c.want + "\n"; got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestParseFormat(t *testing.T) {
	for _, name := range FormatNames() {
		if f, err := ParseFormat(name); err != nil || f.Name != name {
			t.Errorf("%s: got %q, %v", name, f.Name, err)
		}
	}
	for _, name := range []string{"", "SWS", "apache"} {
		_, err := ParseFormat(name)
		if want := `"` + name + `" is none of sws, common, combined, json`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The date of the Common Log Format has to be what the time package prints.
func TestDateAsFormatted(t *testing.T) {
	for month := range 12 {
		at := time.Date(2000+month, time.Month(month+1), 1+month, month, 59-month, month, 0, time.UTC)
		if got, want := string(appendDate(nil, at)), at.Format("02/Jan/2006:15:04:05 -0700"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// shown are the patterns of a line in each format, with what a client decides
// on in groups: request line, then Referer and User-Agent where they stand.
var shown = map[string]*regexp.Regexp{
	"sws":    regexp.MustCompile(`^127\.0\.0\.1 \S+Z "([^"]*)" 200 7\n$`),
	"common": regexp.MustCompile(`^127\.0\.0\.1 - - \[\S+ \+0000\] "([^"]*)" 200 7\n$`),
	"combined": regexp.MustCompile(
		`^127\.0\.0\.1 - - \[\S+ \+0000\] "([^"]*)" 200 7 "([^"]*)" "([^"]*)"\n$`),
}

// checkFormats holds the lines of one record against what every format
// promises: one line of printable ASCII, of its shape, from which what the
// client sent can be read back.
func checkFormats(t *testing.T, line, referer, agent []byte) {
	t.Helper()
	r := &web.Request{Line: line, Method: line, Target: line, Host: line, Fields: []web.Field{
		{Name: []byte("Referer"), Value: referer}, {Name: []byte("User-Agent"), Value: agent}}}
	sent := [][]byte{line, referer, agent}
	limits := []int{maxLine, maxField, maxField}
	for _, f := range formats {
		got := f.Line(nil, &web.Record{Time: noon, Line: line, Status: 200, Bytes: 7, Request: r})
		for i, c := range got {
			if last := i == len(got)-1; last != (c == '\n') || !last && (c < ' ' || c > '~') {
				t.Fatalf("%s: %q gives octet %#x at %d of %q", f.Name, sent, c, i, got)
			}
		}
		var back [][]byte
		if f.Name == "json" {
			back = stringsOf(t, got)
		} else {
			m := shown[f.Name].FindSubmatch(got)
			if m == nil {
				t.Fatalf("%s: %q gives %q", f.Name, sent, got)
			}
			back = m[1:]
		}
		for i, b := range back {
			octets, cut := b, false
			// Outside of JSON, where it is null, what is absent is a dash. A
			// request line without octets is absent.
			if absent := string(b) == "-" && f.Name != "json" || b == nil; absent {
				octets = nil
				if i > 0 {
					t.Fatalf("%s: value %d of %q is absent from %q", f.Name, i, sent, got)
				}
			} else {
				octets, cut = unescape(t, b)
			}
			if cut != (len(sent[i]) > limits[i]) || !bytes.Equal(octets, sent[i][:min(len(sent[i]), limits[i])]) {
				t.Fatalf("%s: %q is read back as %q, cut: %v", f.Name, sent[i], octets, cut)
			}
		}
	}
}

// stringsOf returns the strings of a JSON line that a client decides on, nil
// for null.
func stringsOf(t *testing.T, line []byte) [][]byte {
	t.Helper()
	var object struct {
		Time                                               time.Time
		Remote                                             string
		Port                                               *int
		Request, Method, Target, Host, Referer, User_agent *string
		Status, Bytes                                      int
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&object); err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	if !object.Time.Equal(noon.Truncate(time.Second)) || object.Remote != "127.0.0.1" || object.Port != nil || object.Status != 200 || object.Bytes != 7 {
		t.Fatalf("%q is read as %+v", line, object)
	}
	var all [][]byte
	for _, s := range []*string{object.Request, object.Referer, object.User_agent} {
		if s == nil {
			all = append(all, nil)
		} else {
			all = append(all, []byte(*s))
		}
	}
	return all
}

// unescape is the reader's side: what AppendLine makes of octets, undone.
func unescape(t *testing.T, shown []byte) (line []byte, cut bool) {
	shown, cut = bytes.CutSuffix(shown, []byte(`\...`))
	for len(shown) > 0 {
		if shown[0] != '\\' {
			line, shown = append(line, shown[0]), shown[1:]
			continue
		}
		if len(shown) < 4 || shown[1] != 'x' {
			t.Fatalf("%q begins no escape", shown)
		}
		octet, err := hex.DecodeString(string(shown[2:4]))
		if err != nil {
			t.Fatal(err)
		}
		line, shown = append(line, octet...), shown[4:]
	}
	return line, cut
}

// Every octet, wherever a client can put it.
func TestEveryOctetInEveryFormat(t *testing.T) {
	for c := range 256 {
		one, more := []byte{byte(c)}, []byte{'a', byte(c), byte(c), 'z'}
		checkFormats(t, one, more, one)
		checkFormats(t, more, one, nil)
	}
	checkFormats(t, bytes.Repeat([]byte{'\n'}, maxLine+1), bytes.Repeat([]byte{0}, maxField+1), bytes.Repeat([]byte{'"'}, maxField))
}

func FuzzFormats(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.0"), []byte("http://h/"), []byte("curl/8.5.0"))
	f.Add([]byte("GET /\"\\x22\r\n\x1b"), []byte("\\"), []byte("-"))
	f.Add([]byte{}, []byte{}, []byte("\u2028\xff"))
	f.Fuzz(func(t *testing.T, line, referer, agent []byte) { checkFormats(t, line, referer, agent) })
}

func TestFormatsAllocateNothing(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector allocates")
	}
	rec := &web.Record{
		Peer:    netip.MustParseAddrPort("[::ffff:127.0.0.1]:9"),
		Time:    time.Now(),
		Line:    []byte("GET /\"1k.html HTTP/1.1"),
		Status:  200,
		Bytes:   1024,
		Request: request("Referer", "http://h/", "User-Agent", "curl/8.5.0\x1b"),
	}
	dst := make([]byte, 0, 512)
	for _, f := range formats {
		if n := testing.AllocsPerRun(100, func() { dst = f.Line(dst[:0], rec) }); n != 0 {
			t.Errorf("%s: %v allocations per line, want 0", f.Name, n)
		}
	}
}

// A gap in the log is told in the log's own format.
func TestLostInFormat(t *testing.T) {
	for name, want := range map[string]string{
		"combined": "1\n# 2000-01-01T00:00:00Z 2 lines lost: they came faster than they could be written\n",
		"json":     "1\n" + `{"time":"2000-01-01T00:00:00Z","lost":2}` + "\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			format, err := ParseFormat(name)
			if err != nil {
				t.Fatal(err)
			}
			s := &sink{room: -1}
			l := New(s, "sink", &Options{Format: format, QueueBytes: 4})
			l.Deliver([]byte("1\n"))
			l.Deliver([]byte("2\n3\n"))
			time.Sleep(2 * linger)
			synctest.Wait()
			if got := s.String(); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
			closed(t, l)
		})
	}
}

func BenchmarkFormats(b *testing.B) {
	rec := &web.Record{
		Peer:    netip.MustParseAddrPort("[::ffff:127.0.0.1]:9"),
		Time:    time.Now(),
		Line:    []byte("GET /1k.html HTTP/1.1"),
		Status:  200,
		Bytes:   1024,
		Request: request("Accept", "*/*", "Accept-Language", "en", "Referer", "http://h/", "User-Agent", "curl/8.5.0"),
	}
	for _, f := range formats {
		b.Run(f.Name, func(b *testing.B) {
			dst := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				dst = f.Line(dst[:0], rec)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}
