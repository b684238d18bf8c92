package proc

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// births counts the children that are being made, and are not in ours yet.
var births atomic.Int32

// withoutPidfd says that Start gets no pidfd (before Linux 5.2).
var withoutPidfd atomic.Bool

// ours are the children that Start has started and nobody has reaped, by number.
var ours sync.Map // int: *Process

func (p *Process) enlist() { ours.Store(p.pid, p) }

// A number that was given back may be a new child's by now.
func (p *Process) delist() { ours.CompareAndDelete(p.pid, p) }

func isOurs(pid int) bool {
	_, ok := ours.Load(pid)
	return ok
}

// procTells reports whether /proc is there and speaks of processes by the numbers
// that they have here. In a namespace of process numbers (pid_namespaces(7)) that
// has no /proc of its own, the numbers are those outside.
func procTells() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// childrenOf returns the numbers of a process's children (proc(5), task/children),
// at most that many; none where the system does not say.
func childrenOf(pid, most int) []int {
	task := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, err := os.ReadDir(task)
	if err != nil {
		return nil
	}
	var all []int
	for _, thread := range threads {
		list, err := os.ReadFile(task + thread.Name() + "/children")
		if err != nil {
			continue // it has ended
		}
		for word := range bytes.FieldsSeq(list) {
			if n, err := strconv.Atoi(string(word)); err == nil && len(all) < most {
				all = append(all, n)
			}
		}
	}
	return all
}

// parentOf returns the number of a process's parent, 0 when the process is gone.
func parentOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name stands in parentheses and may hold any octet.
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

// maxDescriptors is how many descriptors of a process are looked at. Whoever keeps
// a pipe that it was born with has it among the first.
const maxDescriptors = 1024

// holds reports whether a process has one of the pipes open (proc(5), fd).
func holds(pid int, pipes []uint64) bool {
	if len(pipes) == 0 {
		return false
	}
	name := "/proc/" + strconv.Itoa(pid) + "/fd"
	dir, err := os.Open(name)
	if err != nil {
		return false
	}
	defer dir.Close()
	fds, _ := dir.Readdirnames(maxDescriptors)
	for _, fd := range fds {
		what, err := os.Readlink(name + "/" + fd)
		if err != nil {
			continue
		}
		for _, pipe := range pipes {
			if what == "pipe:["+strconv.FormatUint(pipe, 10)+"]" {
				return true
			}
		}
	}
	return false
}

const (
	// maxSearched is how many processes one search looks at: each takes some ten
	// microseconds. What it has not come to another finds.
	maxSearched = 2048

	// maxDepth is how far it goes down. For each step a descriptor is open.
	maxDepth = 16

	// maxFound is how many processes that it has found wait for others to be
	// told first. Those beyond do not.
	maxFound = 64
)

// A search sends a signal to what has left a child's group.
type search struct {
	signal  syscall.Signal
	child   *Process
	pipes   []uint64 // to those that have one open; nil: to all that belong to child
	self    int      // the number of this process
	left    int      // processes that it may still look at
	reached int      // processes that have got the signal
	found   []int    // pidfds of those that are to get it
}

// run looks at the child's descendants, and at orphans: at those which belong to
// the child's session, or hold a pipe, and at their descendants.
func (s *search) run() {
	if !procTells() {
		return
	}
	s.left = maxSearched
	s.descend(s.child.pid, true, 0)
	s.self = os.Getpid()
	for _, pid := range childrenOf(s.self, maxSearched) {
		if !isOurs(pid) {
			s.visit(pid, s.self, false, 0)
		}
	}
}

// descend visits the children of a process; theirs says that it belongs to the
// child.
func (s *search) descend(pid int, theirs bool, depth int) {
	if depth >= maxDepth {
		return
	}
	for _, n := range childrenOf(pid, s.left) {
		s.visit(n, pid, theirs, depth+1)
	}
}

// visit looks at a process that was found to be a child of parent, and at its
// descendants.
func (s *search) visit(pid, parent int, theirs bool, depth int) {
	if s.left <= 0 {
		return
	}
	s.left--
	// From here on the process has a name of its own, so that a signal cannot
	// reach a stranger who gets its number.
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil || parentOf(pid) != parent {
		if err == nil {
			unix.Close(fd)
		}
		return
	}
	defer unix.Close(fd)
	session, _ := unix.Getsid(pid)
	theirs = theirs || s.child.leadsSession && session == s.child.pid
	s.descend(pid, theirs, depth)
	hit := theirs
	switch group, _ := unix.Getpgid(pid); {
	case s.pipes != nil:
		// Up to its execve(2) a child that somebody starts just now has open
		// whatever this process has.
		hit = holds(pid, s.pipes) && (parent != s.self || !heldByPidfd(fd)[pid])
	case group == s.child.pid:
		hit = false // it gets what the group gets
	}
	if !hit {
		return
	}
	s.reached++
	if len(s.found) < maxFound {
		if fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			s.found = append(s.found, fd)
			return
		}
	}
	unix.PidfdSendSignal(fd, s.signal, nil, 0)
}

// tell sends the signal to those who have not got it: a parent hears of its own end
// before it hears of its child's.
func (s *search) tell() {
	for _, fd := range s.found {
		unix.PidfdSendSignal(fd, s.signal, nil, 0)
		unix.Close(fd)
	}
}

// heldByPidfd returns the children that somebody in this process holds a pidfd of,
// who will wait for them, as os/exec does (proc(5), fdinfo); nil where the system does
// not say. One descriptor does not count.
func heldByPidfd(but int) map[int]bool {
	if !procTells() {
		return nil
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	held := make(map[int]bool)
	for _, fd := range fds {
		what, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err != nil || fd.Name() == strconv.Itoa(but) || what != "anon_inode:[pidfd]" && !bytes.HasPrefix([]byte(what), []byte("pidfd:")) {
			continue
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + fd.Name())
		if err != nil {
			continue
		}
		for line := range bytes.Lines(info) {
			if number, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
				if pid, err := strconv.Atoi(string(bytes.TrimSpace(number))); err == nil {
					held[pid] = true
				}
			}
		}
	}
	return held
}

// strays finds those of the child's descendants that have left its group, and those
// of its session whose parents have ended. The caller calls tell.
func (p *Process) strays(sig syscall.Signal) *search {
	s := &search{signal: sig, child: p}
	s.run()
	return s
}

// KillHolders kills (SIGKILL) those of the child's descendants that have one of the
// pipes open, and of the orphans that have come to this process (AdoptOrphans), and
// returns how many it has found. A pipe goes by its number (fstat(2), st_ino). A
// process that this one may not look at, as one of another user, is not found.
func (p *Process) KillHolders(pipes ...uint64) int {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	if done || len(pipes) == 0 {
		return 0
	}
	s := search{signal: unix.SIGKILL, child: p, pipes: pipes}
	s.run()
	s.tell()
	return s.reached
}
