package site

import (
	"strings"

	"xanadu/web"
)

var _ web.PromptSite = (*Site)(nil)

// AnswerNow implements web.PromptSite. It answers with documents whose names,
// attributes and content the kernel has in memory. All else, lists, programs,
// redirects and refusals, is for Answer to say.
func (s *Site) AnswerNow(r *web.Request, room []byte) *web.Reply {
	path, hidden, err := decode(r.Path)
	if err != nil || hidden || !r.IsGet() || s.programs.own(path) || s.users != nil && strings.HasPrefix(path.name, "~") {
		return nil
	}
	at := place{s.root, path.name, path}
	if s.only != "" {
		if at, err = s.locateOnly(path); err != nil {
			return nil
		}
	} else if path.slash {
		at.name = at.within("index.html")
	}
	fd, st, err := at.root.openCached(at.name)
	if err != nil {
		return nil
	}
	if !st.IsRegular() {
		fd.Close()
		return nil
	}
	return s.file(r, at, fd, st, room)
}
