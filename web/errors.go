package web

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
)

// ErrorReply returns a reply that says a status with a small page. fields are
// sent as well, as the Allow that 405 requires. A status without a page of its
// own gets that of its class (RFC 9110 §15); one that has no content, as 204
// and 304, gets none. ErrorReply panics when status is not a final one.
//
// The page is the same whatever was asked for: nothing of a request is in it.
// The reply is not to be kept, since what is refused now may be right later.
func ErrorReply(status int, fields ...ReplyField) *Reply {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("web: ErrorReply(%d): not a final status", status))
	}
	if status == 204 || status == 304 {
		return &Reply{Status: status, Fields: fields}
	}
	pages := errorPages()
	body, ok := pages.bodies[status]
	if !ok {
		body = pages.bodies[status/100]
	}
	return &Reply{
		Status: status,
		Type:   "text/html; charset=utf-8",
		Fields: slices.Concat(fields, pages.fields),
		Body:   body,
		Size:   int64(len(body)),
	}
}

// PageFields returns the fields that go with a generated page whose one style
// element holds style and whose one script element holds script; "" is for no
// such element. The browser takes the page for HTML and nothing else, applies
// that style, runs that script, and loads, frames and submits nothing.
func PageFields(style, script string) []ReplyField {
	policy := "default-src 'none'; style-src " + hashSource(style)
	if script != "" {
		policy += "; script-src " + hashSource(script)
	}
	return []ReplyField{
		{"Content-Security-Policy", policy + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
	}
}

// hashSource names an element's content in a policy (CSP3 §2.3.1).
func hashSource(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// errorPages renders every page once, when the first is asked for.
var errorPages = sync.OnceValue(func() (pages struct {
	bodies map[int][]byte
	fields []ReplyField
}) {
	pages.fields = PageFields(errorStyle, "")
	pages.bodies = make(map[int][]byte, len(errorTexts))
	for status, text := range errorTexts {
		title := text.reason
		if status >= 100 {
			title = fmt.Sprintf("%d %s", status, text.reason)
		}
		pages.bodies[status] = fmt.Appendf(nil, errorPage, title, errorStyle, title, text.says)
	}
	return pages
})

const errorPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>%s</style>
</head>
<body>
<h1>%s</h1>
<p>%s</p>
</body>
</html>
`

// The page follows its reader's choice of light or dark.
const errorStyle = `:root{color-scheme:light dark}` +
	`body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1.5rem}` +
	`h1{font-size:1.5rem}`

// errorTexts holds for each status its reason phrase and a sentence to the
// person in front of the page, and for the first digit of any other status what
// is true of the whole class.
var errorTexts = map[int]struct{ reason, says string }{
	2: {"Done", "The request was carried out."},
	3: {"Elsewhere", "What was asked for is to be found under another address."},
	4: {"Request refused", "The server cannot answer a request like this one."},
	5: {"Server error", "The server could not answer this request."},

	301: {"Moved Permanently", "What was asked for has another address, and the server has just named it."},
	302: {"Found", "What was asked for is under another address for now."},
	303: {"See Other", "The answer is under another address."},
	307: {"Temporary Redirect", "What was asked for is under another address for now."},
	308: {"Permanent Redirect", "What was asked for has another address, and the server has just named it."},

	400: {"Bad Request", "The server does not understand this request."},
	401: {"Unauthorized", "The server wants to know who asks for this."},
	403: {"Forbidden", "The server may not show this."},
	404: {"Not Found", "There is nothing under this address."},
	405: {"Method Not Allowed", "This address cannot be used in this way."},
	406: {"Not Acceptable", "What is here exists in no form that was asked for."},
	408: {"Request Timeout", "The request took too long to arrive."},
	409: {"Conflict", "The request does not fit the state of things here."},
	410: {"Gone", "What was here is gone for good."},
	411: {"Length Required", "The request has to say how long its content is."},
	412: {"Precondition Failed", "What is here is not what the request expects."},
	413: {"Content Too Large", "The request carries more than the server takes."},
	414: {"URI Too Long", "The address is longer than the server takes."},
	415: {"Unsupported Media Type", "The request carries content of a kind that is not taken here."},
	416: {"Range Not Satisfiable", "The part that was asked for lies beyond the end."},
	417: {"Expectation Failed", "The request expects what the server cannot do."},
	421: {"Misdirected Request", "This server does not answer for that address."},
	422: {"Unprocessable Content", "The content of the request cannot be acted on."},
	426: {"Upgrade Required", "The server wants another protocol for this."},
	429: {"Too Many Requests", "That was asked too often. Try again in a while."},
	431: {"Request Header Fields Too Large", "The request has a larger header than the server takes."},

	500: {"Internal Server Error", "Something went wrong in the server."},
	501: {"Not Implemented", "The server does not know how to do this."},
	502: {"Bad Gateway", "A program that was to answer gave no proper answer."},
	503: {"Service Unavailable", "The server is too busy. Try again in a moment."},
	504: {"Gateway Timeout", "A program that was to answer took too long."},
	505: {"HTTP Version Not Supported", "The server does not speak this version of HTTP."},
}
