package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// ErrorReply returns a reply to r that says a status with a small page, or with
// the same in JSON or plain text where r asks for that (ChooseForm):
//
//	{"status":404,"title":"Not Found","detail":"There is nothing at this address."}
//
// These are members of RFC 9457 §3.1; where fields has a Location, "location" is
// one more. The page links to it, and to the root of the site. A nil r stands for a
// request that could not be read.
//
// fields are sent as well, as the Allow that 405 requires. A status without a page
// of its own gets that of its class (RFC 9110 §15); one that has no content, as 204
// and 304, gets none. ErrorReply panics when status is not a final one.
//
// Nothing of a request is in the reply but how deep its path is. It is not to be
// kept, since what is refused now may be right later. It keeps no part of r.
func ErrorReply(r *Request, status int, fields ...ReplyField) *Reply {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("web: ErrorReply(%d): not a final status", status))
	}
	if status == 204 || status == 304 {
		return &Reply{Status: status, Fields: fields}
	}
	if r == nil {
		r = new(Request)
	}
	m := messageOf(status, fields)
	p := &Reply{Status: status, Fields: slices.Concat(fields, plainFields)}
	switch errorForms[ChooseForm(r, errorForms[:])] {
	case HTML:
		p.Type, p.Body = "text/html; charset=utf-8", m.html(r)
		p.Fields = slices.Concat(fields, errorFields(), plainFields[1:])
	case JSON:
		p.Type, p.Body = "application/json", m.json()
	default:
		p.Type, p.Body = "text/plain; charset=utf-8", m.text()
	}
	p.Size = int64(len(p.Body))
	return p
}

var errorForms = [...]Form{HTML, JSON, Text}

var (
	plainFields = []ReplyField{{"X-Content-Type-Options", "nosniff"}, {"Vary", "Accept"}}
	errorFields = sync.OnceValue(func() []ReplyField { return PageFields(errorStyle, "", false) })
)

// A message is what a person or program is told of a status.
type message struct {
	Status   int    `json:"status"`
	Title    string `json:"title"`
	Detail   string `json:"detail"`
	Location string `json:"location,omitempty"`
	lead     string // Detail up to Location
}

func messageOf(status int, fields []ReplyField) message {
	text, ok := errorTexts[status]
	if !ok {
		text = errorTexts[status/100]
	}
	m := message{Status: status, Title: text.reason, Detail: text.says}
	if status/100 == 3 {
		for _, f := range fields {
			if f.Name == "Location" {
				m.Location = f.Value
			}
		}
		if m.Location != "" {
			switch status {
			case 301, 308:
				m.lead = "This page has moved to "
			case 302, 307:
				m.lead = "For now, this page has moved to "
			default:
				m.lead = m.Detail + " Go to "
			}
			m.Detail = m.lead + m.Location + "."
		}
	}
	return m
}

// errorPage has the look of a list (web/site), and a part of its style.
const errorPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
%[6]s
<title>%[1]s</title>
<style>%[2]s</style>
</head>
<body>
<main>
<h1>%[3]s</h1>
<p>%[4]s</p>
<p><a href="%[5]s">Root of this site</a></p>
</main>
</body>
</html>
`

func (m *message) html(r *Request) []byte {
	title, h1 := m.Title, m.Title
	if _, ok := errorTexts[m.Status]; ok {
		title = fmt.Sprintf("%d %s", m.Status, m.Title)
		h1 = fmt.Sprintf("<small>%d</small> %s", m.Status, m.Title)
	}
	detail := m.Detail
	if m.Location != "" {
		detail = m.lead + html.EscapeString(m.Location) + "."
		// A link that a click makes run, as that of javascript:, is none.
		if to, err := url.Parse(m.Location); err == nil && (to.Scheme == "" || to.Scheme == "http" || to.Scheme == "https") {
			href := html.EscapeString(m.Location)
			detail = m.lead + `<a href="` + href + `">` + href + "</a>."
		}
	}
	return fmt.Appendf(nil, errorPage, title, errorStyle, h1, detail, rootFrom(r), PageIcon)
}

func (m *message) json() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // neither strings nor numbers fail
	}
	return append(b, '\n')
}

func (m *message) text() []byte {
	return fmt.Appendf(nil, "%d %s: %s\n", m.Status, m.Title, m.Detail)
}

// maxSteps bounds how deep a path may be for a relative reference to the root,
// which is as long as the path is deep.
const maxSteps = 32

// rootFrom returns a reference to the root of the site for the page that answers r.
// It is relative (RFC 3986 §4.2), to hold behind a proxy that has put something in
// front of the path, unless the client does not know the path, or it is too deep.
func rootFrom(r *Request) string {
	switch steps := bytes.Count(r.Path, []byte("/")) - 1; {
	case steps < 0 || steps > maxSteps || r.Internal:
		return "/"
	case steps == 0:
		return "./"
	default:
		return strings.Repeat("../", steps)
	}
}

// PageStyle is the part of their style that all generated pages have in common.
//
//go:embed page.css
var PageStyle string

// errorStyle is that of errorPage.
var errorStyle = PageStyle + "p { margin: 1rem 0 0; overflow-wrap: anywhere; }\np a { text-decoration: underline; }\n"

// PageIcon is the icon of all generated pages. It stands in the page, since a browser
// would otherwise ask for /favicon.ico.
const PageIcon = `<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23d09a2f' d='M1 3h5l2 2h7v9H1z'/%3E%3C/svg%3E">`

// PageFields returns the fields that go with a generated page whose one style
// element holds style and whose one script element holds script; "" is for no
// such element. The browser takes the page for HTML and nothing else, applies
// that style, runs that script, shows images that stand in them, and loads and
// frames nothing. It submits nothing either, or with forms to the page's own server
// only.
func PageFields(style, script string, forms bool) []ReplyField {
	policy := "default-src 'none'; style-src " + hashSource(style)
	if script != "" {
		policy += "; script-src " + hashSource(script)
	}
	action := "'none'"
	if forms {
		action = "'self'"
	}
	return []ReplyField{
		{"Content-Security-Policy", policy + "; img-src data:; base-uri 'none'; form-action " + action + "; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
	}
}

// hashSource names an element's content in a policy (CSP3 §2.3.1).
func hashSource(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// errorTexts holds for each status its reason phrase and what a person is told, and
// for the first digit of any other status what is true of the whole class.
var errorTexts = map[int]struct{ reason, says string }{
	2: {"Done", "The request was carried out."},
	3: {"Redirect", "This page is at another address."},
	4: {"Request refused", "The server cannot answer this request."},
	5: {"Server error", "The server failed to answer this request."},

	300: {"Multiple Choices", "There is more than one page for this address."},
	301: {"Moved Permanently", "This page has moved."},
	302: {"Found", "This page has moved for now."},
	303: {"See Other", "The answer is at another address."},
	307: {"Temporary Redirect", "This page has moved for now."},
	308: {"Permanent Redirect", "This page has moved."},

	400: {"Bad Request", "The server does not understand this request."},
	401: {"Unauthorized", "You have to log in to see this."},
	403: {"Forbidden", "You do not have access to this."},
	404: {"Not Found", "There is nothing at this address."},
	405: {"Method Not Allowed", "This address does not accept this kind of request."},
	406: {"Not Acceptable", "This page is not available in a form that your program accepts."},
	408: {"Request Timeout", "The request took too long to arrive. Try again."},
	409: {"Conflict", "The request conflicts with the current state of this page."},
	410: {"Gone", "This page has been removed."},
	411: {"Length Required", "The request does not say how long its content is."},
	412: {"Precondition Failed", "This page is not in the state that the request requires."},
	413: {"Content Too Large", "The request is larger than the server accepts."},
	414: {"URI Too Long", "The address is longer than the server accepts."},
	415: {"Unsupported Media Type", "This address does not accept content of this type."},
	416: {"Range Not Satisfiable", "The requested part is beyond the end of the file."},
	417: {"Expectation Failed", "The server cannot do what the request expects."},
	421: {"Misdirected Request", "This server does not answer for this address."},
	422: {"Unprocessable Content", "The content of the request cannot be processed."},
	426: {"Upgrade Required", "The server requires another protocol."},
	429: {"Too Many Requests", "Too many requests. Try again later."},
	431: {"Request Header Fields Too Large", "The header of the request is larger than the server accepts."},

	500: {"Internal Server Error", "The server failed to answer this request."},
	501: {"Not Implemented", "The server does not support this kind of request."},
	502: {"Bad Gateway", "A program on this server gave an invalid answer."},
	503: {"Service Unavailable", "The server cannot answer at the moment. Try again later."},
	504: {"Gateway Timeout", "A program on this server took too long to answer."},
	505: {"HTTP Version Not Supported", "The server does not support this version of HTTP."},
}
