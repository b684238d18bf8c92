package httpd

import "sync"

// maxCrew bounds the goroutines that ask the site, and with them the threads
// that may hang in a slow file system.
const maxCrew = 32

// A crew runs jobs that may block, in the order they come, on as many
// goroutines as there are jobs but never more than maxCrew. Its queue is
// bounded by its users: a connection has one job at most.
type crew struct {
	mu      sync.Mutex
	queue   []func()
	working int
	ended   sync.WaitGroup
}

func newCrew() *crew { return new(crew) }

// do has job run soon, on another goroutine.
func (c *crew) do(job func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.working == maxCrew {
		c.queue = append(c.queue, job)
		return
	}
	c.working++
	c.ended.Go(func() { c.work(job) })
}

func (c *crew) work(job func()) {
	for job != nil {
		job()
		job = c.next()
	}
}

// next returns the oldest job that waits; nil ends the goroutine.
func (c *crew) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.queue = nil
		c.working--
		return nil
	}
	job := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	return job
}

// close waits until all jobs are done. Nobody calls do any more.
func (c *crew) close() { c.ended.Wait() }
