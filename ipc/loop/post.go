package loop

// A post is a function that another goroutine wants run on the loop.
type post struct {
	run  func()
	next *post
}

// closed stands in Loop.posts when nothing is taken any more.
var closed = new(post)

// Post has f run on the loop's goroutine, soon and in the order of the calls,
// and returns at once. It may be called from any goroutine. It returns false,
// and f never runs, when the loop has ended.
func (l *Loop) Post(f func()) bool {
	p := &post{run: f}
	for {
		p.next = l.posts.Load()
		if p.next == closed {
			return false
		}
		if l.posts.CompareAndSwap(p.next, p) {
			break
		}
	}
	if l.sleeping.Load() {
		l.poller.Wake()
	}
	return true
}

func (l *Loop) runPosts() {
	if l.posts.Load() != nil {
		runOldestFirst(l.posts.Swap(nil))
	}
}

// refusePosts runs what still came in and lets nothing in after it.
func (l *Loop) refusePosts() {
	runOldestFirst(l.posts.Swap(closed))
}

func runOldestFirst(newest *post) {
	var oldest *post
	for p := newest; p != nil && p != closed; {
		p, p.next, oldest = p.next, oldest, p
	}
	for p := oldest; p != nil; p = p.next {
		p.run()
	}
}
