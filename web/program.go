package web

import (
	"strings"

	"xanadu/ipc"
)

// A Program is what a server runs to make a reply (RFC 3875). The Site that
// names it has seen that it is a regular file which may be executed.
type Program struct {
	Dir  *ipc.FD // the open directory that it is in, and that it runs in
	File string  // the name of its file there; it holds no slash
	Name string  // what it is called: File, or the name of a link that leads to it

	Script     string // the path that leads to it, decoded (SCRIPT_NAME)
	Info       string // the rest of the path, decoded: "" or from its "/" on (PATH_INFO)
	Translated string // Info as a file beneath Root; "" without Info (PATH_TRANSLATED)
	Filename   string // where it lies in the file system, or the link does (SCRIPT_FILENAME)
	Root       string // where the documents do
}

// SpeaksHTTP reports whether the program writes the whole response by itself,
// which its name says (RFC 3875 §5).
func (p *Program) SpeaksHTTP() bool { return strings.HasPrefix(p.Name, "nph-") }
