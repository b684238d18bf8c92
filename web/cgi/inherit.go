package cgi

import (
	"errors"
	"fmt"
	"strings"
)

// ours are the variables, besides HTTP_*, that Environment sets.
var ours = []string{
	"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_ROOT", "GATEWAY_INTERFACE", "PATH_INFO", "PATH_TRANSLATED",
	"QUERY_STRING", "REDIRECT_STATUS", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER",
	"REQUEST_METHOD", "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
	"SERVER_SOFTWARE",
}

// Inheritable says why a variable of that name cannot stand in Gateway.Inherit:
// it is no name, or what it says is for a request to say. nil: it can.
func Inheritable(name string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return errors.New("the name of a variable is wanted")
	}
	if strings.HasPrefix(name, "HTTP_") {
		return fmt.Errorf("%s is for a field of the request", name)
	}
	for _, our := range ours {
		if name == our {
			return fmt.Errorf("%s is for the request to say", name)
		}
	}
	return nil
}
