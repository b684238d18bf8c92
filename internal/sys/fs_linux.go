package sys

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// local are the file systems that answer fstat(2) from the kernel's memory
// without asking another machine or process (the magic numbers of statfs(2)).
// A kind that is not here only costs speed.
var local = map[uint32]bool{
	unix.BTRFS_SUPER_MAGIC:     true,
	unix.EROFS_SUPER_MAGIC_V1:  true,
	unix.EXFAT_SUPER_MAGIC:     true,
	unix.EXT4_SUPER_MAGIC:      true, // ext2 and ext3 as well
	unix.F2FS_SUPER_MAGIC:      true,
	unix.ISOFS_SUPER_MAGIC:     true,
	unix.MSDOS_SUPER_MAGIC:     true,
	unix.NILFS_SUPER_MAGIC:     true,
	unix.OVERLAYFS_SUPER_MAGIC: true,
	unix.RAMFS_MAGIC:           true,
	unix.SQUASHFS_MAGIC:        true,
	unix.TMPFS_MAGIC:           true,
	unix.UDF_SUPER_MAGIC:       true,
	unix.XFS_SUPER_MAGIC:       true,
	0x2fc12fc1:                 true, // ZFS
	0xca451a4e:                 true, // bcachefs
}

// stamping are the file systems that stamp every change of a file with the time of
// a running clock, their own or a server's. Images that are made once are not
// among them, nor what tells of no change but to the content. A kind that is not
// here only costs speed.
var stamping = map[uint32]bool{
	unix.BTRFS_SUPER_MAGIC: true,
	unix.EXT4_SUPER_MAGIC:  true, // ext2 and ext3 as well
	unix.F2FS_SUPER_MAGIC:  true,
	unix.NFS_SUPER_MAGIC:   true,
	unix.NILFS_SUPER_MAGIC: true,
	unix.RAMFS_MAGIC:       true,
	unix.TMPFS_MAGIC:       true,
	unix.XFS_SUPER_MAGIC:   true,
	0x2fc12fc1:             true, // ZFS
	0xca451a4e:             true, // bcachefs
}

// IsLocal reports whether the attributes of the open file fd, which is st, are
// known without asking another machine or process, as NFS and FUSE do. It may
// wait for them itself, where nobody has asked about its mount.
func IsLocal(fd int, st *Stat) bool { return mounts.kindOf(fd, st).local }

// IsLocalCached is IsLocal without ever waiting: false as well where nobody has
// asked about the mount.
func IsLocalCached(st *Stat) bool {
	kind, _ := mounts.find(st, time.Now())
	return kind.local
}

// StampsChanges reports whether the open file fd, which is st, is on a file system
// whose ctimes are all of a running clock, so that no other version of the file
// ever has the same, whatever image of it is mounted. It may wait as IsLocal does.
func StampsChanges(fd int, st *Stat) bool { return mounts.kindOf(fd, st).stamps }

// maxMounts bounds the mounts that are remembered. Those of machines with more are
// asked about again.
const maxMounts = 4096

// deviceTime is how long a device is remembered whose mount has no number: when it
// is unmounted, another file system may have its number.
const deviceTime = time.Second

// mounts remembers what kind of file system is mounted. Its methods are safe for
// concurrent use.
var mounts = mountTable{known: make(map[mountOrDevice]mountKind)}

type mountTable struct {
	mu    sync.RWMutex
	known map[mountOrDevice]mountKind
}

type mountOrDevice struct{ mount, dev uint64 }

type mountKind struct {
	local, stamps bool
	until         time.Time // zero: for ever
}

func keyOf(st *Stat) mountOrDevice {
	if st.Mount != 0 {
		return mountOrDevice{mount: st.Mount}
	}
	return mountOrDevice{dev: st.Dev}
}

func (t *mountTable) kindOf(fd int, st *Stat) mountKind {
	if kind, ok := t.find(st, time.Now()); ok {
		return kind
	}
	var raw unix.Statfs_t
	if again(func() error { return unix.Fstatfs(fd, &raw) }) != 0 {
		return mountKind{}
	}
	kind := mountKind{local: local[uint32(raw.Type)], stamps: stamping[uint32(raw.Type)]}
	t.learn(st, kind, time.Now())
	return kind
}

func (t *mountTable) learn(st *Stat, kind mountKind, now time.Time) {
	if st.Mount == 0 {
		kind.until = now.Add(deviceTime)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxMounts {
		clear(t.known)
	}
	t.known[keyOf(st)] = kind
}

func (t *mountTable) find(st *Stat, now time.Time) (kind mountKind, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	kind, ok = t.known[keyOf(st)]
	if !ok || !kind.until.IsZero() && !now.Before(kind.until) {
		return mountKind{}, false
	}
	return kind, true
}
