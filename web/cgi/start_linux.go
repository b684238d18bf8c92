package cgi

import (
	"syscall"
	"time"

	"xanadu/ipc/proc"
	"xanadu/web"
)

// enter has c run in p's directory, whatever that is called by now.
func enter(c *proc.Program, p *web.Program) { c.DirFD = p.Dir }

// Check says why no program can be started with these limits: a sandbox refuses
// the call that sets them. nil: they can.
func (l *Limits) Check() error { return proc.MayLimit() }

// list returns the limits for proc.Start. None leaves a core file behind, which
// might hold what a client has sent. Where the server is limited further itself,
// so are its programs.
func (l *Limits) list() []proc.Limit {
	list := []proc.Limit{{Resource: proc.RLIMIT_CORE}}
	if l.CPU > 0 {
		// SIGXCPU at the soft limit, SIGKILL a second later.
		seconds := uint64((l.CPU + time.Second - 1) / time.Second)
		hard := min(seconds+1, hardLimit(syscall.RLIMIT_CPU))
		list = append(list, proc.Limit{Resource: proc.RLIMIT_CPU, Soft: min(seconds, hard), Hard: hard})
	}
	if l.Memory > 0 {
		// Data is the heap and all private pages that may be written (Linux 4.7).
		// Address space (RLIMIT_AS) would count what a runtime only reserves:
		// tens of GiB for WebAssembly, of which no page need be there.
		hard := min(uint64(l.Memory), hardLimit(syscall.RLIMIT_DATA))
		list = append(list, proc.Limit{Resource: proc.RLIMIT_DATA, Soft: hard, Hard: hard})
	}
	return list
}

func hardLimit(resource int) uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(resource, &limit) != nil {
		return proc.Infinity
	}
	return limit.Max
}
