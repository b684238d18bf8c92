package httpd

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestGate lets clients in, in turn. A story is a list of steps: "+a" asks for
// client a to be let in, "-a" gives a place of a's back, "xa" takes a's oldest
// ticket back; what is told is compared.
func TestGate(t *testing.T) {
	for _, test := range []struct {
		name         string
		atOnce, room int
		steps        []string
		want         []string
	}{
		{"room for all", 2, 9, []string{"+a", "+b"}, []string{"a in", "b in"}},
		{"one waits", 1, 9, []string{"+a", "+b", "-a", "-b", "+c"}, []string{"a in", "b in", "c in"}},
		{"in turn", 1, 9, []string{"+a", "+a", "+a", "+a", "+b", "+c", "-a", "-a", "-b", "-c", "-a"},
			[]string{"a in", "a in", "b in", "c in", "a in", "a in"}},
		{"no queue", 1, 0, []string{"+a", "+b", "-a", "+b"}, []string{"a in", "b refused", "b in"}},
		{"full", 1, 2, []string{"+a", "+b", "+c", "+d", "-a", "-b"}, []string{"a in", "d refused", "b in", "c in"}},
		{"full of one client", 1, 3, []string{"+a", "+a", "+a", "+a", "+a", "+b", "-a", "-a", "-b"},
			[]string{"a in", "a refused", "a out", "a in", "b in", "a in"}},
		{"a share of the queue for each", 1, 4, []string{"+a", "+a", "+a", "+a", "+a", "+b", "+b", "+b", "-a", "-a", "-b", "-a"},
			[]string{"a in", "a out", "a out", "b refused", "a in", "b in", "a in", "b in"}},
		{"a share of the places for each", 4, 9, []string{"+a", "+a", "+a", "+a", "+a", "+a", "+b", "+b", "+b", "-a", "-a", "-b", "-a"},
			[]string{"a in", "a in", "a in", "a in", "b in", "b in", "b in", "a in"}},
		{"all places for one client", 3, 9, []string{"+a", "+a", "+a", "+a", "-a", "+b", "-a"},
			[]string{"a in", "a in", "a in", "a in", "b in"}},
		{"more clients than places", 2, 9, []string{"+a", "+b", "+c", "+d", "+a", "-a", "-c", "-d"},
			[]string{"a in", "b in", "c in", "d in", "a in"}},
		{"taken back", 1, 2, []string{"+a", "+b", "+c", "xb", "+d", "-a", "-c"}, []string{"a in", "c in", "d in"}},
		{"taken back from the middle", 1, 9, []string{"+a", "+b", "+b", "+c", "xb", "-a", "-b", "-c", "+d", "+d"},
			[]string{"a in", "b in", "c in", "d in"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(test.atOnce, test.room)
			var got []string
			tickets := make(map[byte][]*ticket)
			for _, step := range test.steps {
				name := step[1]
				client := clientNamed(name)
				if step[0] == '-' {
					g.leave(client, false)
					continue
				}
				if step[0] == 'x' {
					if !g.cancel(tickets[name][0]) {
						t.Errorf("%c could not take a ticket back", name)
					}
					if g.cancel(tickets[name][0]) {
						t.Errorf("%c could take it back twice", name)
					}
					continue
				}
				ticket, v := g.enter(client, func(admitted bool) {
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
			waiting := 0
			for _, l := range g.lines {
				waiting += len(l.tickets)
			}
			if n, _ := g.pressure(); n != waiting || g.room != test.room-waiting {
				t.Errorf("%d wait, it counts %d and room for %d of %d", waiting, n, g.room, test.room)
			}
		})
	}
}

func clientNamed(name byte) netip.Prefix {
	return clientOf(netip.AddrFrom4([4]byte{192, 0, 2, name}))
}

// TestGateEvict: programs end for those who wait, no more of them than wait, and
// without a fault of theirs only what is beyond a client's share.
func TestGateEvict(t *testing.T) {
	now := time.Now()
	g := newGate(4, 9)
	g.now = func() time.Time { return now }
	enter := func(names string) {
		for _, name := range []byte(names) {
			g.enter(clientNamed(name), func(bool) {})
		}
	}
	want := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	a, b := clientNamed('a'), clientNamed('b')
	enter("aaaa")
	want("nobody waits", g.evict(a) || g.evictExcess(a), false)
	enter("a")
	now = now.Add(time.Minute)
	want("too many, and only the client itself waits", g.evictExcess(a), false)
	want("slow, and the client itself waits", g.evict(a), true)
	want("slow, and one ends for who waits", g.evict(a), false)
	g.leave(a, true) // the fifth of a's is let in
	if n, longest := g.pressure(); n != 0 || longest != 0 {
		t.Errorf("%d wait, for %v", n, longest)
	}

	enter("bbb")
	now = now.Add(shareTime - 1)
	want("too many, and another waits, but not for long", g.evictExcess(a), false)
	now = now.Add(1)
	if n, longest := g.pressure(); n != 3 || longest != shareTime {
		t.Errorf("%d wait, for %v", n, longest)
	}
	want("none at all", g.places(b) > 0, false)
	want("too many, the first", g.evictExcess(a), true)
	want("too many, the second", g.evictExcess(a), true)
	want("no more than its share", g.evictExcess(a), false)
	g.leave(a, true)
	g.leave(a, true)
	if g.places(a) != 2 || g.places(b) != 2 || g.ending != 0 {
		t.Errorf("a has %d places, b %d, and %d end", g.places(a), g.places(b), g.ending)
	}
	want("its share, and another waits that has its own", g.evictExcess(a) || g.evictExcess(b), false)
}

func TestFairRate(t *testing.T) {
	for _, test := range []struct {
		waiting int
		longest time.Duration
		want    float64
	}{
		{1, 0, 1000}, {1, 999 * time.Millisecond, 1000}, {1, time.Second, 2000}, {1, 3 * time.Second, 8000},
		{10, 0, 5500}, {92, 0, 46500}, {256, 0, maxFairRate}, {1, time.Hour, maxFairRate}, {1 << 30, time.Hour, maxFairRate},
	} {
		if got := fairRateFor(test.waiting, test.longest); got != test.want {
			t.Errorf("%d for %v: %v, want %v", test.waiting, test.longest, got, test.want)
		}
	}
	for _, test := range []struct {
		atOnce, waiting int
		want            time.Duration
	}{
		{8, 1, 200 * time.Millisecond}, {8, 8, 83 * time.Millisecond}, {8, 92, minPaceTime}, {1 << 16, 1, 249 * time.Millisecond}, {1, 1 << 30, minPaceTime},
	} {
		if got := paceTimeFor(test.atOnce, test.waiting).Truncate(time.Millisecond); got != test.want {
			t.Errorf("%d places, %d wait: %v, want %v", test.atOnce, test.waiting, got, test.want)
		}
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
