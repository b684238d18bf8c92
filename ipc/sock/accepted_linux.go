package sock

// tuneAccepted sets what an accepted socket does not have from its listener:
// nothing on Linux, which copies all options (TCP_NODELAY, the buffers,
// SO_KEEPALIVE and the rest).
func tuneAccepted(fd int, noDelay bool) error { return nil }
