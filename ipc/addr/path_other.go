//go:build !linux

package addr

// maxPathBytes is the room of sockaddr_un.sun_path, 104 bytes on the BSDs and
// darwin (unix(4)), less the NUL that ends a path.
const maxPathBytes = 104 - 1
