//go:build unix && !linux

package cgi

import (
	"path/filepath"

	"xanadu/ipc/proc"
	"xanadu/web"
)

// enter has c run in p's directory, by its name: no other system starts a child
// in an open one.
func enter(c *proc.Program, p *web.Program) { c.Dir = filepath.Dir(p.Filename) }

// list returns none: only Linux lets a parent set its child's limits.
func (l *Limits) list() []proc.Limit { return nil }
