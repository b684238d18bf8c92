package sock

// cmsgCloseOnExec is nothing: darwin's recvmsg(2) has no such flag.
const cmsgCloseOnExec = 0
