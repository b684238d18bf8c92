package httpd

import (
	"fmt"
	"net/netip"
	"testing"
)

// However few descriptors there are, all bounds together keep to them, and however
// many, each has its share.
func TestShareOut(t *testing.T) {
	programs := func(atOnce, queue int) *ProgramOptions {
		p := &ProgramOptions{AtOnce: atOnce, Queue: queue}
		p.fill(1)
		return p
	}
	for _, limit := range []int{64, 65, 100, 128, 256, 1000, 1024, 4096, 65536, 1 << 20} {
		for _, loops := range []int{1, 2, 4} {
			for _, listeners := range []int{1, 3} {
				for name, p := range map[string]*ProgramOptions{
					"no programs": nil, "programs": programs(0, 0), "many programs": programs(500, 10_000), "no queue": programs(0, -1),
				} {
					fixed := descriptorsElsewhere + listeners + loops*(descriptorsPerLoop+listeners)
					if limit < fixed+leastDescriptors {
						continue
					}
					t.Run(fmt.Sprint(limit, " ", loops, " loops ", listeners, " listeners ", name), func(t *testing.T) {
						b := shareOut(limit, listeners, loops, p)
						sum := fixed + b.clients + b.files + b.crew*descriptorsPerAnswer + b.programs*descriptorsPerProgram + b.waiting
						// The least that each gets may be more than there is.
						if slack := 16; sum > limit && (sum > limit+slack || limit > fixed+2*leastDescriptors) {
							t.Errorf("%+v takes %d of %d", b, sum, limit)
						}
						if b.lent > 0 && (2*b.few+b.lent >= b.clients || b.files+b.lent > maxFiles) {
							t.Errorf("%+v lends too much", b)
						}
						if b.clients < 2 || b.files < 1 || b.crew < 1 || p != nil && (b.programs < 1 || b.waiting < 2) {
							t.Errorf("%+v leaves somebody out", b)
						}
						if p == nil && b.clients < limit/2-fixed {
							t.Errorf("%+v of %d", b, limit)
						}
					})
				}
			}
		}
	}
	if b := shareOut(64, 1, 2, nil); b.clients <= 16 {
		t.Errorf("64 descriptors: %+v, want more than 16 clients", b)
	}
	if b := shareOut(1<<20, 1, 2, programs(0, 0)); b.programs != 8 || b.waiting != 2*(256+maxSpools) || b.crew != maxCrew || b.files != maxFilesAndPrograms {
		t.Errorf("a million descriptors: %+v, want all that is asked for", b)
	}
}

func TestHoldings(t *testing.T) {
	a, b := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	h := holdings{most: 5}
	for i, test := range []struct {
		client netip.Prefix
		give   int
		want   bool
	}{
		{a, 0, true}, {a, 0, true}, {a, 0, false}, // half
		{b, 0, true}, {b, 0, true}, {b, 0, false},
		{a, 1, true}, {b, 2, true}, {a, 0, false}, {b, 0, true},
	} {
		h.give(test.client, test.give)
		if got := h.take(test.client); got != test.want {
			t.Errorf("%d: %v, want %v", i, got, test.want)
		}
	}
	h.give(a, 2)
	h.give(b, 2)
	if h.all != 0 || len(h.clients) != 0 {
		t.Errorf("%d are counted, of %d clients", h.all, len(h.clients))
	}
}
