package site

import (
	"sync"

	"xanadu/web"
)

// A format is a way to write a list.
type format struct {
	web.Form
	kind   string // Content-Type
	fields func() []web.ReplyField

	begin func(dst []byte, p path, v *view) []byte      // of the directory p, as v shows it
	entry func(dst []byte, e *entry, before int) []byte // behind so many others
	end   func(dst []byte, t *tally) []byte
}

// formats stand in the order in which we prefer them.
var formats = [...]*format{
	{web.HTML, "text/html; charset=utf-8", pageFields, beginHTML, appendHTML, endHTML},
	{web.JSON, "application/json", listFields, beginJSON, appendJSON, endJSON},
	{web.Text, "text/plain; charset=utf-8", listFields, beginText, appendLine, endText},
}

// The same path has other forms, as the request's Accept has it.
var vary = web.ReplyField{Name: "Vary", Value: "Accept"}

var (
	pageFields = sync.OnceValue(func() []web.ReplyField {
		return append(web.PageFields(listingStyle, listingScript, true), vary)
	})
	listFields = sync.OnceValue(func() []web.ReplyField { return append(nosniff[:1:1], vary) })
)

// chosen returns the format that r asks for.
func chosen(r *web.Request) *format { return formats[web.ChooseForm(r, forms[:])] }

var forms = [...]web.Form{web.HTML, web.JSON, web.Text} // of formats
