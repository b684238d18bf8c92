package site

import (
	"xanadu/internal/sys"
	"xanadu/ipc"
)

// holds returns the Holds of a reply that was made of the open file fd when it
// was st, after the file had rested for a tick: any later change of the content
// shows in its times.
//
// Content cannot change without a new ctime, but a ctime changes for other
// reasons, too, and none of them shall end a transfer needlessly: a new version
// is renamed over the file, it gets a further name or another mode or owner.
// These show by themselves. What does not is taken for a change of the content
// whose mtime was put back, as "cp -p" does; it may have been a rename, or a
// chmod to the mode that the file had.
func holds(fd *ipc.FD, st sys.Stat) func() bool {
	return func() bool {
		now, errno := sys.FstatCached(fd.Number())
		switch {
		case errno != 0, now.Size != st.Size, now.Mtime != st.Mtime:
			return false
		case now.Ctime != st.Ctime:
			if now.Nlink == st.Nlink && now.Mode == st.Mode && now.UID == st.UID && now.GID == st.GID {
				return false
			}
			st = now
		}
		return true
	}
}
