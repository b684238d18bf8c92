package addr

// maxPathBytes is the room of sockaddr_un.sun_path, 108 bytes on Linux
// (unix(7)), less the NUL that ends a path or begins an abstract name.
const maxPathBytes = 108 - 1
