package site

import (
	"strings"
	"time"

	"xanadu/web"
)

// usersVolume is where the answer waits for the user database, or for homes of
// which nothing is in memory: a number that no device has.
const usersVolume = 1<<64 - 1

// knownFor is how much longer a user must be known for the database not to be
// asked by the time that he is looked up.
const knownFor = time.Second

var _ web.VolumeSite = (*Site)(nil)

// Volume implements web.VolumeSite. It is the device of the last directory on the
// way to what r asks for that the kernel has in memory: what comes next has to be
// asked of that. (A link that is not in memory may lead to another.)
func (s *Site) Volume(r *web.Request) uint64 {
	p, _, err := decode(r.Path)
	if err != nil {
		return 0 // it is refused at once
	}
	if s.programs.own(p) {
		return volumeOf(place{root: s.programs.root, name: strings.TrimPrefix(p.name[len(prefix):], "/")})
	}
	if s.users != nil && strings.HasPrefix(p.name, "~") {
		if user, _, _ := strings.Cut(p.name[1:], "/"); isUserName(user) && !s.users.knows(user, s.now().Add(knownFor)) {
			return usersVolume
		}
	}
	at, err := s.locate(p)
	if err != nil {
		return 0
	}
	v := volumeOf(at)
	if v == 0 && s.users != nil && at.name != p.name {
		v = usersVolume
	}
	return v
}

// knows reports whether the user is known, or known not to exist, until then.
func (u *users) knows(name string, until time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	b, ok := u.known[name]
	return ok && until.Before(b.until)
}

// volumeOf returns the device of the longest part of at.name that can be resolved
// without waiting; 0 when not even its root can.
func volumeOf(at place) uint64 {
	if st, err := at.root.cached(at.name); err == nil {
		return st.Dev
	}
	volume := uint64(0)
	// What is behind a directory that is not in memory is not there either.
	found, missing := -1, strings.Count(at.name, "/")+1 // segments
	for missing-found > 1 {
		n := (found + missing) / 2
		if st, err := at.root.cached(segments(at.name, n)); err == nil {
			found, volume = n, st.Dev
		} else {
			missing = n
		}
	}
	return volume
}

// segments returns the first n segments of name.
func segments(name string, n int) string {
	if n == 0 {
		return ""
	}
	end := 0
	for ; n > 0; n-- {
		at := strings.IndexByte(name[end:], '/')
		if at < 0 {
			return name
		}
		end += at + 1
	}
	return name[:end-1]
}
