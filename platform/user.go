package platform

// CurrentUser is this process's own user, as Peer.User has it.
func CurrentUser() string { return currentUser() }

// SameUser reports whether the peer may be served at all: it is this process's own
// user, or the system's administrator, who can read this process's memory anyway
// (OpenSSH's agent accepts the same two). A Peer without a user is refused.
func SameUser(peer Peer) bool {
	return peer.User != "" && (peer.User == currentUser() || peer.User == administrator)
}
