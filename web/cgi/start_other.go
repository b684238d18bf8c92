//go:build unix && !linux

package cgi

import (
	"errors"
	"fmt"
	"path/filepath"

	"xanadu/ipc/proc"
	"xanadu/web"
)

// enter has c run in p's directory, by its name: no other system starts a child
// in an open one.
func enter(c *proc.Program, p *web.Program) { c.Dir = filepath.Dir(p.Filename) }

// Check says why no program can be started with these limits: NoSetID is asked for,
// and only Linux has that. nil: they can.
func (l *Limits) Check() error {
	if l.NoSetID {
		return fmt.Errorf("set-user-ID programs: %w", errors.ErrUnsupported)
	}
	return nil
}

// list returns none: only Linux lets a parent set its child's limits.
func (l *Limits) list() []proc.Limit { return nil }
