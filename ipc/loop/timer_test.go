package loop_test

import (
	"slices"
	"testing"
	"time"

	"xanadu/ipc/loop"
)

func TestAfter(t *testing.T) {
	each(t, func(r *rig) {
		var order []int
		done := make(chan bool)
		r.do(func() {
			r.After(30*time.Millisecond, func() { order = append(order, 3); close(done) })
			r.After(0, func() { order = append(order, 1) })
			r.After(15*time.Millisecond, func() {
				order = append(order, 2)
				r.After(0, func() {})
			})
		})
		await(r.t, done, "the last timer")
		r.do(func() {
			if !slices.Equal(order, []int{1, 2, 3}) {
				r.t.Errorf("order %v", order)
			}
		})
	})
}

// However late the loop comes to them, timers run in the order they are due.
func TestAfterInOrder(t *testing.T) {
	var order []int
	for late := true; late; {
		l := open(t, "")
		order = nil
		began := time.Now()
		l.After(2*time.Millisecond, func() { order = append(order, 3); l.Stop() })
		l.After(time.Millisecond, func() { order = append(order, 2) })
		late = time.Since(began) >= time.Millisecond // the second is not due before the first
		l.After(0, func() {
			order = append(order, 1)
			for began := time.Now(); time.Since(began) < 5*time.Millisecond; { // keep the loop until all are due
			}
		})
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(order, []int{1, 2, 3}) {
		t.Errorf("order %v", order)
	}
}

func TestTimeout(t *testing.T) {
	each(t, func(r *rig) {
		var parties [5]*party
		var order []int
		done := make(chan bool)
		for i := range parties {
			parties[i] = newParty()
			r.pair(parties[i])
		}
		started := time.Now()
		r.do(func() {
			long := r.NewTimeout(time.Hour)
			q := r.NewTimeout(0) // one tick
			for i, p := range parties {
				p.Timeout(q)
				p.Timeout(q) // in the same tick it keeps its place
				if i == 0 && q.First() != loop.Handler(p) {
					r.t.Error("First is not who came first")
				}
			}
			parties[1].Timeout(nil)  // never
			parties[2].Timeout(long) // not now
			parties[3].Close()
			watch := func() {
				for i, p := range parties {
					if len(p.expired) > 0 {
						order = append(order, i)
						<-p.expired
					}
				}
				if len(order) == 2 {
					close(done)
					order = append(order, -1)
				}
			}
			r.EndOfTurn(watch)
		})
		await(r.t, done, "the last to expire")
		if since := time.Since(started); since < 90*time.Millisecond {
			r.t.Errorf("expired after %v, less than a tick", since)
		}
		r.do(func() {
			if !slices.Equal(order, []int{0, 4, -1}) {
				r.t.Errorf("expired: %v, want [0 4]", order[:len(order)-1])
			}
		})
	})
}
