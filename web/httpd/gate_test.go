package httpd

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// TestGate lets clients in, in turn. A story is a list of steps: "+a" asks for
// client a to be let in, "-" gives a place back, "xa" takes a's oldest ticket
// back; what is told is compared.
func TestGate(t *testing.T) {
	for _, test := range []struct {
		name         string
		atOnce, room int
		steps        []string
		want         []string
	}{
		{"room for all", 2, 9, []string{"+a", "+b"}, []string{"a in", "b in"}},
		{"one waits", 1, 9, []string{"+a", "+b", "-", "-", "+c"}, []string{"a in", "b in", "c in"}},
		{"in turn", 1, 9, []string{"+a", "+a", "+a", "+a", "+b", "+c", "-", "-", "-", "-", "-"},
			[]string{"a in", "a in", "b in", "c in", "a in", "a in"}},
		{"no queue", 1, 0, []string{"+a", "+b", "-", "+b"}, []string{"a in", "b refused", "b in"}},
		{"full", 1, 2, []string{"+a", "+b", "+c", "+d", "-", "-"}, []string{"a in", "d refused", "b in", "c in"}},
		{"full of one client", 1, 3, []string{"+a", "+a", "+a", "+a", "+a", "+b", "-", "-", "-"},
			[]string{"a in", "a refused", "a out", "a in", "b in", "a in"}},
		{"a share for each", 1, 4, []string{"+a", "+a", "+a", "+a", "+a", "+b", "+b", "+b", "-", "-", "-", "-"},
			[]string{"a in", "a out", "a out", "b refused", "a in", "b in", "a in", "b in"}},
		{"taken back", 1, 2, []string{"+a", "+b", "+c", "xb", "+d", "-", "-"}, []string{"a in", "c in", "d in"}},
		{"taken back from the middle", 1, 9, []string{"+a", "+b", "+b", "+c", "xb", "-", "-", "-", "+d", "+d"},
			[]string{"a in", "b in", "c in", "d in"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(test.atOnce, test.room)
			var got []string
			tickets := make(map[byte][]*ticket)
			for _, step := range test.steps {
				if step == "-" {
					g.leave()
					continue
				}
				name := step[1]
				peer := netip.AddrFrom4([4]byte{192, 0, 2, name})
				if step[0] == 'x' {
					if !g.cancel(tickets[name][0]) {
						t.Errorf("%c could not take a ticket back", name)
					}
					if g.cancel(tickets[name][0]) {
						t.Errorf("%c could take it back twice", name)
					}
					continue
				}
				ticket, v := g.enter(peer, func(admitted bool) {
					got = append(got, fmt.Sprintf("%c %s", name, map[bool]string{true: "in", false: "out"}[admitted]))
				})
				switch v {
				case admitted:
					got = append(got, fmt.Sprintf("%c in", name))
				case queued:
					tickets[name] = append(tickets[name], ticket)
				case refused:
					got = append(got, fmt.Sprintf("%c refused", name))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestClientOf(t *testing.T) {
	for _, test := range []struct {
		a, b string
		one  bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		a, b := clientOf(netip.MustParseAddr(test.a)), clientOf(netip.MustParseAddr(test.b))
		if (a == b) != test.one {
			t.Errorf("%s and %s: %v and %v", test.a, test.b, a, b)
		}
	}
	if clientOf(netip.Addr{}) == clientOf(netip.MustParseAddr("0.0.0.0")) {
		t.Error("a UNIX socket's clients are those of an address")
	}
}
