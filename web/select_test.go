package web

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var modified = time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)

const (
	onTheDot = "Tue, 14 Nov 2023 22:13:20 GMT"
	earlier  = "Mon, 13 Nov 2023 22:13:20 GMT"
	later    = "Wed, 15 Nov 2023 22:13:20 GMT"
)

// alphabet is the answer to a plain request for a document of 26 octets. Parts
// of a second are not seen by dates.
func alphabet() *Reply {
	return &Reply{Status: 200, ETag: `"tag"`, Modified: modified.Add(time.Second - 1), ModifiedStrong: true, Size: 26}
}

// asking makes a request of a method and of field lines as "Name: value".
func asking(method string, lines ...string) *Request {
	known := map[string]Names{
		"Range": Range, "If-Range": IfRange,
		"If-Match": IfMatch, "If-None-Match": IfNoneMatch,
		"If-Modified-Since": IfModifiedSince, "If-Unmodified-Since": IfUnmodifiedSince,
	}
	r := &Request{Method: []byte(method)}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Fields = append(r.Fields, Field{[]byte(name), []byte(value), known[name]})
		r.Seen |= known[name]
	}
	return r
}

func TestSelectConditions(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		fields []string
		want   int
	}{
		{"no condition", "GET", nil, 200},

		{"match", "GET", []string{`If-Match: "tag"`}, 200},
		{"match another", "GET", []string{`If-Match: "nope"`}, 412},
		{"match in a list", "GET", []string{`If-Match: "a", "tag"`}, 200},
		{"match in a second line", "GET", []string{`If-Match: "a"`, `If-Match: "tag"`}, 200},
		{"match any", "GET", []string{`If-Match: *`}, 200},
		{"match any beside a tag means nothing", "GET", []string{`If-Match: *`, `If-Match: "a"`}, 412},
		{"match is strong", "GET", []string{`If-Match: W/"tag"`}, 412},
		{"match on HEAD", "HEAD", []string{`If-Match: "nope"`}, 412},
		{"match on another method", "POST", []string{`If-Match: "nope"`}, 412},
		{"match silences unmodified since", "GET", []string{`If-Match: "tag"`, "If-Unmodified-Since: " + earlier}, 200},
		{"match goes on to none match", "GET", []string{`If-Match: "tag"`, `If-None-Match: "tag"`}, 304},

		{"unmodified since later", "GET", []string{"If-Unmodified-Since: " + later}, 200},
		{"unmodified since the date", "GET", []string{"If-Unmodified-Since: " + onTheDot}, 200},
		{"unmodified since earlier", "GET", []string{"If-Unmodified-Since: " + earlier}, 412},
		{"unmodified since no date", "GET", []string{"If-Unmodified-Since: never"}, 200},
		{"unmodified since two dates", "GET", []string{"If-Unmodified-Since: " + earlier, "If-Unmodified-Since: " + earlier}, 200},
		{"unmodified since goes on to modified since", "GET", []string{"If-Unmodified-Since: " + onTheDot, "If-Modified-Since: " + onTheDot}, 304},

		{"none match", "GET", []string{`If-None-Match: "tag"`}, 304},
		{"none match on HEAD", "HEAD", []string{`If-None-Match: "tag"`}, 304},
		{"none match on another method", "POST", []string{`If-None-Match: "tag"`}, 412},
		{"none match another", "GET", []string{`If-None-Match: "nope"`}, 200},
		{"none match is weak", "GET", []string{`If-None-Match: W/"tag"`}, 304},
		{"none match any", "GET", []string{`If-None-Match: *`}, 304},
		{"none match in a list", "GET", []string{`If-None-Match: "a", "tag", "b"`}, 304},
		{"none match in a dense list", "GET", []string{`If-None-Match: "a","tag"`}, 304},
		{"none match in a list with holes", "GET", []string{"If-None-Match: ,, \"a\"\t,,\t\"tag\""}, 304},
		{"none match in a second line", "GET", []string{`If-None-Match: "a"`, `If-None-Match: "tag"`}, 304},
		{"none match a tag with commas", "GET", []string{`If-None-Match: "a,\"tag", "tag"`}, 200},
		{"none match unquoted", "GET", []string{`If-None-Match: tag`}, 200},
		{"none match half quoted", "GET", []string{`If-None-Match: "tag`}, 200},
		{"none match within a tag", "GET", []string{`If-None-Match: "x"tag"`}, 200},
		{"none match behind junk", "GET", []string{`If-None-Match: junk, "tag"`}, 200},
		{"none match without a comma", "GET", []string{`If-None-Match: "a" "tag"`}, 200},
		{"none match lower-case w", "GET", []string{`If-None-Match: w/"tag"`}, 200},
		{"none match empty", "GET", []string{`If-None-Match: `}, 200},
		{"none match silences an old date", "GET", []string{`If-None-Match: "tag"`, "If-Modified-Since: " + earlier}, 304},
		{"none match silences a true date", "GET", []string{`If-None-Match: "nope"`, "If-Modified-Since: " + onTheDot}, 200},
		{"none match and the date", "GET", []string{`If-None-Match: "tag"`, "If-Modified-Since: " + onTheDot}, 304},

		{"modified since the date", "GET", []string{"If-Modified-Since: " + onTheDot}, 304},
		{"modified since on HEAD", "HEAD", []string{"If-Modified-Since: " + onTheDot}, 304},
		{"modified since on another method", "POST", []string{"If-Modified-Since: " + onTheDot}, 200},
		{"modified since later", "GET", []string{"If-Modified-Since: " + later}, 304},
		{"modified since the far future", "GET", []string{"If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT"}, 304},
		{"modified since earlier", "GET", []string{"If-Modified-Since: " + earlier}, 200},
		{"modified since asctime", "GET", []string{"If-Modified-Since: Tue Nov 14 22:13:20 2023"}, 304},
		{"modified since RFC 850", "GET", []string{"If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT"}, 304},
		{"modified since no date", "GET", []string{"If-Modified-Since: yesterday"}, 200},
		{"modified since an impossible date", "GET", []string{"If-Modified-Since: Foo, 99 Bar 9999 99:99:99 GMT"}, 200},
		{"modified since with a length", "GET", []string{"If-Modified-Since: " + onTheDot + "; length=26"}, 200},
		{"modified since two dates", "GET", []string{"If-Modified-Since: " + onTheDot, "If-Modified-Since: " + onTheDot}, 200},

		{"conditions come before ranges", "GET", []string{"Range: bytes=0-4", `If-None-Match: "tag"`}, 304},
		{"dates come before ranges", "GET", []string{"Range: bytes=0-4", "If-Modified-Since: " + onTheDot}, 304},
		{"expectations come before ranges", "GET", []string{"Range: bytes=99-", `If-Match: "nope"`}, 412},
		{"a range", "GET", []string{"Range: bytes=0-4"}, 206},
		{"a range on HEAD", "HEAD", []string{"Range: bytes=0-4"}, 200},
		{"a range on another method", "POST", []string{"Range: bytes=0-4"}, 200},
		{"two fields of ranges", "GET", []string{"Range: bytes=0-4", "Range: bytes=6-7"}, 200},

		{"if range", "GET", []string{"Range: bytes=0-4", `If-Range: "tag"`}, 206},
		{"if range another", "GET", []string{"Range: bytes=0-4", `If-Range: "nope"`}, 200},
		{"if range is strong", "GET", []string{"Range: bytes=0-4", `If-Range: W/"tag"`}, 200},
		{"if range is one tag", "GET", []string{"Range: bytes=0-4", `If-Range: "tag", "a"`}, 200},
		{"if range any", "GET", []string{"Range: bytes=0-4", `If-Range: *`}, 200},
		{"if range junk", "GET", []string{"Range: bytes=0-4", "If-Range: yesterday"}, 200},
		{"if range the date", "GET", []string{"Range: bytes=0-4", "If-Range: " + onTheDot}, 206},
		{"if range earlier", "GET", []string{"Range: bytes=0-4", "If-Range: " + earlier}, 200},
		{"if range later", "GET", []string{"Range: bytes=0-4", "If-Range: " + later}, 200},
		{"if range twice", "GET", []string{"Range: bytes=0-4", `If-Range: "tag"`, `If-Range: "tag"`}, 200},
		{"if range beyond the end", "GET", []string{"Range: bytes=99-", `If-Range: "nope"`}, 200},
		{"if range alone", "GET", []string{`If-Range: "nope"`}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Select(asking(test.method, test.fields...), alphabet())
			if got.Status != test.want {
				t.Errorf("Select(%s %q) = %d, want %d", test.method, test.fields, got.Status, test.want)
			}
		})
	}
}

// A date that two contents may share puts no parts together, and what came to be
// later than its date says is newer than a copy with that date.
func TestSelectByDate(t *testing.T) {
	at := func(seconds float64) time.Time { return modified.Add(time.Duration(seconds * float64(time.Second))) }
	saying := func(field string, seconds float64) string {
		return field + ": " + string(AppendDate(nil, at(seconds)))
	}
	const ranges = "Range: bytes=0-4"
	for _, test := range []struct {
		name    string
		strong  bool
		changed time.Time
		fields  []string
		want    int
	}{
		{"if range, strong", true, at(0.5), []string{ranges, saying("If-Range", 0)}, 206},
		{"if range, weak", false, at(0.5), []string{ranges, saying("If-Range", 0)}, 200},
		{"if range by tag, weak", false, at(0.5), []string{ranges, `If-Range: "tag"`}, 206},
		{"unmodified, strong", true, at(0.5), []string{ranges, saying("If-Unmodified-Since", 0)}, 206},
		{"unmodified, weak", false, at(0.5), []string{ranges, saying("If-Unmodified-Since", 0)}, 200},
		{"unmodified and match, weak", false, at(0.5), []string{ranges, `If-Match: "tag"`, saying("If-Unmodified-Since", 0)}, 206},
		{"unmodified and if range by tag, weak", false, at(0.5), []string{ranges, `If-Range: "tag"`, saying("If-Unmodified-Since", 0)}, 206},
		{"no condition, weak", false, at(0.5), []string{ranges}, 206},

		{"modified, the date", false, at(1000), []string{saying("If-Modified-Since", 0)}, 200},
		{"modified, an earlier date", false, at(1000), []string{saying("If-Modified-Since", -1)}, 200},
		{"modified, a later date before the change", false, at(1000), []string{saying("If-Modified-Since", 999)}, 200},
		{"modified, a later date in the second of the change", false, at(1000.5), []string{saying("If-Modified-Since", 1000)}, 200},
		{"modified, a later date after the change", false, at(1000.5), []string{saying("If-Modified-Since", 1001)}, 304},
		{"modified, the change unknown, the date", false, time.Time{}, []string{saying("If-Modified-Since", 0)}, 304},
		{"modified, the change unknown, a later date", false, time.Time{}, []string{saying("If-Modified-Since", 999)}, 304},
		{"modified and the tag", false, at(1000), []string{`If-None-Match: "tag"`, saying("If-Modified-Since", 0)}, 304},
		{"unmodified, the date", false, at(1000), []string{saying("If-Unmodified-Since", 0)}, 200},
		{"unmodified, a later date", false, at(1000), []string{saying("If-Unmodified-Since", 999)}, 200},
		{"unmodified, a later date and a range", false, at(1000), []string{ranges, saying("If-Unmodified-Since", 999)}, 200},
	} {
		p := alphabet()
		p.ModifiedStrong, p.Changed = test.strong, test.changed
		if got := Select(asking("GET", test.fields...), p); got.Status != test.want {
			t.Errorf("%s: %d, want %d", test.name, got.Status, test.want)
		}
	}
}

// What has no validators, or is no document, is not subject to conditions.
func TestSelectPlain(t *testing.T) {
	everything := asking("GET", "If-Match: \"nope\"", "If-None-Match: *", "Range: bytes=0-4",
		"If-Modified-Since: "+later, "If-Unmodified-Since: "+earlier)
	for _, test := range []struct {
		name  string
		reply *Reply
	}{
		{"a missing file", &Reply{Status: 404, ETag: `"tag"`, Modified: modified, Size: 26}},
		{"a redirect", &Reply{Status: 301, ETag: `"tag"`, Modified: modified, Size: 26}},
		{"a generated page", &Reply{Status: 200, Size: 26}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Select(everything, test.reply); got.Status != test.reply.Status {
				t.Errorf("Select = %d, want %d", got.Status, test.reply.Status)
			}
		})
	}
}

// Of what has no validators, and is a file all the same, a part is sent to whom
// asks for no more than that: not to one who may put it to another part of some
// other version.
func TestSelectUnsteady(t *testing.T) {
	file := &Reply{Status: 200, Size: 26, Ranges: true}
	for _, test := range []struct {
		method string
		lines  []string
		want   string
	}{
		{"GET", []string{"Range: bytes=0-4"}, "0-4"},
		{"GET", []string{"Range: bytes=0-4,8-"}, "0-4 8-25"},
		{"GET", []string{"Range: bytes=26-"}, "416"},
		{"GET", []string{"Range: bytes=0-4", "Range: bytes=0-4"}, "200"},
		{"HEAD", []string{"Range: bytes=0-4"}, "200"},
		{"GET", []string{"Range: bytes=0-4", `If-Range: "tag"`}, "200"},
		{"GET", []string{"Range: bytes=0-4", "If-Range: " + onTheDot}, "200"},
		{"GET", []string{"Range: bytes=0-4", `If-Match: "tag"`}, "200"},
		{"GET", []string{"Range: bytes=0-4", "If-Match: *"}, "200"},
		{"GET", []string{"Range: bytes=0-4", `If-None-Match: "tag"`}, "200"},
		{"GET", []string{"Range: bytes=0-4", "If-Unmodified-Since: " + later}, "200"},
		{"GET", []string{"Range: bytes=0-4", "If-Modified-Since: " + earlier}, "200"},
		{"GET", []string{"If-None-Match: *"}, "200"},
	} {
		if got := shown(Select(asking(test.method, test.lines...), file)); got != test.want {
			t.Errorf("%s %q: %s, want %s", test.method, test.lines, got, test.want)
		}
	}
}

// With one of the two validators missing, the conditions on it say nothing.
func TestSelectHalf(t *testing.T) {
	dated := &Reply{Status: 200, Modified: modified, Size: 26}
	tagged := &Reply{Status: 200, ETag: `"tag"`, Size: 26}
	weak := &Reply{Status: 200, ETag: `W/"tag"`, Size: 26}
	for _, test := range []struct {
		name  string
		reply *Reply
		lines []string
		want  int
	}{
		{"no tag to match", dated, []string{`If-Match: "tag"`}, 412},
		{"no tag, any matches", dated, []string{"If-Match: *"}, 200},
		{"no tag, any matches none", dated, []string{"If-None-Match: *"}, 304},
		{"no tag for a range", dated, []string{"Range: bytes=0-4", `If-Range: "tag"`}, 200},
		{"no date, modified", tagged, []string{"If-Modified-Since: " + later}, 200},
		{"no date, unmodified", tagged, []string{"If-Unmodified-Since: " + earlier}, 200},
		{"no date for a range", tagged, []string{"Range: bytes=0-4", "If-Range: " + onTheDot}, 200},
		{"a weak tag matches none", weak, []string{`If-None-Match: "tag"`}, 304},
		{"a weak tag is no match", weak, []string{`If-Match: W/"tag"`}, 412},
		{"a weak tag for a range", weak, []string{"Range: bytes=0-4", `If-Range: W/"tag"`}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Select(asking("GET", test.lines...), test.reply); got.Status != test.want {
				t.Errorf("Select(%q) = %d, want %d", test.lines, got.Status, test.want)
			}
		})
	}
}

func TestSelectSpans(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		value string
		size  int64
		want  string // "200", "416" or the spans as first-last
	}{
		{"bytes=0-4", 26, "0-4"},
		{"bytes=10-12", 26, "10-12"},
		{"bytes=20-", 26, "20-25"},
		{"bytes=20-100", 26, "20-25"},
		{"bytes=-5", 26, "21-25"},
		{"bytes=-100", 26, "0-25"},
		{"bytes=0-", 26, "0-25"},
		{"bytes=25-25", 26, "25-25"},
		{"bytes=500000-599999", mib, "500000-599999"},
		{"Bytes=0-4", 26, "0-4"},
		{"bytes=0-99999999999999999999999", 26, "0-25"},
		{"bytes=-99999999999999999999999", 26, "0-25"},
		{"bytes=0-9223372036854775807", math.MaxInt64, "0-9223372036854775806"},
		{"bytes=9223372036854775806-", math.MaxInt64, "9223372036854775806-9223372036854775806"},

		{"bytes=26-", 26, "416"},
		{"bytes=100-200", 26, "416"},
		{"bytes=100-200,300-400", 26, "416"},
		{"bytes=-0", 26, "416"},
		{"bytes=99999999999999999999999-", 26, "416"},
		{"bytes=0-0", 0, "200"},
		{"bytes=0-", 0, "200"},
		{"bytes=0-1023", 0, "200"},
		{"bytes=5-,7-9", 0, "200"},
		{"bytes=-0", 0, "200"},
		{"bytes=-5", 0, "200"},

		{"bytes=0-1,600000-600001", mib, "0-1 600000-600001"},
		{"bytes=0-4,10-12", 26, "0-4 10-12"},
		{"bytes=10-12,0-4", 26, "10-12 0-4"},
		{"bytes=0-4,100-200", 26, "0-4"},
		{"bytes=,0-4,,", 26, "0-4"},
		{"bytes=0-4 ,\t6-7", 26, "0-4 6-7"},
		{"bytes=0-4,5-9", 26, "0-9"},
		{"bytes=0-9,3-4", 26, "0-9"},
		{"bytes=3-4,0-9", 26, "0-9"},
		{"bytes=20-,0-4,2-10,-3", 26, "20-25 0-10"},
		{"bytes=0-1,10-11,20-21,5-15", 26, "0-1 5-15 20-21"},
		{"bytes=0-1,10-11,20-21,2-19", 26, "0-21"},
		{"bytes=0-0" + strings.Repeat(",2-2", 199), 26, "0-0 2-2"},
		{"bytes=0-" + strings.Repeat(",5-", 99), mib, fmt.Sprintf("0-%d", mib-1)},
		{"bytes=" + every(2, 16), mib, spaced(2, 16)},
		{"bytes=" + every(2, 17), mib, spaced(2, 17)},
		{"bytes=" + every(4096, 20), mib, spaced(4096, 20)},
		{"bytes=" + every(2, 200), 400, spaced(2, 200)},
		{"bytes=" + every(2, 200) + ",1-1", mib, "0-2 " + strings.TrimPrefix(spaced(2, 200), "0-0 2-2 ")},
		{"bytes=" + every(2, 200) + ",0-", mib, fmt.Sprintf("0-%d", mib-1)},
		{"bytes=" + every(2, 199) + ",950-,900-999", 1000, spaced(2, 199) + " 900-999"},
		{"bytes=900-," + every(2, 199) + ",950-", 1000, "900-999 " + spaced(2, 199)},
		{"bytes=" + every(2, 400) + ",0-600", mib, "0-600 " + strings.Join(strings.Fields(spaced(2, 400))[301:], " ")},
		{"bytes=" + every(2, 400) + ",100-,0-", mib, fmt.Sprintf("0-%d", mib-1)},
		{"bytes=" + every(2, 201), mib, "200"},
		{"bytes=" + every(2, 200) + ",0-399,500-500,502-502", mib, "0-399 500-500 502-502"},
		{"bytes=" + every(1, 200), mib, "0-199"},
		{"bytes=" + every(1, 1000), mib, "0-999"},
		{"bytes=" + every(1, 1001), mib, "200"},

		{"items=0-4", 26, "200"},
		{"bytes", 26, "200"},
		{"bytes=", 26, "200"},
		{"bytes=,", 26, "200"},
		{"=0-4", 26, "200"},
		{"", 26, "200"},
		{"bytes =0-4", 26, "200"},
		{"bytes=a-b", 26, "200"},
		{"bytes=0.5-4", 26, "200"},
		{"bytes=0x0-0x4", 26, "200"},
		{"bytes=0-4x", 26, "200"},
		{"bytes=--5", 26, "200"},
		{"bytes=0--4", 26, "200"},
		{"bytes=+0-4", 26, "200"},
		{"bytes=0-4-5", 26, "200"},
		{"bytes=5-4", 26, "200"},
		{"bytes=100-99", 26, "200"},
		{"bytes=-", 26, "200"},
		{"bytes=5", 26, "200"},
		{"bytes=0 - 4", 26, "200"},
		{"bytes=0-4,x", 26, "200"},
		{"bytes=x,0-4", 26, "200"},
		{"bytes=0-4;6-7", 26, "200"},
	} {
		t.Run(fmt.Sprintf("%.40s of %d", test.value, test.size), func(t *testing.T) {
			p := alphabet()
			p.Size = test.size
			if got := shown(Select(asking("GET", "Range: "+test.value), p)); got != test.want {
				t.Errorf("Range %q of %d octets: %s, want %s", test.value, test.size, got, test.want)
			}
		})
	}
}

// every asks for n single octets, one in so many.
func every(step, n int) string {
	var specs []string
	for i := range n {
		specs = append(specs, fmt.Sprintf("%d-%d", i*step, i*step))
	}
	return strings.Join(specs, ",")
}

func spaced(step, n int) string { return strings.ReplaceAll(every(step, n), ",", " ") }

func shown(s Selection) string {
	if s.Status != 206 {
		return fmt.Sprint(s.Status)
	}
	var spans []string
	for _, span := range s.Spans() {
		spans = append(spans, fmt.Sprintf("%d-%d", span.Offset, span.Offset+span.Length-1))
	}
	return strings.Join(spans, " ")
}

// What decided is said: that and nothing else.
func TestSelectSaysWhy(t *testing.T) {
	for _, test := range []struct {
		method string
		fields []string
		status int
		want   string
	}{
		{"GET", nil, 200, ""},
		{"GET", []string{`If-None-Match: "nope"`, "If-Match: *"}, 200, ""},
		{"GET", []string{`If-Match: "nope"`, `If-None-Match: "tag"`}, 412, "If-Match does not name it as it is"},
		{"GET", []string{"If-Unmodified-Since: " + earlier}, 412, "it was modified after If-Unmodified-Since"},
		{"GET", []string{"If-Match: *", `If-None-Match: "tag"`}, 304, "If-None-Match names it as it is"},
		{"POST", []string{`If-None-Match: "tag"`}, 412, "If-None-Match names it as it is"},
		{"GET", []string{"If-Modified-Since: " + onTheDot}, 304, "it was not modified after If-Modified-Since"},
		{"GET", []string{"Range: bytes=0-4"}, 206, "Range asks for a part"},
		{"GET", []string{"Range: bytes=26-"}, 416, "Range begins beyond the end"},
		{"GET", []string{"Range: pages=1-2"}, 200, "Range is none that has to be obeyed"},
		{"GET", []string{"Range: bytes=0-4", `If-Range: "nope"`}, 200, "If-Range does not name it as it is"},
		{"HEAD", []string{"Range: bytes=0-4"}, 200, ""},
	} {
		t.Run(test.method+" "+strings.Join(test.fields, " "), func(t *testing.T) {
			got := Select(asking(test.method, test.fields...), alphabet())
			if got.Status != test.status || got.Why != test.want {
				t.Errorf("got %d because %q, want %d because %q", got.Status, got.Why, test.status, test.want)
			}
		})
	}
}

func TestSelectAllocatesNothing(t *testing.T) {
	p := alphabet()
	for _, lines := range [][]string{
		{},
		{`If-None-Match: "a", "tag"`},
		{`If-Match: "a", "tag"`, "If-Modified-Since: " + onTheDot},
		{"If-Unmodified-Since: " + onTheDot, "Range: bytes=0-4", "If-Range: " + onTheDot},
		{"Range: bytes=" + every(2, 13)},
		{"Range: bytes=" + every(1, 999)},
		{"Range: bytes=" + every(2, 16)},
	} {
		r := asking("GET", lines...)
		var total int64
		allocs := testing.AllocsPerRun(100, func() {
			selection := Select(r, p)
			for _, span := range selection.Spans() {
				total += span.Length
			}
		})
		if allocs != 0 {
			t.Errorf("Select(%q) allocates %v times, want 0", lines, allocs)
		}
	}
}

// FuzzSelectSpans compares with a reading of the grammar by regular expression,
// big numbers and sets of octets.
func FuzzSelectSpans(f *testing.F) {
	for _, value := range []string{"bytes=0-4,3-9", "bytes=-5", "bytes=5-,1-1", "bytes=-0", "bytes=0-99999999999999999999",
		"bytes=,0-1 ,\t3-4", "bytes=" + every(2, 17), "bytes=" + every(3, 16) + ",0-", "bytes=" + every(2, 201), "bytes=" + every(3, 199) + ",-400", "items=0-1"} {
		f.Add(value, uint16(26))
		f.Add(value, uint16(0))
		f.Add(value, uint16(600))
	}
	f.Fuzz(func(t *testing.T, value string, size uint16) {
		size %= 1000 // the slow way is slow
		p := alphabet()
		p.Size = int64(size)
		got := Select(asking("GET", "Range: "+value), p)
		if want := slowly(value, int(size)); shown(got) != want {
			t.Fatalf("Range %q of %d octets: %s, want %s", value, size, shown(got), want)
		}
		var total int64
		for i, span := range got.Spans() {
			total += span.Length
			if span.Offset < 0 || span.Length < 1 || span.Offset+span.Length > p.Size {
				t.Fatalf("Range %q of %d octets: span %v", value, size, span)
			}
			for _, other := range got.Spans()[:i] {
				if span.Offset <= other.Offset+other.Length && other.Offset <= span.Offset+span.Length {
					t.Fatalf("Range %q of %d octets: %v touches %v", value, size, span, other)
				}
			}
		}
		if total > p.Size || (len(got.Spans()) > 0) != (got.Status == 206) {
			t.Fatalf("Range %q of %d octets: %d of %d octets", value, size, got.Status, total)
		}
	})
}

var (
	rangeField = regexp.MustCompile(`(?i)^bytes=([-0-9, \t]*)$`)
	rangeSpec  = regexp.MustCompile(`^[ \t]*(?:(\d+)-(\d*)|-(\d+))?[ \t]*$`)
)

func slowly(value string, size int) string {
	field := rangeField.FindStringSubmatch(value)
	if field == nil {
		return "200"
	}
	var sets [][]int // each the octets of one part, ascending
	asked := false
	if strings.Count(field[1], ",") >= maxSpecs {
		return "200"
	}
	for spec := range strings.SplitSeq(field[1], ",") {
		parts := rangeSpec.FindStringSubmatch(spec)
		if parts == nil {
			return "200"
		}
		if parts[0] == "" || strings.Trim(parts[0], " \t") == "" {
			continue
		}
		first, last := number(parts[1]), number(parts[2])
		if parts[2] == "" {
			last = big.NewInt(int64(size))
		} else if huge := big.NewInt(math.MaxInt64); first.Cmp(last) > 0 && first.Cmp(huge) <= 0 {
			return "200"
		} else if first.Cmp(last) > 0 && last.Cmp(huge) < 0 {
			return "200"
		}
		if parts[3] != "" {
			n := number(parts[3])
			first = new(big.Int).Sub(big.NewInt(int64(size)), n)
			last = big.NewInt(int64(size))
		}
		asked = true
		var set []int
		for i := range size {
			if at := big.NewInt(int64(i)); at.Cmp(first) >= 0 && at.Cmp(last) <= 0 {
				set = append(set, i)
			}
		}
		if len(set) == 0 {
			continue
		}
		place := len(sets)
		for i := 0; i < len(sets); {
			if set[0]-1 <= sets[i][len(sets[i])-1] && sets[i][0] <= set[len(set)-1]+1 {
				set = slices.Compact(slices.Sorted(slices.Values(append(set, sets[i]...))))
				place = min(place, i)
				sets = slices.Delete(sets, i, i+1)
				i = 0
				continue
			}
			i++
		}
		sets = slices.Insert(sets, place, set)
	}
	if !asked || size == 0 || len(sets) > MaxSpans {
		return "200"
	}
	if len(sets) == 0 {
		return "416"
	}
	var spans []string
	for _, set := range sets {
		spans = append(spans, fmt.Sprintf("%d-%d", set[0], set[len(set)-1]))
	}
	return strings.Join(spans, " ")
}

func number(digits string) *big.Int {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

// FuzzSelectTags holds the list of entity-tags against a regular expression.
func FuzzSelectTags(f *testing.F) {
	for _, value := range []string{`"tag"`, `W/"tag"`, `"a", "tag"`, `"a,"tag"`, `*`, `"tag`, `,,"tag",`, `"a""tag"`} {
		f.Add(value)
	}
	lists := regexp.MustCompile(`^(?:[, \t]*(?:W/)?"[!#-~\x80-\xff]*"[ \t]*(?:,|$))*`)
	tags := regexp.MustCompile(`(?:W/)?"[!#-~\x80-\xff]*"`)
	f.Fuzz(func(t *testing.T, value string) {
		// The expressions read characters: one for each octet.
		var wide strings.Builder
		for i := range len(value) {
			wide.WriteRune(rune(value[i]))
		}
		listed := tags.FindAllString(lists.FindString(wide.String()), -1)
		for _, test := range []struct {
			field string
			tags  []string
			match int
			miss  int
		}{
			{"If-None-Match", []string{`"tag"`, `W/"tag"`}, 304, 200},
			{"If-Match", []string{`"tag"`}, 200, 412},
		} {
			want := test.miss
			if value == "*" || slices.ContainsFunc(test.tags, func(tag string) bool { return slices.Contains(listed, tag) }) {
				want = test.match
			}
			if got := Select(asking("GET", test.field+": "+value), alphabet()); got.Status != want {
				t.Errorf("%s: %q: %d, want %d", test.field, value, got.Status, want)
			}
		}
	})
}

// A field of a hundred thousand ranges, which no server lets come this far, costs
// little more than reading it, and the worst of a thousand not much more.
func BenchmarkSelectManySpans(b *testing.B) {
	worst := strings.Split(every(1000, 1000), ",")
	slices.Reverse(worst)
	rand.Shuffle(500, func(i, j int) { worst[i], worst[j] = worst[j], worst[i] })
	for name, value := range map[string]string{
		"20": every(2, 20), "200": every(2, 200), "100000": every(2, 15) + strings.Repeat(",0-0", 100_000), "worst": strings.Join(worst, ","),
	} {
		b.Run(name, func(b *testing.B) {
			r := asking("GET", "Range: bytes="+value)
			p := alphabet()
			p.Size = 1 << 20
			b.ReportAllocs()
			for b.Loop() {
				Select(r, p)
			}
		})
	}
}

func BenchmarkSelectNoneMatch(b *testing.B) {
	r, p := asking("GET", `If-None-Match: "tag"`), alphabet()
	b.ReportAllocs()
	for b.Loop() {
		Select(r, p)
	}
}

func ExampleSelect() {
	document := &Reply{Status: 200, ETag: `"v1"`, Size: 1000}
	r := &Request{
		Method: []byte("GET"),
		Fields: []Field{{Name: []byte("Range"), Value: []byte("bytes=0-99,-100"), Known: Range}},
		Seen:   Range,
	}
	selection := Select(r, document)
	fmt.Println(selection.Status, selection.Spans())
	// Output: 206 [{0 100} {900 100}]
}
