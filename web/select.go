package web

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"
)

// MaxSpans bounds the parts of one answer. A client that resumes a transfer or
// seeks in a film asks for one, a PDF viewer for a few, one that fetches what has
// changed of an image (zsync) for some dozens. More, each with a head of its own,
// would only make work (RFC 9110 §14.2, §17.15). Parts do not overlap, so that an
// answer is never longer than the document and so many heads, some 25 KB.
const MaxSpans = 200

// fewSpans is how many parts a Selection holds without an allocation.
const fewSpans = 16

// A Span is a part of a document: Length octets from Offset on, at least one.
type Span struct{ Offset, Length int64 }

// maxSpecs bounds the ranges that are looked at, before those that touch become
// one, so that no field costs more than a fraction of a millisecond.
const maxSpecs = 1000

// A Selection is what a request gets of a document.
type Selection struct {
	Status int // the document's own, or one of:
	//   206 the spans only, as one part or as multipart/byteranges
	//   304 the client has it: no content
	//   412 it is not what the client expects
	//   416 all that was asked for lies beyond the end

	Why string // which field of the request decided that, in words; "" when none did

	few  [fewSpans]Span
	n    int    // how many of few are spans
	many []Span // the spans when few has not held them; else nil
}

// Spans are the parts to send with 206, in the order they were first asked for:
// at least one, at most MaxSpans, all within the document, none touching
// another. They are part of s.
func (s *Selection) Spans() []Span {
	if s.many != nil {
		return s.many
	}
	return s.few[:s.n]
}

// Select evaluates the conditions and the ranges of r against p, the answer to
// the same request without them (RFC 9110 §13.2, §14.2). Only a 200 with a
// validator is subject to them, and one with Ranges to a Range that no condition
// stands beside; any other p is selected as it is. It is cheap to leave out when
// r.Seen has none of Conditional. It allocates nothing for up to fewSpans parts.
func Select(r *Request, p *Reply) Selection {
	if p.Status != 200 || r.Seen&Conditional == 0 {
		return Selection{Status: p.Status}
	}
	if p.ETag == "" && p.Modified.IsZero() && (!p.Ranges || r.Seen&Conditional != Range) {
		return Selection{Status: p.Status}
	}
	// The steps of RFC 9110 §13.2.2.
	switch {
	case r.Seen&IfMatch != 0:
		if !anyMatches(r, IfMatch, p.ETag, strongly) {
			return Selection{Status: 412, Why: "If-Match does not name it as it is"}
		}
	case r.Seen&IfUnmodifiedSince != 0:
		if date, ok := onlyDate(r, IfUnmodifiedSince); ok && modifiedAfter(p, date) {
			return Selection{Status: 412, Why: "it was modified after If-Unmodified-Since"}
		}
	}
	switch {
	case r.Seen&IfNoneMatch != 0:
		if anyMatches(r, IfNoneMatch, p.ETag, weakly) {
			if r.IsGet() {
				return Selection{Status: 304, Why: "If-None-Match names it as it is"}
			}
			return Selection{Status: 412, Why: "If-None-Match names it as it is"}
		}
	case r.Seen&IfModifiedSince != 0 && r.IsGet() && !p.Modified.IsZero():
		if date, ok := onlyDate(r, IfModifiedSince); ok && !changedAfter(p, date) {
			return Selection{Status: 304, Why: "it was not modified after If-Modified-Since"}
		}
	}
	// Range is defined for GET alone (RFC 9110 §14.2).
	if r.Seen&Range != 0 && r.IsGet() && !r.IsHead() {
		if !mayBePut(r, p) {
			if r.Seen&IfRange == 0 {
				return Selection{Status: 200, Why: "If-Unmodified-Since is not exact enough for a part"}
			}
			return Selection{Status: 200, Why: "If-Range does not name it as it is"}
		}
		if value, ok := only(r, Range); ok {
			return selectSpans(value, p.Size)
		}
	}
	return Selection{Status: 200}
}

// only returns the value of a field that may stand once. When it stands twice
// it has no value that means anything.
func only(r *Request, name Names) (value []byte, ok bool) {
	for i := range r.Fields {
		if r.Fields[i].Known == name {
			if ok {
				return nil, false
			}
			value, ok = r.Fields[i].Value, true
		}
	}
	return value, ok
}

// onlyDate is only for a date. What is not a valid one makes its condition void
// (RFC 9110 §13.1.3, §13.1.4).
func onlyDate(r *Request, name Names) (time.Time, bool) {
	value, ok := only(r, name)
	if !ok {
		return time.Time{}, false
	}
	return ParseDate(value)
}

// modifiedAfter reports whether the document is known to be newer than date, in
// the whole seconds that a date can say.
func modifiedAfter(p *Reply, date time.Time) bool {
	return !p.Modified.IsZero() && p.Modified.Unix() > date.Unix()
}

// changedAfter is modifiedAfter for a client that has a copy: what came to be what it
// is in the second of date or later may be other than that copy, whatever its own
// date says.
func changedAfter(p *Reply, date time.Time) bool {
	return modifiedAfter(p, date) || !p.Changed.IsZero() && p.Changed.Unix() >= date.Unix()
}

// mayBePut reports whether a part of this document may be put to what the client
// has already: its conditions name the document as it is now, or there are none
// (RFC 9110 §13.1.5).
//
// A date must be the exact Last-Modified, since a client may have parts of any
// other version, even of a later one, and it must be a strong one. That a date
// which was less than a second old when it was sent says too little is for the
// client to see (§8.8.2.2).
func mayBePut(r *Request, p *Reply) bool {
	if r.Seen&IfRange == 0 {
		// If-Unmodified-Since does what If-Range does for clients that would
		// rather have 412 than the whole. It has been found to hold.
		return r.Seen&IfUnmodifiedSince == 0 || r.Seen&IfMatch != 0 || p.ModifiedStrong
	}
	value, ok := only(r, IfRange)
	if !ok {
		return false
	}
	if tag, rest, ok := cutTag(value); ok {
		return len(rest) == 0 && strongly(tag, p.ETag)
	}
	date, ok := ParseDate(value)
	return ok && p.ModifiedStrong && p.Modified.Unix() == date.Unix()
}

// anyMatches reports whether a list of entity-tags, over all fields of the name,
// has one that matches etag, or is "*", which matches any document (RFC 9110
// §13.1.1, §13.1.2). A line counts up to where it is not well-formed.
func anyMatches(r *Request, name Names, etag string, matches func([]byte, string) bool) bool {
	if value, ok := only(r, name); ok && string(value) == "*" {
		return true
	}
	for i := range r.Fields {
		if r.Fields[i].Known != name {
			continue
		}
		for list := r.Fields[i].Value; ; {
			list = bytes.TrimLeft(list, ", \t")
			tag, rest, ok := cutTag(list)
			rest = bytes.TrimLeft(rest, " \t")
			if !ok || len(rest) > 0 && rest[0] != ',' {
				break
			}
			if matches(tag, etag) {
				return true
			}
			list = rest
		}
	}
	return false
}

// strongly is the comparison of RFC 9110 §8.8.3.2 that takes no weak tag.
func strongly(tag []byte, etag string) bool {
	return string(tag) == etag && etag != "" && etag[0] == '"'
}

// weakly is the one that does not tell weak tags from strong ones.
func weakly(tag []byte, etag string) bool {
	tag = bytes.TrimPrefix(tag, weak)
	if len(etag) > 2 && etag[:2] == "W/" {
		etag = etag[2:]
	}
	return string(tag) == etag
}

var weak = []byte("W/")

// cutTag takes an entity-tag from the front of b (RFC 9110 §8.8.3).
func cutTag(b []byte) (tag, rest []byte, ok bool) {
	opaque := bytes.TrimPrefix(b, weak)
	if len(opaque) == 0 || opaque[0] != '"' {
		return nil, b, false
	}
	for i := 1; i < len(opaque); i++ {
		if c := opaque[i]; c == '"' {
			n := len(b) - len(opaque) + i + 1
			return b[:n], b[n:], true
		} else if c <= ' ' || c == 0x7f {
			break
		}
	}
	return nil, b, false
}

// selectSpans reads the value of a Range field for a document of size octets.
// A unit other than bytes, a set that is not well-formed and one that is too
// large count as no Range at all (RFC 9110 §14.2). Ranges that overlap or touch
// become one, in the place of the first.
func selectSpans(value []byte, size int64) Selection {
	whole := Selection{Status: 200, Why: "Range is none that has to be obeyed"}
	unit, set, ok := bytes.Cut(value, equals)
	if !ok || !bytes.EqualFold(unit, octets) || size == 0 {
		// Clients take 416 for a failure where an empty document is all there is.
		return whole
	}
	if bytes.Count(set, comma) >= maxSpecs {
		return whole
	}
	some := Selection{Status: 206, Why: "Range asks for a part"}
	var many []ranked
	asked := false
	for more := true; more; {
		var spec []byte
		spec, set, more = bytes.Cut(set, comma)
		spec = bytes.Trim(spec, " \t")
		if len(spec) == 0 {
			continue // a list may have empty elements (RFC 9110 §5.6.1.2)
		}
		first, last, ok := parseSpec(spec, size)
		if !ok {
			return whole
		}
		asked = true
		if first > last {
			continue // beyond the end
		}
		span := Span{first, last - first + 1}
		if many == nil && some.add(span) {
			continue
		}
		if many == nil {
			for rank, span := range some.few {
				many = append(many, ranked{span, rank})
			}
		}
		many = append(many, ranked{span, len(many)})
	}
	if many != nil {
		some.many = coalesce(many)
	}
	switch {
	case !asked, len(some.many) > MaxSpans:
		return whole
	case len(some.Spans()) == 0:
		return Selection{Status: 416, Why: "Range begins beyond the end"}
	}
	return some
}

var equals, octets, comma = []byte("="), []byte("bytes"), []byte(",")

// parseSpec reads one range-spec (RFC 9110 §14.1.2) as the offsets of a first
// and a last octet; the first comes behind the last when it selects nothing.
// A number beyond 63 bits is as good as the largest.
func parseSpec(spec []byte, size int64) (first, last int64, ok bool) {
	first, rest, ok := cutNumber(spec)
	if !ok {
		n, rest, ok := cutNumber(spec[1:])
		return max(0, size-n), size - 1, ok && spec[0] == '-' && len(rest) == 0
	}
	if len(rest) == 0 || rest[0] != '-' {
		return 0, 0, false
	}
	if len(rest) == 1 {
		return first, size - 1, true
	}
	last, rest, ok = cutNumber(rest[1:])
	if !ok || len(rest) > 0 || last < first {
		return 0, 0, false
	}
	return first, min(last, size-1), true
}

// cutNumber takes 1*DIGIT from the front of b.
func cutNumber(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		digit := int64(b[i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + digit
		}
	}
	return n, b[i:], i > 0
}

// add takes span in, and into it all that it overlaps or touches. It reports
// false, and does nothing, when there is no room for one more.
func (s *Selection) add(span Span) bool {
	at, n := -1, 0
	for _, other := range s.few[:s.n] {
		if other.Offset > span.Offset+span.Length || span.Offset > other.Offset+other.Length {
			s.few[n] = other
			n++
			continue
		}
		end := max(other.Offset+other.Length, span.Offset+span.Length)
		span.Offset = min(other.Offset, span.Offset)
		span.Length = end - span.Offset
		if at < 0 {
			at = n
			n++
		}
	}
	if at < 0 {
		if n == fewSpans {
			return false
		}
		at = n
		n++
	}
	s.few[at], s.n = span, n
	return true
}

// A ranked span knows which one of all it is.
type ranked struct {
	Span
	rank int
}

// coalesce does for many spans, which it reorders, what add does for few: it
// compares neighbours only, since a thousand with each other would take long.
func coalesce(many []ranked) []Span {
	slices.SortFunc(many, func(a, b ranked) int { return cmp.Compare(a.Offset, b.Offset) })
	apart := many[:1]
	for _, next := range many[1:] {
		last := &apart[len(apart)-1]
		if next.Offset > last.Offset+last.Length {
			apart = append(apart, next)
			continue
		}
		last.Length = max(last.Length, next.Offset+next.Length-last.Offset)
		last.rank = min(last.rank, next.rank)
	}
	slices.SortFunc(apart, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	spans := make([]Span, len(apart))
	for i := range apart {
		spans[i] = apart[i].Span
	}
	return spans
}
