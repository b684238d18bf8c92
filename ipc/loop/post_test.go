package loop_test

import (
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
