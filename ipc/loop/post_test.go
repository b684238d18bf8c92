package loop_test

import (
	"runtime"
	"sync"
	"testing"
)

func TestPostOrder(t *testing.T) {
	each(t, func(r *rig) {
		const posters, each = 8, 500
		var got [posters][]int
		var all sync.WaitGroup
		for who := range posters {
			all.Go(func() {
				for i := range each {
					if !r.Post(func() { got[who] = append(got[who], i) }) {
						r.t.Error("Post: the loop has ended")
					}
				}
			})
		}
		all.Wait()
		r.do(func() {
			for who := range posters {
				for i := range each {
					if len(got[who]) != each || got[who][i] != i {
						r.t.Fatalf("poster %d: %d posts ran, the order is %v...", who, len(got[who]), got[who][:min(i+1, len(got[who]))])
					}
				}
			}
		})
	})
}

// Every post runs or is refused: what it carries is never lost in between.
func TestPostAtTheEnd(t *testing.T) {
	for range 50 {
		l := open(t, "")
		ended := make(chan error)
		go func() { ended <- l.Run() }()
		var ran, taken [4]int
		var all sync.WaitGroup
		for who := range ran {
			all.Go(func() {
				for l.Post(func() { ran[who]++ }) {
					taken[who]++
				}
			})
		}
		l.Stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if ran != taken {
			t.Fatalf("%v posts were taken, %v ran", taken, ran)
		}
	}
}

// A loop whose peer does not read waits briefly without telling the Go
// scheduler. It still hears posts, and keeps no garbage collection from its end,
// also where there is no other processor.
func TestPostsAndCollectionsWhileSending(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	each(t, func(r *rig) {
		p := newParty()
		peer := r.pair(p)
		r.do(func() {
			if done, err := p.Send(nil, pattern(16<<20), false); done || err != nil {
				r.t.Errorf("Send: %v, %v", done, err)
			}
		})
		// Each piece that the peer takes begins another wait for room.
		piece := make([]byte, 64<<10)
		for range 100 {
			if _, err := peer.Read(piece); err != nil {
				r.t.Fatal(err)
			}
			runtime.GC()
			ran := make(chan bool, 1)
			r.Post(func() { ran <- true })
			await(r.t, ran, "a post")
		}
		r.do(p.Close)
	})
}
