//go:build linux && !amd64 && !arm64

// The file lets the compiler take functions without a body.
