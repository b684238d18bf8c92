//go:build unix && !linux

package sys

import "syscall"

// Fstat is fstat(2). It leaves out the mount, which it does not say.
func Fstat(fd int) (Stat, syscall.Errno) { return fstat(fd) }

// TellsLocal: IsLocal knows more than nothing.
const TellsLocal = false

// Lstatat says what stands under a name in an open directory, without following
// a symbolic link (fstatat(2), AT_SYMLINK_NOFOLLOW).
func Lstatat(dir int, name string) (Stat, syscall.Errno) { return lstatat(dir, name) }

// FstatCached is Fstat: these systems cannot be asked for what they know only.
func FstatCached(fd int) (Stat, syscall.Errno) { return Fstat(fd) }

// StampsChanges reports true: images of file systems are not told from others.
func StampsChanges(fd int, st *Stat) bool { return true }
