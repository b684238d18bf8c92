package httpd

import (
	"container/list"
	"sync"
	"time"
)

// maxCrew bounds the goroutines that ask the site, and with them the threads
// that may hang in a slow file system.
const maxCrew = 32

// A crew runs jobs that may block, in the order they come, on as many
// goroutines as there are jobs but never more than most. Its queue is
// bounded by its users: a connection has one job at most, and takes it back
// when it ends.
type crew struct {
	most int // at most maxCrew

	mu      sync.Mutex
	queue   list.List // of *job
	working int
	idle    chan struct{} // nil until close waits for nobody to work
}

// A job is what a crew is to run.
type job struct {
	run   func()
	place *list.Element // in the queue; nil: it has begun
}

func newCrew(most int) *crew { return &crew{most: most} }

// do has run called soon, on another goroutine.
func (c *crew) do(run func()) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := &job{run: run}
	if c.working == c.most {
		j.place = c.queue.PushBack(j)
		return j
	}
	c.working++
	go c.work(j)
	return j
}

func (c *crew) work(j *job) {
	for j != nil {
		j.run()
		j = c.next()
	}
}

// next returns the oldest job that waits; nil ends the goroutine.
func (c *crew) next() *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	front := c.queue.Front()
	if front == nil {
		c.working--
		if c.working == 0 && c.idle != nil {
			close(c.idle)
		}
		return nil
	}
	j := c.queue.Remove(front).(*job)
	j.place = nil
	return j
}

// cancel takes j back and reports whether it will not run: it had not begun.
func (c *crew) cancel(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.place == nil {
		return false
	}
	c.queue.Remove(j.place)
	j.place = nil
	return true
}

// close drops the jobs that have not begun and waits for the others, but not
// longer than the grace time. It returns how many it leaves behind. Nobody
// calls do any more.
func (c *crew) close(grace time.Duration) (left int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue.Init()
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
