package web

import (
	"bytes"
	"net/netip"
	"time"
)

// A Request is one request head, understood and checked, whatever version of
// HTTP carried it (RFC 9110 §6). Its slices are views of the server's receive
// buffer: they are valid for the call they are passed to. Clone keeps them.
type Request struct {
	Line   []byte // the request line as received, without its line end: for the log
	Method []byte // a token (RFC 9110 §9.1), case-sensitive
	Target []byte // the request-target as received (RFC 9112 §3.2)
	Path   []byte // its path, still percent-encoded; it begins with "/", or is "*"
	Query  []byte // what follows "?", raw
	Host   []byte // the authority asked for: of the target, or else of Host; may be empty

	HasQuery  bool  // a "?" was there, even with nothing behind it
	Minor     int   // the 0 of HTTP/1.0; every later version counts as 1
	KeepAlive bool  // the client can use the connection again (RFC 9112 §9.3)
	Continue  bool  // it waits for 100 (Continue) before its content (RFC 9110 §10.1.1)
	Chunked   bool  // the content comes in chunks; Length is then 0
	Length    int64 // octets of content that follow
	Internal  bool  // the server asks in the client's stead for another path: one that the client does not know

	Fields []Field // in the order received; names as sent, values trimmed
	Seen   Names   // which of the known names stand in Fields

	Peer     netip.AddrPort // who asks; the zero value for a UNIX socket
	Received time.Time      // when the head was complete
}

// A Field is one field line (RFC 9110 §5).
type Field struct {
	Name  []byte
	Value []byte
	Known Names // the one bit of its name, or 0 when the name has none
}

// Names is a set of field names that servers and sites look for, one bit each,
// so that a head without them is known to be so at a glance.
type Names uint32

// The known names.
const (
	Host Names = 1 << iota
	Connection
	ContentLength
	TransferEncoding
	Expect
	IfMatch
	IfNoneMatch
	IfModifiedSince
	IfUnmodifiedSince
	IfRange
	Range
	Accept
	AcceptEncoding
	ContentType
	Authorization
	Upgrade

	// Conditional are the fields by which the answer to a request for a
	// document may be other than the whole of it (RFC 9110 §13.1, §14.2).
	Conditional = IfMatch | IfNoneMatch | IfModifiedSince | IfUnmodifiedSince | IfRange | Range
)

// Get returns the value of the first field with the one known name, or nil
// when there is none. An empty value is not nil.
func (r *Request) Get(name Names) []byte {
	if r.Seen&name != 0 {
		for i := range r.Fields {
			if r.Fields[i].Known == name {
				return r.Fields[i].Value
			}
		}
	}
	return nil
}

// Clone returns a copy of r that shares no memory with it.
func (r *Request) Clone() *Request {
	n := len(r.Line) + len(r.Method) + len(r.Target) + len(r.Path) + len(r.Query) + len(r.Host)
	for i := range r.Fields {
		n += len(r.Fields[i].Name) + len(r.Fields[i].Value)
	}
	room := make([]byte, 0, n)
	keep := func(b []byte) []byte {
		at := len(room)
		room = append(room, b...)
		return room[at:len(room):len(room)]
	}
	c := *r
	c.Line, c.Method, c.Target = keep(r.Line), keep(r.Method), keep(r.Target)
	c.Path, c.Query, c.Host = keep(r.Path), keep(r.Query), keep(r.Host)
	c.Fields = make([]Field, len(r.Fields))
	for i, f := range r.Fields {
		c.Fields[i] = Field{keep(f.Name), keep(f.Value), f.Known}
	}
	return &c
}

// PeerAddr returns the address of a peer for the log and for programs, which want
// one in any case (RFC 3875 §4.1.8). Who connects to a UNIX socket is on this
// host, and so has the loopback address 127.0.0.1.
func PeerAddr(peer netip.AddrPort) netip.Addr {
	if !peer.IsValid() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return peer.Addr().Unmap()
}

// IsGet reports whether the method is GET or HEAD, the two that every server
// supports (RFC 9110 §9.1).
func (r *Request) IsGet() bool { return string(r.Method) == "GET" || r.IsHead() }

// IsHead reports whether the method is HEAD: the reply has no content.
func (r *Request) IsHead() bool { return bytes.Equal(r.Method, head) }

var head = []byte("HEAD")

// Parameter returns the value of the first parameter of r's query that begins with
// name, which ends with "=", as it was sent. It is part of the query.
func (r *Request) Parameter(name string) (value []byte, ok bool) {
	for rest := r.Query; len(rest) > 0; {
		var one []byte
		one, rest, _ = bytes.Cut(rest, []byte("&"))
		if len(one) >= len(name) && string(one[:len(name)]) == name {
			return one[len(name):], true
		}
	}
	return nil, false
}
