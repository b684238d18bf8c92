package httpd

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A volume whose jobs hang has its share of the crew and no more. The jobs of all
// others run.
func TestCrewShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(maxCrew, crewShare)
		stop := make(chan struct{})
		hung := func(id uint64) *job { return &job{volume: volume{id: id}, run: func() { <-stop }} }
		const hungVolumes = maxCrew/crewShare - 1
		var waiting []*job
		for id := range uint64(hungVolumes) {
			for range 2 * crewShare {
				waiting = append(waiting, hung(id))
				c.do(waiting[len(waiting)-1])
			}
		}
		synctest.Wait()
		if c.working != hungVolumes*crewShare {
			t.Errorf("%d work, want %d", c.working, hungVolumes*crewShare)
		}

		// What is left serves others.
		begin := make(chan struct{})
		for range crewShare {
			c.do(&job{volume: volume{id: 100}, run: func() { <-begin }})
		}
		var ran atomic.Int32
		for id := range uint64(5) {
			c.do(&job{volume: volume{id: 101 + id}, run: func() { ran.Add(1) }})
		}
		synctest.Wait()
		if c.working != maxCrew || ran.Load() > 0 {
			t.Errorf("%d work, want %d; %d others have run", c.working, maxCrew, ran.Load())
		}
		close(begin)
		synctest.Wait()
		if ran.Load() != 5 {
			t.Errorf("%d others have run, want all", ran.Load())
		}

		cancelled := 0
		for _, j := range waiting {
			if c.cancel(j) {
				cancelled++
			}
		}
		if cancelled != hungVolumes*crewShare {
			t.Errorf("%d jobs were taken back, want %d", cancelled, hungVolumes*crewShare)
		}
		close(stop)
		synctest.Wait()
		if c.working != 0 || len(c.volumes) != 0 || c.turns.Len() != 0 {
			t.Errorf("left: %d work, %d volumes, %d turns", c.working, len(c.volumes), c.turns.Len())
		}
		if left := c.close(time.Second); left != 0 {
			t.Errorf("%d are left behind", left)
		}
	})
}

// When all work, volumes take turns however many jobs each of them has waiting.
func TestCrewTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(maxCrew, crewShare)
		one, rest := make(chan struct{}), make(chan struct{})
		for i := range maxCrew {
			c.do(&job{volume: volume{id: uint64(1000 + i)}, run: func() {
				if i == 0 {
					<-one
					return
				}
				<-rest
			}})
		}
		var order []uint64
		for _, id := range []uint64{1, 1, 1, 2, 3, 2} {
			c.do(&job{volume: volume{id: id}, run: func() { order = append(order, id) }})
		}
		close(one) // its goroutine does all the others
		synctest.Wait()
		if want := []uint64{1, 2, 3, 1, 2, 1}; !slices.Equal(order, want) {
			t.Errorf("%v have run, want %v", order, want)
		}
		close(rest)
		synctest.Wait()
	})
}

// A volume is stuck when its share is used up by jobs that have all run for too
// long, and is so no more when one of them has ended.
func TestCrewStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, v := newCrew(maxCrew, crewShare), volume{id: 1}
		const patience = time.Second
		stop, first := make(chan struct{}), make(chan struct{})
		for i := range crewShare {
			c.do(&job{volume: v, run: func() {
				if i == 0 {
					<-first
					return
				}
				<-stop
			}})
			if c.isStuck(v, patience) {
				t.Errorf("stuck after %d jobs", i+1)
			}
			time.Sleep(patience / 2)
		}
		time.Sleep(patience)
		if !c.isStuck(v, patience) {
			t.Error("not stuck")
		}
		if c.isStuck(volume{id: 2}, patience) {
			t.Error("another is stuck")
		}
		close(first)
		synctest.Wait()
		if c.isStuck(v, patience) {
			t.Error("still stuck")
		}
		close(stop)
		synctest.Wait()
	})
}
