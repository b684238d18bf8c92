package sys

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Spawn is a child to be started, and what it does for itself before it becomes
// another program, in this order: which session or group it is in, where it is,
// what it has open, what it may do.
type Spawn struct {
	Path string   // of the program; a relative one starts at the child's directory
	Args []string // argv
	Env  []string // the environment

	Session    bool   // setsid(2)
	Group      bool   // setpgid(2): a group of its own
	Dir        string // chdir(2); "" stays
	DirFD      int    // fchdir(2); negative stays
	Files      [3]int // become 0, 1 and 2 (dup3(2)); all others are closed
	Terminal   bool   // TIOCSCTTY: 0 becomes the controlling terminal
	NoNewPrivs bool   // PR_SET_NO_NEW_PRIVS (prctl(2))
	Limits     []ResourceLimit
}

// A ResourceLimit is one of getrlimit(2).
type ResourceLimit struct {
	Resource   int // RLIMIT_*
	Soft, Hard uint64
}

// A SpawnStep is what Spawn.Start failed at.
type SpawnStep uint32

const (
	SpawnFork SpawnStep = iota
	SpawnSetsid
	SpawnSetpgid
	SpawnChdir
	SpawnFchdir
	SpawnDup
	SpawnTerminal
	SpawnClose
	SpawnNoNewPrivs
	SpawnLimit
	SpawnExec
)

// Call names the system call of the step.
func (s SpawnStep) Call() string {
	return [...]string{"clone", "setsid", "setpgid", "chdir", "fchdir", "dup", "ioctl", "close_range", "prctl", "prlimit", "execve"}[s]
}

// A spawned is what the child reports to its parent.
type spawned struct {
	step  SpawnStep // what it does, or has failed at
	index int32     // of the limit that it sets
	errno uintptr   // 0: it has not failed
}

// A birth is a Spawn as the child can use it: between fork and exec it may not
// allocate memory, nor grow its stack, nor wait for a lock.
type birth struct {
	flags       uintptr
	shares      bool // the child shares the parent's memory up to its execve(2)
	pidfd       int32
	path, dir   *byte
	argv, envp  []*byte
	session     bool
	group       bool
	terminal    bool
	noNewPrivs  bool
	closeOthers bool
	dirFD       int
	files       [3]int
	limits      []ResourceLimit
	limit       unix.Rlimit // the one that is set
	mask        uint64      // signals that are blocked: none
	report      spawned
	reportFD    int // a pipe for report where memory is not shared; -1: there is none
}

// Start starts the child and waits until it has become the program, or has failed
// to. Pidfd is -1 where the system has none (before Linux 5.2). On error no child
// is left; step is what failed, and index which of the Limits if it was one.
//
// It is the fork of package syscall, with more between fork and exec than that can
// be told: limits take no ptrace(2), a directory that is open takes no /proc, and
// as no call of the child's waits for the parent nothing is lost to whoever waits
// for any child (wait4(2), -1). The rules are those of that package: the runtime is
// told before and after, signals are blocked meanwhile, and the child does nothing
// but system calls.
//
// The child's handled signals have their default action and its mask is empty. It
// holds no descriptor but 0 to 2.
func (s *Spawn) Start() (pid, pidfd int, step SpawnStep, index int, errno syscall.Errno) {
	return s.start(sharesMemory())
}

// sharesMemory reports whether a child can share the parent's memory up to its
// execve(2), as vfork(2) has it, so that it costs the same whatever the parent's
// size. An emulator may make a copy all the same (qemu-user(1)): a child that comes
// to nothing finds out.
var sharesMemory = sync.OnceValue(func() bool {
	if !vforks {
		return false
	}
	b := &birth{flags: forkFlags&^unix.CLONE_PIDFD | unix.CLONE_VM, shares: true, dirFD: -1, reportFD: -1}
	for i := range b.files {
		b.files[i] = i
	}
	b.path, b.argv, b.envp = new(byte), make([]*byte, 1), make([]*byte, 1)
	pid, errno := b.run()
	if errno != 0 {
		return false
	}
	reap(pid)
	return b.report.errno != 0
})

const forkFlags = unix.CLONE_VFORK | unix.CLONE_PIDFD | uintptr(unix.SIGCHLD)

func (s *Spawn) start(shares bool) (pid, pidfd int, step SpawnStep, index int, errno syscall.Errno) {
	b := &birth{
		flags:      forkFlags,
		shares:     shares,
		pidfd:      -1,
		session:    s.Session,
		group:      s.Group,
		terminal:   s.Terminal,
		noNewPrivs: s.NoNewPrivs,
		dirFD:      s.DirFD,
		files:      s.Files,
		limits:     s.Limits,
		reportFD:   -1,
	}
	var err error
	if b.path, err = syscall.BytePtrFromString(s.Path); err != nil {
		return 0, -1, SpawnExec, 0, syscall.EINVAL
	}
	if b.argv, err = syscall.SlicePtrFromStrings(s.Args); err != nil {
		return 0, -1, SpawnExec, 0, syscall.EINVAL
	}
	if b.envp, err = syscall.SlicePtrFromStrings(s.Env); err != nil {
		return 0, -1, SpawnExec, 0, syscall.EINVAL
	}
	if s.Dir != "" {
		if b.dir, err = syscall.BytePtrFromString(s.Dir); err != nil {
			return 0, -1, SpawnChdir, 0, syscall.EINVAL
		}
	}
	report := [2]int{-1, -1}
	if shares {
		b.flags |= unix.CLONE_VM
	} else {
		if errno := reportPipe(&report); errno != 0 {
			return 0, -1, SpawnFork, 0, errno
		}
		defer unix.Close(report[0])
		b.reportFD = report[1]
	}
	if l, lowered := goLowered(s.Limits); lowered {
		b.limits = append(s.Limits[:len(s.Limits):len(s.Limits)], l)
	}
	if b.closeOthers = closeRange() == nil; !b.closeOthers {
		markOthers()
	}

	pid, errno = b.run()
	pidfd = int(b.pidfd)
	if !shares {
		unix.Close(report[1])
		if errno == 0 {
			b.readReport(report[0])
		}
	}
	r := b.report
	switch {
	case errno != 0:
		return 0, -1, SpawnFork, 0, errno
	case r.errno == 0 && r.step == SpawnExec:
		return pid, pidfd, 0, 0, 0
	case r.errno == 0:
		r.errno = uintptr(syscall.EINTR) // a signal has ended it on its way
	}
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
	reap(pid)
	return 0, -1, r.step, int(r.index), syscall.Errno(r.errno)
}

// run makes the child and waits until it shares no memory any more.
func (b *birth) run() (pid int, errno syscall.Errno) {
	lockForks()
	defer unlockForks()
	number, errno := b.fork()
	afterFork()
	runtime.KeepAlive(b)
	return int(number), errno
}

// reap waits for a child that has failed.
func reap(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// reportPipe makes the pipe by which a child that shares no memory says what it
// failed at. Its execve(2) closes it, which says that it did not.
func reportPipe(ends *[2]int) syscall.Errno {
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return err.(syscall.Errno)
	}
	if ends[1] > 2 {
		return 0
	}
	up, err := unix.FcntlInt(uintptr(ends[1]), unix.F_DUPFD_CLOEXEC, 3)
	unix.Close(ends[1])
	if err != nil {
		unix.Close(ends[0])
		return err.(syscall.Errno)
	}
	ends[1] = up
	return 0
}

// readReport reads what the child has reported. Nothing is success, or a signal
// that has ended it on its way, which whoever waits for it finds.
func (b *birth) readReport(fd int) {
	r := unsafe.Slice((*byte)(unsafe.Pointer(&b.report)), unsafe.Sizeof(b.report))
	for {
		n, err := unix.Read(fd, r)
		if err == syscall.EINTR {
			continue
		}
		if n != len(r) {
			b.report = spawned{step: SpawnExec}
		}
		return
	}
}

// fork makes the child, which does not return from it. The parent must return at
// once: the child has used this frame of the stack, but for the results.
//
// Nothing after beforeFork allocates memory or calls a function that could grow
// the stack; all that is written are numbers.
//
//go:noinline
//go:norace
func (b *birth) fork() (pid uintptr, errno syscall.Errno) {
	var (
		r      *spawned
		number uintptr
		e      syscall.Errno
		i      int
	)
	r = &b.report
	beforeFork()
	if b.shares {
		pid, number = vfork(b.flags, &b.pidfd)
		errno = syscall.Errno(number)
	} else if runtime.GOARCH == "s390x" {
		pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, 0, b.flags, uintptr(unsafe.Pointer(&b.pidfd)), 0, 0, 0)
	} else {
		pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, b.flags, 0, uintptr(unsafe.Pointer(&b.pidfd)), 0, 0, 0)
	}
	if pid != 0 || errno != 0 {
		return
	}

	afterForkInChild()
	// A goroutine locked to its thread that waits with a mask of its own
	// (pselect(2)) has signals blocked, and so has every thread when the process
	// was started so.
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&b.mask)), 0, unsafe.Sizeof(b.mask), 0, 0)
	if b.session {
		r.step = SpawnSetsid
		if _, _, e = syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0); e != 0 {
			goto failed
		}
	}
	if b.group {
		r.step = SpawnSetpgid
		if _, _, e = syscall.RawSyscall(syscall.SYS_SETPGID, 0, 0, 0); e != 0 {
			goto failed
		}
	}
	if b.dir != nil {
		r.step = SpawnChdir
		if _, _, e = syscall.RawSyscall(syscall.SYS_CHDIR, uintptr(unsafe.Pointer(b.dir)), 0, 0); e != 0 {
			goto failed
		}
	}
	if b.dirFD >= 0 {
		r.step = SpawnFchdir
		if _, _, e = syscall.RawSyscall(syscall.SYS_FCHDIR, uintptr(b.dirFD), 0, 0); e != 0 {
			goto failed
		}
	}
	r.step = SpawnDup
	for i = range b.files {
		// What is in the way of another moves up.
		if b.files[i] < len(b.files) && b.files[i] != i {
			if number, _, e = syscall.RawSyscall(unix.SYS_FCNTL, uintptr(b.files[i]), unix.F_DUPFD_CLOEXEC, uintptr(len(b.files))); e != 0 {
				goto failed
			}
			b.files[i] = int(number)
		}
	}
	for i = range b.files {
		if b.files[i] == i {
			_, _, e = syscall.RawSyscall(unix.SYS_FCNTL, uintptr(i), unix.F_SETFD, 0)
		} else {
			_, _, e = syscall.RawSyscall(syscall.SYS_DUP3, uintptr(b.files[i]), uintptr(i), 0)
		}
		if e != 0 {
			goto failed
		}
	}
	if b.terminal {
		r.step = SpawnTerminal
		if _, _, e = syscall.RawSyscall(syscall.SYS_IOCTL, 0, unix.TIOCSCTTY, 1); e != 0 {
			goto failed
		}
	}
	if b.closeOthers {
		r.step = SpawnClose
		if b.reportFD < 0 {
			_, _, e = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 3, math.MaxUint32, 0)
		} else {
			_, _, e = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(b.reportFD)+1, math.MaxUint32, 0)
			if e == 0 && b.reportFD > 3 {
				_, _, e = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 3, uintptr(b.reportFD)-1, 0)
			}
		}
		if e != 0 {
			goto failed
		}
	}
	if b.noNewPrivs {
		r.step = SpawnNoNewPrivs
		if _, _, e = syscall.RawSyscall6(syscall.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
			goto failed
		}
	}
	// Last, for what precedes takes descriptors.
	for i = range b.limits {
		r.step, r.index = SpawnLimit, int32(i)
		b.limit.Cur, b.limit.Max = b.limits[i].Soft, b.limits[i].Hard
		if _, _, e = syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, uintptr(b.limits[i].Resource), uintptr(unsafe.Pointer(&b.limit)), 0, 0, 0); e != 0 {
			goto failed
		}
	}
	r.step = SpawnExec
	_, _, e = syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(b.path)), uintptr(unsafe.Pointer(&b.argv[0])), uintptr(unsafe.Pointer(&b.envp[0])))
failed:
	r.errno = uintptr(e)
	if b.reportFD >= 0 {
		syscall.RawSyscall(syscall.SYS_WRITE, uintptr(b.reportFD), uintptr(unsafe.Pointer(r)), unsafe.Sizeof(*r))
	}
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// The runtime keeps these three for whoever forks as package syscall does
// (go.dev/issue/67401). Between beforeFork and afterFork no signal is handled, and
// growing the stack ends the process.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// goLowered returns the limit of open files as it is likely to have been before
// package syscall raised it to one less than the hard limit, for programs that use
// select(2): 1,024, which is what a descriptor set holds. Where nobody has raised
// it there is nothing to lower, and where limits are to be set it is among them.
func goLowered(limits []ResourceLimit) (l ResourceLimit, lowered bool) {
	for _, l := range limits {
		if l.Resource == unix.RLIMIT_NOFILE {
			return l, false
		}
	}
	var now syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now) != nil || now.Cur != now.Max-1 || now.Cur <= unix.FD_SETSIZE {
		return l, false
	}
	return ResourceLimit{unix.RLIMIT_NOFILE, unix.FD_SETSIZE, now.Max}, true
}

// closeRange says why a child cannot close its descriptors by one call
// (close_range(2), Linux 5.9): ENOSYS, or EPERM where a sandbox does not know it.
var closeRange = sync.OnceValue(func() error { return unix.CloseRange(math.MaxInt32, math.MaxInt32, 0) })

// maxInherited bounds the numbers that are looked at one by one. A descriptor above
// it that is not close-on-exec from birth would have to have been inherited.
const maxInherited = 1 << 16

// markOthers makes the descriptors from 3 on close-on-exec, each by itself: those
// that the system lists, or every number where it lists none.
func markOthers() {
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, e := range entries {
			if n, err := strconv.Atoi(e.Name()); err == nil && n > 2 {
				unix.CloseOnExec(n)
			}
		}
		return
	}
	markEach()
}

func markEach() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		limit.Max = maxInherited
	}
	// What is open may lie above limit.Cur.
	for n := range int(min(limit.Max, maxInherited)) {
		if n > 2 {
			unix.CloseOnExec(n)
		}
	}
}

// forks are the children under way between their fork and their exec. While there
// are any, syscall.ForkLock is held for all of them together, so that none waits for
// another.
var forks struct {
	sync.Mutex
	n int
}

func lockForks() {
	forks.Lock()
	defer forks.Unlock()
	if forks.n == 0 {
		syscall.ForkLock.Lock()
	}
	forks.n++
}

func unlockForks() {
	forks.Lock()
	defer forks.Unlock()
	if forks.n--; forks.n == 0 {
		syscall.ForkLock.Unlock()
	}
}
