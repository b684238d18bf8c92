package httpd

import (
	"container/list"
	"sync"
	"time"
)

const (
	// maxCrew bounds the goroutines that ask the site, and with them the threads
	// that may hang in file systems that do not respond.
	maxCrew = 4 * crewShare

	// crewShare is how many of them work for one file system at a time. When it
	// hangs the others are left to all else.
	crewShare = 32
)

// A volume is what jobs may hang in together.
type volume struct {
	kind volumeKind
	id   uint64 // as web.VolumeSite has it
}

// A volumeKind says what a volume is.
type volumeKind uint8

const (
	documentVolume volumeKind = iota // a file system of the site
	spoolVolume                      // where content is gathered
	closingVolume                    // what was read, and is being closed
)

// A crew runs jobs that may block, on as many goroutines as there are jobs but
// never more than most, nor than share for one volume: in the order in which
// they come for it, and the volumes in turn. Its queue is bounded by its users: a
// connection has one job at most, and takes it back when it ends or when the job
// has waited for too long.
type crew struct {
	most  int // at most maxCrew
	share int // for each volume

	mu      sync.Mutex
	volumes map[volume]*volumeShare // those with a job
	turns   list.List               // of *volumeShare: with jobs that wait and may begin
	working int
	idle    chan struct{} // nil until close waits for nobody to work
}

// A volumeShare is a volume's part of the crew.
type volumeShare struct {
	volume  volume
	running int
	begun   time.Time     // when a job last began
	queue   list.List     // of *job, which wait
	turn    *list.Element // in turns; nil: nothing waits, or the share is used up
}

// A job is what a crew is to run.
type job struct {
	volume volume
	run    func()
	share  *volumeShare  // of its volume
	place  *list.Element // in its queue; nil: it has begun
}

// newCrew makes a crew of so many goroutines, of which share work for one volume.
func newCrew(most, share int) *crew {
	return &crew{most: most, share: share, volumes: make(map[volume]*volumeShare)}
}

// do has j run soon, on another goroutine.
func (c *crew) do(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.volumes[j.volume]
	if s == nil {
		s = &volumeShare{volume: j.volume}
		c.volumes[j.volume] = s
	}
	j.share = s
	if c.working == c.most || s.running == c.share {
		j.place = s.queue.PushBack(j)
		c.giveTurn(s)
		return
	}
	c.working++
	s.begin()
	go c.work(j)
}

// begin counts a job of the share as running. The caller holds mu.
func (s *volumeShare) begin() {
	s.running++
	s.begun = time.Now()
}

// giveTurn has s stand among those that have turns when it may. The caller holds
// mu.
func (c *crew) giveTurn(s *volumeShare) {
	switch may := s.queue.Len() > 0 && s.running < c.share; {
	case may && s.turn == nil:
		s.turn = c.turns.PushBack(s)
	case !may && s.turn != nil:
		c.turns.Remove(s.turn)
		s.turn = nil
	}
	if s.running == 0 && s.queue.Len() == 0 {
		delete(c.volumes, s.volume)
	}
}

func (c *crew) work(j *job) {
	for j != nil {
		j.run()
		j = c.next(j)
	}
}

// next is told that a job has ended and returns one that waits; nil ends the
// goroutine.
func (c *crew) next(ended *job) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended.share.running--
	c.giveTurn(ended.share)
	front := c.turns.Front()
	if front == nil {
		c.working--
		if c.working == 0 && c.idle != nil {
			close(c.idle)
		}
		return nil
	}
	s := front.Value.(*volumeShare)
	j := s.queue.Remove(s.queue.Front()).(*job)
	j.place = nil
	s.begin()
	c.turns.Remove(s.turn)
	s.turn = nil
	c.giveTurn(s) // behind the others
	return j
}

// cancel takes j back and reports whether it will not run: it had not begun.
func (c *crew) cancel(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.place == nil {
		return false
	}
	j.share.queue.Remove(j.place)
	j.place = nil
	c.giveTurn(j.share)
	return true
}

// isStuck reports whether all who work for v have done so for longer than
// patience, so that there is no point in waiting.
func (c *crew) isStuck(v volume, patience time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.volumes[v]
	return s != nil && s.running == c.share && time.Since(s.begun) > patience
}

// close drops the jobs that have not begun and waits for the others, but not
// longer than the grace time. It returns how many it leaves behind. Nobody
// calls do any more.
func (c *crew) close(grace time.Duration) (left int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.volumes {
		s.queue.Init()
		s.turn = nil
	}
	c.turns.Init()
	if c.working == 0 {
		return 0
	}
	c.idle = make(chan struct{})
	c.mu.Unlock()
	select {
	case <-c.idle:
	case <-time.After(grace):
	}
	c.mu.Lock()
	return c.working
}
