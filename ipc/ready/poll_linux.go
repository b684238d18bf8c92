package ready

import (
	"time"

	"xanadu/internal/sys"
)

// WaitMask implements MaskedPoller by ppoll(2).
func (p *poll) WaitMask(dst []Fired, timeout time.Duration, mask SignalSet) (int, error) {
	if err := p.usable(dst); err != nil {
		return 0, err
	}
	n, errno := sys.Ppoll(p.fds, timeout, (*uint64)(&mask))
	return p.answer(dst, n, errno)
}
