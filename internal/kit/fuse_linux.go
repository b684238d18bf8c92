package kit

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// A FileSystem is one in user space (fuse(4)) that a test can make hang, as a
// network file system does whose server is gone. It is a directory with one
// file. The kernel keeps nothing of it, unless Remember has been called: each look
// at a name or at attributes is a request to it.
type FileSystem struct {
	Dir string // where it is mounted

	device int
	state  atomic.Int32  // of those below
	valid  atomic.Uint64 // how long names and attributes may be kept, in seconds
	asked  chan struct{}
	quiet  chan struct{} // sent to when state went from hanging to hung
	wake   *os.File      // written to for serve to look at the state
	waken  *os.File
}

// The states of a FileSystem.
const (
	answering = iota
	hanging   // what has been asked by now is still answered
	hung
	closed
)

// FuseFile is the name of the file of a FileSystem, and FuseContent its content:
// more than a socket holds.
const FuseFile = "file"

var FuseContent = strings.Repeat("0123456789abcde\n", 1<<16)

// NewFileSystem mounts a FileSystem at dir, which exists, until the test ends.
// The test is skipped where that is not allowed. While it has a file of it open it
// must start no program, which would have to close that, too.
func NewFileSystem(t testing.TB, dir string) *FileSystem {
	t.Helper()
	waken, wake, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fs := &FileSystem{Dir: dir, asked: make(chan struct{}, 1), quiet: make(chan struct{}), wake: wake, waken: waken}
	t.Cleanup(func() {
		wake.Close()
		waken.Close()
	})
	if fs.device, err = syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0); err != nil {
		t.Skipf("no file system can be made that hangs: open /dev/fuse: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other", fs.device, syscall.S_IFDIR)
	if err := syscall.Mount("kit", dir, "fuse", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		syscall.Close(fs.device)
		t.Skipf("no file system can be made that hangs: mount: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fs.serve(int(waken.Fd()))
	}()
	t.Cleanup(func() {
		// By force: what still waits for an answer gets an error.
		if err := syscall.Unmount(dir, syscall.MNT_FORCE|syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
		fs.enter(closed)
		<-done
		syscall.Close(fs.device)
	})
	fs.refusePolling(t)
	return fs
}

// refusePolling has the kernel ask once whether the file can be waited for, after
// which it knows that it cannot. Go has its poller look so at each file that it
// opens, while which no other goroutine of the thread runs: the one that answers
// might not.
func (fs *FileSystem) refusePolling(t testing.TB) {
	t.Helper()
	fd, err := syscall.Open(filepath.Join(fs.Dir, FuseFile), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	var set syscall.FdSet
	perWord := syscall.FD_SETSIZE / len(set.Bits)
	set.Bits[fd/perWord] |= 1 << (fd % perWord)
	if _, err := syscall.Select(fd+1, &set, nil, nil, new(syscall.Timeval)); err != nil {
		t.Fatal(err)
	}
}

// Remember lets the kernel keep the names and attributes that it is told from now
// on.
func (fs *FileSystem) Remember() { fs.valid.Store(3600) }

// Hang leaves requests unanswered from now on. A process that waits for one can
// be killed. What the kernel has asked before, as to close a file that nobody has
// open any more, is answered first.
func (fs *FileSystem) Hang() {
	if fs.state.Load() != answering {
		return
	}
	select {
	case <-fs.asked: // since the last Hang
	default:
	}
	fs.enter(hanging)
	<-fs.quiet
}

// Resume answers them.
func (fs *FileSystem) Resume() {
	fs.enter(answering)
}

func (fs *FileSystem) enter(state int32) {
	fs.state.Store(state)
	fs.wake.Write([]byte{0})
}

// Asked returns a channel that can be received from when somebody waits for an
// answer since Hang.
func (fs *FileSystem) Asked() <-chan struct{} { return fs.asked }

// serve answers requests until the FileSystem is closed. It does not wait with
// Go's poller, which must not depend on what this goroutine has to answer.
func (fs *FileSystem) serve(waken int) {
	request := make([]byte, 1<<17) // more than FUSE_MIN_READ_BUFFER
	for waiting := false; fs.state.Load() != closed; {
		ready := wait(fs.device, !waiting, waken)
		switch {
		case ready[1]:
			syscall.Read(waken, request[:1])
			waiting = false
			if fs.state.Load() == hanging {
				for fs.answerOne(request) {
				}
				fs.state.CompareAndSwap(hanging, hung)
				fs.quiet <- struct{}{}
			}
		case !ready[0]:
		case fs.state.Load() == hung:
			// It stays unread: a request that somebody has read outlives the
			// process that waits for it.
			waiting = true
			select {
			case fs.asked <- struct{}{}:
			default:
			}
		default:
			fs.answerOne(request)
		}
	}
}

// answerOne answers the next request, which it reads to buffer, if there is one.
func (fs *FileSystem) answerOne(buffer []byte) bool {
	n, err := syscall.Read(fs.device, buffer)
	if err == nil {
		fs.answer(buffer[:n])
	}
	return err == nil
}

// wait waits until one of two descriptors is readable, or only the second.
func wait(a int, both bool, b int) (ready [2]bool) {
	var set syscall.FdSet
	perWord := syscall.FD_SETSIZE / len(set.Bits)
	if both {
		set.Bits[a/perWord] |= 1 << (a % perWord)
	}
	set.Bits[b/perWord] |= 1 << (b % perWord)
	if n, err := syscall.Select(max(a, b)+1, &set, nil, nil, nil); n <= 0 || err != nil {
		return ready
	}
	for i, fd := range [2]int{a, b} {
		ready[i] = set.Bits[fd/perWord]&(1<<(fd%perWord)) != 0
	}
	return ready
}

// The requests that are answered, and the nodes (linux/fuse.h).
const (
	fuseLookup     = 1
	fuseForget     = 2
	fuseGetattr    = 3
	fuseOpen       = 14
	fuseRead       = 15
	fuseRelease    = 18
	fuseFlush      = 25
	fuseInit       = 26
	fuseOpendir    = 27
	fuseReaddir    = 28
	fuseReleasedir = 29
	fuseInterrupt  = 36
	fuseBatch      = 42

	rootNode = 1
	fileNode = 2
)

// answer answers one request: its length, what it is, its number and its node
// stand in front.
func (fs *FileSystem) answer(request []byte) {
	op := binary.NativeEndian.Uint32(request[4:])
	unique := binary.NativeEndian.Uint64(request[8:])
	node := binary.NativeEndian.Uint64(request[16:])
	body := request[40:]
	var errno syscall.Errno
	var reply []byte
	switch op {
	case fuseForget, fuseInterrupt, fuseBatch:
		return // these have no reply
	case fuseInit:
		reply = make([]byte, 64)
		binary.NativeEndian.PutUint32(reply[0:], 7)
		binary.NativeEndian.PutUint32(reply[4:], 31)
		binary.NativeEndian.PutUint32(reply[20:], 4096) // the most a write holds
	case fuseLookup:
		if node != rootNode || string(body) != FuseFile+"\x00" {
			errno = syscall.ENOENT
			break
		}
		reply = binary.NativeEndian.AppendUint64(nil, fileNode)
		reply = binary.NativeEndian.AppendUint64(reply, 0) // generation
		reply = binary.NativeEndian.AppendUint64(reply, fs.valid.Load())
		reply = binary.NativeEndian.AppendUint64(reply, fs.valid.Load())
		reply = append(append(reply, make([]byte, 8)...), attributes(fileNode)...)
	case fuseGetattr:
		reply = binary.NativeEndian.AppendUint64(nil, fs.valid.Load())
		reply = append(append(reply, make([]byte, 8)...), attributes(node)...)
	case fuseOpen:
		reply = make([]byte, 16)
		reply[8] = 1 // FOPEN_DIRECT_IO: the kernel does not keep what it reads
	case fuseOpendir:
		reply = make([]byte, 16)
	case fuseRead:
		reply = from(FuseContent, body)
	case fuseReaddir:
		reply = from(string(entry(fileNode, FuseFile)), body)
	case fuseRelease, fuseReleasedir, fuseFlush:
	default:
		errno = syscall.ENOSYS
	}
	head := binary.NativeEndian.AppendUint32(nil, uint32(16+len(reply)))
	head = binary.NativeEndian.AppendUint32(head, uint32(-int32(errno)))
	head = binary.NativeEndian.AppendUint64(head, unique)
	syscall.Write(fs.device, append(head, reply...)) // an error: nobody waits any more
}

// attributes returns a struct fuse_attr.
func attributes(node uint64) []byte {
	size, mode := uint64(0), uint32(syscall.S_IFDIR|0o755)
	if node == fileNode {
		size, mode = uint64(len(FuseContent)), syscall.S_IFREG|0o644
	}
	b := binary.NativeEndian.AppendUint64(nil, node)
	b = binary.NativeEndian.AppendUint64(b, size)
	b = append(b, make([]byte, 8+3*8+3*4)...) // blocks and times
	b = binary.NativeEndian.AppendUint32(b, mode)
	b = binary.NativeEndian.AppendUint32(b, 1) // links
	return append(b, make([]byte, 88-len(b))...)
}

// entry returns a struct fuse_dirent.
func entry(node uint64, name string) []byte {
	b := binary.NativeEndian.AppendUint64(nil, node)
	b = binary.NativeEndian.AppendUint64(b, 1<<20) // where to read on: behind the end
	b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
	b = binary.NativeEndian.AppendUint32(b, syscall.DT_REG)
	b = append(b, name...)
	return append(b, make([]byte, -len(b)&7)...)
}

// from returns the part of text that a request for reading asks for.
func from(text string, body []byte) []byte {
	start := min(binary.NativeEndian.Uint64(body[8:]), uint64(len(text)))
	size := uint64(binary.NativeEndian.Uint32(body[16:]))
	return []byte(text[start:min(start+size, uint64(len(text)))])
}
