package cgi

import (
	"net/netip"
	"strconv"
	"strings"

	"xanadu/web"
)

// A Gateway is what all programs of a server have in common. It is immutable
// and safe for concurrent use.
type Gateway struct {
	Software      string   // the server's name and version (SERVER_SOFTWARE); "" is "xanadu"
	Inherit       []string // further variables, "NAME=value", as PATH
	Authorization bool     // programs see the field Authorization, and with it passwords
	Indexed       bool     // a query without "=" becomes command-line arguments (RFC 3875 §4.4)
}

var (
	// ErrAmbiguous refuses a request of which two field names become the same
	// variable, so that one would speak in the other's name.
	ErrAmbiguous = &Error{400, "two field names become the same variable"}

	errTwoTypes = &Error{400, "more than one Content-Type"}
)

// Environment returns the variables that p is run with for r, each as
// "NAME=value", no name twice. Local is the server's end of the connection,
// zero for a UNIX socket. Length is how many octets of content p will read;
// negative is for a request that has none.
//
// A field becomes a variable when its name consists of letters, digits and "-"
// alone: so no other field has the same one. Fields of one name become one
// value, as a list (RFC 9110 §5.2). Left out are fields that describe the
// connection or the framing, those with variables of their own, Proxy
// (CVE-2016-5386: programs take HTTP_PROXY for their own setting), and those
// that carry passwords, unless g says otherwise. The error is an *Error.
func (g *Gateway) Environment(r *web.Request, p *web.Program, local netip.AddrPort, length int64) ([]string, error) {
	fields, err := g.fieldVariables(r.Fields)
	if err != nil {
		return nil, err
	}
	name, port := serverAddress(r.Host, local)
	client, clientPort := clientAddress(r.Peer)
	env := make([]string, 0, 24+len(g.Inherit)+len(fields))
	env = append(env, g.Inherit...)
	env = append(env,
		"DOCUMENT_ROOT="+p.Root,
		"GATEWAY_INTERFACE=CGI/1.1",
		"QUERY_STRING="+string(r.Query),
		"REDIRECT_STATUS=200", // php-cgi runs for nobody who does not say this
		"REMOTE_ADDR="+client,
		"REMOTE_HOST="+client, // what stands in for a name that was not looked up (§4.1.9)
		"REMOTE_PORT="+clientPort,
		"REQUEST_METHOD="+string(r.Method),
		"REQUEST_URI="+requestURI(r),
		"SCRIPT_FILENAME="+p.Filename,
		"SCRIPT_NAME="+p.Script,
		"SERVER_NAME="+name,
		"SERVER_PORT="+port,
		"SERVER_PROTOCOL=HTTP/1."+strconv.Itoa(r.Minor),
		"SERVER_SOFTWARE="+g.software(),
	)
	if p.Info != "" {
		env = append(env, "PATH_INFO="+p.Info, "PATH_TRANSLATED="+p.Translated)
	}
	if len(r.Host) > 0 {
		// Not the field: one in the target goes before it (RFC 9112 §3.2.2).
		env = append(env, "HTTP_HOST="+string(r.Host))
	}
	if length >= 0 {
		env = append(env, "CONTENT_LENGTH="+strconv.FormatInt(length, 10))
		if kind := r.Get(web.ContentType); kind != nil {
			env = append(env, "CONTENT_TYPE="+string(kind))
		}
	}
	return append(env, fields...), nil
}

func (g *Gateway) software() string {
	if g.Software == "" {
		return "xanadu"
	}
	return g.Software
}

// withheld are the fields that become no variable, by the name of the variable.
var withheld = map[string]bool{
	"HTTP_CONNECTION":          true, // the server's business with the client
	"HTTP_EXPECT":              true,
	"HTTP_HOST":                true, // said by Environment
	"HTTP_KEEP_ALIVE":          true,
	"HTTP_PROXY_CONNECTION":    true,
	"HTTP_TE":                  true,
	"HTTP_TRAILER":             true,
	"HTTP_TRANSFER_ENCODING":   true,
	"HTTP_UPGRADE":             true,
	"HTTP_CONTENT_LENGTH":      true, // CONTENT_LENGTH
	"HTTP_CONTENT_TYPE":        true, // CONTENT_TYPE
	"HTTP_PROXY":               true,
	"HTTP_PROXY_AUTHORIZATION": true,
}

// fieldVariables makes variables of the fields of a request, in their order.
func (g *Gateway) fieldVariables(fields []web.Field) ([]string, error) {
	type variable struct {
		field []byte // the name it was made of
		at    int    // where it stands in env; -1: nowhere
	}
	made := make(map[string]variable, len(fields))
	env := make([]string, 0, len(fields))
	for _, f := range fields {
		name, plain := variableName(f.Name)
		if v, ok := made[name]; ok {
			switch {
			case !sameName(v.field, f.Name):
				return nil, ErrAmbiguous
			case f.Known == web.ContentType:
				return nil, errTwoTypes
			case v.at >= 0:
				env[v.at] += separator(name) + string(f.Value)
			}
			continue
		}
		v := variable{f.Name, -1}
		if plain && !withheld[name] && (f.Known != web.Authorization || g.Authorization) {
			v.at = len(env)
			env = append(env, name+"="+string(f.Value))
		}
		made[name] = v
	}
	return env, nil
}

// variableName returns the variable that programs, and other servers, would
// look for a field in (RFC 3875 §4.1.18), and whether it is made of no other
// name than this one, but for case.
func variableName(field []byte) (name string, plain bool) {
	b := append(make([]byte, 0, 64), "HTTP_"...)
	plain = true
	for _, c := range field {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			plain = plain && c == '-'
			c = '_'
		}
		b = append(b, c)
	}
	return string(b), plain
}

// sameName reports whether two field names are one, whatever their case.
func sameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// separator stands between the values of fields of one name. Cookie has a
// syntax of its own (RFC 6265 §4.2.1).
func separator(variable string) string {
	if variable == "HTTP_COOKIE" {
		return "; "
	}
	return ", "
}

// requestURI is the path and query asked for, as they were sent. It is not in
// RFC 3875, but few programs that link to themselves do without it.
func requestURI(r *web.Request) string {
	if r.HasQuery {
		return string(r.Path) + "?" + string(r.Query)
	}
	return string(r.Path)
}

// serverAddress returns what the client calls the server and the port it has
// asked at (RFC 3875 §4.1.14, §4.1.15). A name that is no host name or address
// is not passed on: programs put it into links, and shells.
func serverAddress(host []byte, local netip.AddrPort) (name, port string) {
	name, port = splitPort(string(host))
	switch {
	case isHostName(name):
		name = strings.ToLower(name)
	case !local.IsValid():
		name = "localhost"
	case local.Addr().Is6():
		name = "[" + local.Addr().WithZone("").String() + "]"
	default:
		name = local.Addr().String()
	}
	if local.IsValid() {
		port = strconv.Itoa(int(local.Port()))
	} else if port == "" {
		port = "80" // a UNIX socket has none; whoever stands before it answers at this one
	}
	return name, port
}

// splitPort cuts the port off an authority that has been found valid.
func splitPort(authority string) (host, port string) {
	at := strings.LastIndexByte(authority, ':')
	if at < 0 || strings.HasSuffix(authority, "]") {
		return authority, ""
	}
	return authority[:at], authority[at+1:]
}

// isHostName reports whether a host is a name of letters, digits, "-", "_" and
// dots, or an address.
func isHostName(host string) bool {
	if inside, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inside, "]"))
		return err == nil && a.Is6() && a.Zone() == ""
	}
	for i := range len(host) {
		c := lower(host[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return host != "" && host[0] != '-' && host[0] != '.'
}

// clientAddress returns who asks, and the port, 0 where there is none or it is
// not known.
func clientAddress(peer netip.AddrPort) (addr, port string) {
	return web.PeerAddr(peer).WithZone("").String(), strconv.Itoa(int(peer.Port()))
}
