//go:build linux || freebsd || netbsd

package ready

import (
	"time"

	"xanadu/internal/sys"
)

// pselector is pselect(2): select with a finer timeout and a signal mask.
type pselector struct{ selector }

func newPselect() (Poller, error) {
	p := new(pselector)
	if err := p.open("pselect"); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pselector) Wait(dst []Fired, timeout time.Duration) (int, error) {
	return p.wait(dst, timeout, nil)
}

// WaitMask implements MaskedPoller.
func (p *pselector) WaitMask(dst []Fired, timeout time.Duration, mask SignalSet) (int, error) {
	return p.wait(dst, timeout, (*uint64)(&mask))
}

func (p *pselector) wait(dst []Fired, timeout time.Duration, mask *uint64) (int, error) {
	if err := p.usable(dst); err != nil {
		return 0, err
	}
	p.fill()
	_, errno := sys.Pselect(p.top+1, p.got[reads], p.got[writes], p.got[excepts], timeout, mask)
	return p.answer(dst, errno)
}
