package site

import (
	"io"

	"xanadu/internal/sys"
	"xanadu/web"
)

// maxLooks bounds the files that one Read of a longList looks at: about a
// millisecond's work, also where nothing comes of it.
const maxLooks = 512

// A longList is the list of a long directory while it is sent: first the page's
// head, then, when all names are known, row after row, each looked up when its
// turn has come.
type longList struct {
	site   *Site
	at     place
	format *format
	view   view
	filter filter
	roster *roster
	names  merge
	rows   int
	tally  tally
	stage  stage
	rest   []byte // what did not fit into the last Read
}

// A stage says what a longList writes next.
type stage uint8

const (
	beginning stage = iota // what stands before the first row
	gathering              // nothing: names are being read
	telling                // rows
	ended                  // nothing more
)

var _ web.Stream = (*longList)(nil)

// Read implements web.Stream.
func (l *longList) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.stage == ended {
			return 0, io.EOF
		}
		made, err := l.appendMore(p[:0:len(p)], 3*len(p)/4)
		if err != nil {
			return 0, err
		}
		if len(made) <= len(p) {
			return len(made), nil // it is in its place
		}
		l.rest = made
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// appendMore does one step's work and appends what comes of it: no rows any
// more when there is enough.
func (l *longList) appendMore(dst []byte, enough int) ([]byte, error) {
	switch l.stage {
	case beginning:
		l.stage = gathering
		return l.format.begin(dst, l.at.path, &l.view), nil
	case gathering:
		last, err := l.roster.read(l.site.maxListed, l.weigh)
		if err != nil {
			l.site.errorf("answer %q: list: %v", l.at.path.append(nil), err)
			return nil, err
		}
		if last {
			l.names = l.roster.merged()
			l.stage = telling
		}
		return dst, nil
	}
	dir := int(l.roster.dir.Fd())
	for looks := 0; looks < maxLooks && len(dst) < enough; looks++ {
		name := l.names.next()
		if name == "" {
			l.tally.complete, l.tally.filtered = l.roster.complete, l.filter != nil
			l.stage = ended
			return l.format.end(dst, &l.tally), nil
		}
		if !l.filter.matches(name) {
			continue
		}
		if e, ok := l.site.look(l.at, dir, name); ok {
			dst = l.format.entry(dst, &e, l.rows)
			l.rows++
			l.tally.add(&e)
		}
	}
	return dst, nil
}

// ranks is how many ranks there are.
const ranks = 2

// weigh returns where a name stands: one with rank 0 before those with rank 1, and
// within a rank by its value. It looks at the file only where that depends on it.
func (l *longList) weigh(name string) (rank int, value int64) {
	if !l.site.dirsFirst && l.view.order.by == byName {
		return 0, 0
	}
	st, err := result(sys.Lstatat(int(l.roster.dir.Fd()), name))
	if err == nil && st.IsSymlink() {
		st, err = l.at.lookAt(name)
	}
	if err != nil {
		return ranks - 1, minDate // it is left out when its turn comes
	}
	if l.site.dirsFirst && !st.IsDir() {
		rank = 1
	}
	return rank, l.view.order.value(&entry{dir: st.IsDir(), size: st.Size, modified: st.Mtime})
}

// Close implements web.Stream.
func (l *longList) Close() error {
	l.roster.leave()
	return nil
}
