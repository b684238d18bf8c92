package accesslog

import (
	"fmt"
	"strings"
	"time"

	"xanadu/web"
)

// A Format is a way of writing a log. Its functions are pure: they append one
// line with its line end, and no other line end within, whatever a client sent.
type Format struct {
	Name string

	// Line is the line of one answered request. It keeps no part of the record
	// and allocates nothing when dst has room.
	Line func(dst []byte, rec *web.Record) []byte

	// Lost is the line that tells that as many are missing at this place. No
	// line of a request can be taken for it.
	Lost func(dst []byte, at time.Time, lines int) []byte
}

// formats are all there are; the first is the default.
var formats = []Format{
	{"sws", AppendLine, appendLost},
	{"common", AppendCommon, appendLost},
	{"combined", AppendCombined, appendLost},
	{"json", AppendJSON, appendLostJSON},
}

// ParseFormat returns the format of that name. The error lists the names.
func ParseFormat(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("%q is none of %s", name, strings.Join(FormatNames(), ", "))
}

// FormatNames lists the names of all formats, the default first.
func FormatNames() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}
