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

// IsLocal reports whether the open file's attributes are known without asking
// another machine or process, as NFS and FUSE do. It may wait for them itself.
func IsLocal(fd int) bool {
	var raw unix.Statfs_t
	is := again(func() error { return unix.Fstatfs(fd, &raw) }) == 0 && local[uint32(raw.Type)]
	if st, errno := FstatCached(fd); errno == 0 {
		localities.learn(&st, is, time.Now())
	}
	return is
}

// IsLocalCached is IsLocal for a file that was st, without ever waiting: false as
// well where nobody has asked IsLocal about its mount.
func IsLocalCached(st *Stat) bool { return localities.isLocal(st, time.Now()) }

// maxLocalities bounds the mounts that are remembered. Those of machines with more
// are asked about again.
const maxLocalities = 4096

// localityTime is how long a device is remembered whose mount has no number: when
// it is unmounted, another file system may have its number.
const localityTime = time.Second

// localities remembers which mounts are local. Its methods are safe for concurrent
// use.
var localities = localityTable{known: make(map[mountOrDevice]locality)}

type localityTable struct {
	mu    sync.Mutex
	known map[mountOrDevice]locality
}

type mountOrDevice struct{ mount, dev uint64 }

type locality struct {
	local bool
	until time.Time // zero: for ever
}

func keyOf(st *Stat) mountOrDevice {
	if st.Mount != 0 {
		return mountOrDevice{mount: st.Mount}
	}
	return mountOrDevice{dev: st.Dev}
}

func (t *localityTable) learn(st *Stat, local bool, now time.Time) {
	known := locality{local: local}
	if st.Mount == 0 {
		known.until = now.Add(localityTime)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxLocalities {
		clear(t.known)
	}
	t.known[keyOf(st)] = known
}

func (t *localityTable) isLocal(st *Stat, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.known[keyOf(st)]
	return known.local && (known.until.IsZero() || now.Before(known.until))
}
