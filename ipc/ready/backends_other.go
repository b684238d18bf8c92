//go:build unix && !linux && !freebsd && !netbsd

package ready

// Pselect(2) is missing: on these systems it is reached only through the C
// library, and x/sys does not wrap it.
var backends = []backend{
	{"poll", newPoll},
	{"select", newSelect},
}
