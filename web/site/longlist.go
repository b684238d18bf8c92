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
		return l.format.begin(dst, l.at.path), nil
	case gathering:
		last, err := l.roster.read(l.site.maxListed, l.rank)
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
			l.tally.complete = l.roster.complete
			l.stage = ended
			return l.format.end(dst, &l.tally), nil
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

// rank returns 0 for names that stand before those with rank 1.
func (l *longList) rank(name string) int {
	if !l.site.dirsFirst {
		return 0
	}
	st, err := result(sys.Lstatat(int(l.roster.dir.Fd()), name))
	if err == nil && st.IsSymlink() {
		st, err = l.at.lookAt(name)
	}
	if err == nil && st.IsDir() {
		return 0
	}
	return 1
}

// Close implements web.Stream.
func (l *longList) Close() error {
	l.roster.leave()
	return nil
}
