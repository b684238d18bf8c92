//go:build unix

// Package kit is what the module's tests share: Main fails a package whose
// tests leave descriptors, children or goroutines behind, SocketDir makes a
// folder whose paths fit a UNIX socket's address, and NewFileSystem mounts a
// file system that can hang. Race tells what to expect where the race detector
// changes it. The kit's own tests hold the arrow check, which keeps the rooms of
// the house apart. Only tests import it.
package kit
