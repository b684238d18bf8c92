package ready_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

// BenchmarkWait is the cost of one Wait as the descriptors grow, with one of
// them ready: epoll's stays as it is, the others' follow their number. 19,500
// fits below 20,000, a usual hard limit.
func BenchmarkWait(b *testing.B) {
	for _, name := range ready.Names() {
		for _, many := range []int{10, 100, 1000, 10_000, 19_500} {
			b.Run(fmt.Sprintf("%s/%d", name, many), func(b *testing.B) {
				p := open(b, name)
				watchIdle(b, p, many-1)
				rd, wr := pipe(b)
				put(b, wr)
				p.add(b, rd, r, 7)
				dst := make([]ready.Fired, 64)
				b.ReportAllocs()
				for b.Loop() {
					if n, err := p.Wait(dst, 0); n != 1 || err != nil {
						b.Fatalf("%d fired, %v", n, err)
					}
				}
			})
		}
	}
}

// watchIdle has p watch so many descriptors that are not ready.
func watchIdle(b *testing.B, p poller, many int) {
	limitDescriptors(b, many+100)
	var idle []*ipc.FD
	b.Cleanup(func() {
		for _, fd := range idle {
			fd.Close()
		}
	})
	for token := range uint64(many) {
		// A socket without a peer has nothing to read.
		n, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		must(b, err)
		idle = append(idle, ipc.NewFD(n))
		if err := p.Add(n, r, 1000+token); err != nil {
			b.Skip(err)
		}
	}
}

// BenchmarkWake is a Wake and the Wait that it ends.
func BenchmarkWake(b *testing.B) {
	for _, name := range ready.Names() {
		b.Run(name, func(b *testing.B) {
			p := open(b, name)
			dst := make([]ready.Fired, 1)
			b.ReportAllocs()
			for b.Loop() {
				p.Wake()
				if n, err := p.Wait(dst, -1); n != 0 || err != nil {
					b.Fatalf("%d fired, %v", n, err)
				}
			}
		})
	}
}

// BenchmarkModify is the cost of asking for something else.
func BenchmarkModify(b *testing.B) {
	for _, name := range ready.Names() {
		b.Run(name, func(b *testing.B) {
			p := open(b, name)
			rd, _ := pipe(b)
			p.add(b, rd, r, 7)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Modify(rd.Number(), r, 7); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
