package main

import "xanadu/ipc/ready"

// waiting builds a set of the sources and waits for any of them, as select,
// pselect, poll and epoll do, each in its own way.
//
// Calls: for select and pselect pselect6, for poll ppoll, for epoll
// epoll_create1, epoll_ctl and epoll_pwait; read of those that are ready. The
// eventfd2 is the poller's, for its Wake.
func waiting(name string) func([]*source) error {
	return func(sources []*source) error {
		p, err := ready.Open(name)
		if err != nil {
			return err
		}
		defer p.Close()
		for i, s := range sources {
			if err := p.Add(s.fd.Number(), ready.Readable, uint64(i)); err != nil {
				return err
			}
		}
		fired := make([]ready.Fired, len(sources))
		for open := len(sources); open > 0; {
			n, err := p.Wait(fired, -1)
			if err != nil {
				return err
			}
			for _, f := range fired[:n] {
				s := sources[f.Token]
				more, err := s.hear()
				if err != nil {
					return err
				}
				if !more {
					p.Remove(s.fd.Number())
					open--
				}
			}
		}
		return nil
	}
}
