package http1

import (
	"io"
	"math"
)

// The bounds on what chunked content holds beside data. Both are dropped, so
// a sender gains nothing by more of it but our time (CVE-2023-39326).
const (
	maxExtension = 2 << 10 // octets of chunk extensions in one message
	maxTrailer   = 4 << 10 // octets of the trailer section
)

var (
	errChunkSize    = &Error{400, "the size of a chunk is malformed"}
	errChunkLarge   = &Error{413, "the size of a chunk is larger than any content"}
	errExtension    = &Error{400, "a chunk extension is malformed"}
	errExtensions   = &Error{400, "too many chunk extensions"}
	errChunkLineEnd = &Error{400, "a line of the chunked content does not end with CR LF"}
	errChunkEnd     = &Error{400, "no CR LF after the data of a chunk"}
	errTrailer      = &Error{400, "the trailer section is malformed"}
	errTrailerLarge = &Error{431, "the trailer section is too long"}
	errRefused      = &Error{400, "the content was refused before"}
)

// A Chunked decodes chunked content (RFC 9112 §7.1) as it comes, in pieces of
// any size. The zero value stands before the first chunk. It is a small value
// without pointers.
//
// It is strict as the parser of heads is. Extensions and the trailer section
// are checked against the grammar, bounded and dropped: nothing in a trailer
// can change a request that has been understood.
type Chunked struct {
	left  int64  // octets of data to come in this chunk
	spent uint16 // octets of extensions so far, then those of the trailer section
	size  uint8  // digits of the chunk size so far
	state chunkState
}

type chunkState uint8

const (
	chunkSize        chunkState = iota // in chunk-size
	chunkSizeLF                        // after the CR of its line
	chunkData                          // in chunk-data
	chunkDataCR                        // after it
	chunkDataLF                        // after its CR
	extensionStart                     // after white space behind a chunk-size
	extensionName                      // before or at the first octet of a chunk-ext-name
	extensionInName                    // in it
	extensionEqual                     // after white space behind it
	extensionValue                     // before or at the first octet of a chunk-ext-val
	extensionInValue                   // in a token
	extensionQuoted                    // in a quoted-string
	extensionEscaped                   // after "\" in it
	extensionEnd                       // after a quoted-string
	extensionSpace                     // after white space behind a value
	trailerLine                        // at the first octet of a line of the trailer section
	trailerName                        // in a field name
	trailerValue                       // in a field value
	trailerLF                          // after the CR of a field line
	chunkedLF                          // after the CR of the empty line
	chunkedEnd                         // after all of it
	chunkedRefused                     // after an error
)

// Next decodes from the front of b until it has data to show, b is used up or
// the content ends. It returns a view of the data in b, which may be empty,
// and how many octets of b it has dealt with, data included. io.EOF says that
// the content is over, with its trailer section, and the next message begins
// at b[n]. An *Error says that it must be refused. With neither, call again
// with b[n:] or what comes next.
//
// Whoever bounds the content counts n, not the data: that counts what a sender
// makes us read.
func (c *Chunked) Next(b []byte) (data []byte, n int, err error) {
	for n < len(b) {
		if c.state == chunkData {
			size := int(min(c.left, int64(len(b)-n)))
			data = b[n : n+size : n+size]
			c.left -= int64(size)
			if c.left == 0 {
				c.state = chunkDataCR
			}
			return data, n + size, nil
		}
		if c.state == chunkedEnd {
			break
		}
		if err := c.step(b[n]); err != nil {
			c.state = chunkedRefused
			return nil, n, err
		}
		n++
	}
	if c.state == chunkedEnd {
		return nil, n, io.EOF
	}
	return nil, n, nil
}

// step takes one octet that is not data.
func (c *Chunked) step(octet byte) error {
	switch {
	case c.state >= trailerLine:
		return c.stepTrailer(octet)
	case c.state >= extensionStart:
		return c.stepExtension(octet)
	}
	switch c.state {
	case chunkSize:
		switch {
		case is(octet, hexOctet):
			return c.addDigit(octet)
		case c.size == 0:
			return errChunkSize
		case octet == '\r':
			c.state = chunkSizeLF
		case octet == ';':
			return c.spend(extensionName, maxExtension, errExtensions)
		case octet == ' ' || octet == '\t':
			return c.spend(extensionStart, maxExtension, errExtensions)
		default:
			return errChunkSize
		}
	case chunkSizeLF:
		if octet != '\n' {
			return errChunkLineEnd
		}
		c.size = 0
		c.state = chunkData
		if c.left == 0 {
			c.spent = 0
			c.state = trailerLine
		}
	case chunkDataCR:
		if octet != '\r' {
			return errChunkEnd
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if octet != '\n' {
			return errChunkEnd
		}
		c.state = chunkSize
	}
	return nil
}

// addDigit takes a digit of the chunk size. Sixteen say any size, so a longer
// run of leading zeros is only noise.
func (c *Chunked) addDigit(octet byte) error {
	digit := int64(octet - '0')
	if !is(octet, digitOctet) {
		digit = int64(octet|0x20-'a') + 10
	}
	if c.size == 16 || c.left > math.MaxInt64>>4 {
		return errChunkLarge
	}
	c.left = c.left<<4 | digit
	c.size++
	return nil
}

// spend moves on to the next state by an octet that is counted.
func (c *Chunked) spend(next chunkState, bound uint16, tooMuch error) error {
	if c.spent == bound {
		return tooMuch
	}
	c.spent++
	c.state = next
	return nil
}

// stepExtension takes one octet of
//
//	chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//
// behind its first octet (RFC 9112 §7.1.1). White space is skipped where the
// grammar has BWS (RFC 9110 §5.6.3) and refused elsewhere: in front of the CR
// no ";" or "=" follows it.
func (c *Chunked) stepExtension(octet byte) error {
	next := c.state
	token, space := is(octet, tokenOctet), octet == ' ' || octet == '\t'
	switch c.state {
	case extensionStart:
		switch {
		case octet == ';':
			next = extensionName
		case !space:
			return errChunkSize
		}
	case extensionName:
		switch {
		case token:
			next = extensionInName
		case !space:
			return errExtension
		}
	case extensionInName, extensionEqual:
		switch {
		case token && c.state == extensionInName:
		case space:
			next = extensionEqual
		case octet == '=':
			next = extensionValue
		case octet == ';':
			next = extensionName
		case octet == '\r' && c.state == extensionInName:
			next = chunkSizeLF
		default:
			return errExtension
		}
	case extensionValue:
		switch {
		case token:
			next = extensionInValue
		case octet == '"':
			next = extensionQuoted
		case !space:
			return errExtension
		}
	case extensionQuoted:
		switch {
		case octet == '"':
			next = extensionEnd
		case octet == '\\':
			next = extensionEscaped
		case octet != '\t' && !is(octet, quotedOctet):
			return errExtension
		}
	case extensionEscaped:
		if octet != '\t' && !is(octet, textOctet) {
			return errExtension
		}
		next = extensionQuoted
	case extensionInValue, extensionEnd, extensionSpace:
		switch {
		case token && c.state == extensionInValue:
		case space:
			next = extensionSpace
		case octet == ';':
			next = extensionName
		case octet == '\r' && c.state != extensionSpace:
			next = chunkSizeLF
		default:
			return errExtension
		}
	}
	return c.spend(next, maxExtension, errExtensions)
}

// stepTrailer takes one octet of the trailer section (RFC 9112 §7.1.2).
func (c *Chunked) stepTrailer(octet byte) error {
	next := c.state
	switch c.state {
	case trailerLine:
		switch {
		case is(octet, tokenOctet):
			next = trailerName
		case octet == '\r':
			next = chunkedLF
		default:
			return errTrailer
		}
	case trailerName:
		switch {
		case octet == ':':
			next = trailerValue
		case !is(octet, tokenOctet):
			return errTrailer
		}
	case trailerValue:
		switch {
		case octet == '\r':
			next = trailerLF
		case octet != '\t' && !is(octet, textOctet):
			return errTrailer
		}
	case trailerLF, chunkedLF:
		if octet != '\n' {
			return errChunkLineEnd
		}
		next = trailerLine
		if c.state == chunkedLF {
			next = chunkedEnd
		}
	case chunkedRefused:
		return errRefused
	}
	return c.spend(next, maxTrailer, errTrailerLarge)
}
