package sock

import (
	"math"
	"testing"
	"time"
)

func TestRoundUp(t *testing.T) {
	for _, test := range []struct{ v, unit, want time.Duration }{
		{0, time.Second, 0},
		{1, time.Second, time.Second},
		{time.Second, time.Second, time.Second},
		{time.Second + 1, time.Second, 2 * time.Second},
		{math.MaxInt64, time.Microsecond, math.MaxInt64 / 1000 * 1000},
	} {
		if got := roundUp(test.v, test.unit); got != test.want {
			t.Errorf("%d in steps of %v is %d, want %d", test.v, test.unit, got, test.want)
		}
	}
}

func TestBacklog(t *testing.T) {
	for _, test := range []struct{ n, want int }{{0, 65535}, {1, 1}, {65535, 65535}, {65536, 65535}, {math.MaxInt, 65535}} {
		if got := backlog(test.n); got != test.want {
			t.Errorf("a backlog of %d is asked for as %d, want %d", test.n, got, test.want)
		}
	}
}

// FuzzControl holds that ancillary data of any bytes are read without harm, and
// that what appendControl wrote is read as it was.
func FuzzControl(f *testing.F) {
	good, err := (&Message{Control: Control{Other: []ControlMessage{{1, 2, []byte("abc")}, {3, 4, nil}}}}).appendControl(nil, -1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, 5, 6, []byte("x"))
	f.Add([]byte{}, 0, 0, []byte{})
	f.Fuzz(func(t *testing.T, b []byte, level, typ int, data []byte) {
		// Descriptors would be closed, and they are not ours.
		if level, typ = level&0xff|0x100, typ&0xff; !hasRights(b) {
			(&Message{}).takeControl(b)
		}
		b = appendControlMessage(nil, level, typ, data)
		b = appendControlMessage(b, level, typ+1, nil)
		var m Message
		m.takeControl(b)
		o := m.Control.Other
		if len(o) != 2 || o[0].Level != level || o[0].Type != typ || string(o[0].Data) != string(data) || o[1].Type != typ+1 || len(o[1].Data) != 0 {
			t.Errorf("%d, %d, %q is read as %+v", level, typ, data, o)
		}
	})
}

// hasRights reports whether b could be read as passing descriptors: somewhere
// in it stand the two words 1 and 1.
func hasRights(b []byte) bool {
	for i := 0; i+8 <= len(b); i++ {
		if string(b[i:i+8]) == "\x01\x00\x00\x00\x01\x00\x00\x00" || string(b[i:i+8]) == "\x00\x00\x00\x01\x00\x00\x00\x01" ||
			string(b[i:i+8]) == "\xff\xff\x00\x00\x01\x00\x00\x00" || string(b[i:i+8]) == "\x00\x00\xff\xff\x00\x00\x00\x01" {
			return true
		}
	}
	return false
}
