//go:build freebsd || netbsd

package ready

var backends = []backend{
	{"poll", newPoll},
	{"pselect", newPselect},
	{"select", newSelect},
}
