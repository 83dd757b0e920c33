package wire

import (
	"fmt"
	"slices"
)

// Names of the extension requests that the broker supports.
const (
	ExtQuery       = "query"                    // RFC 9987 section 5.8.1
	ExtSessionBind = "session-bind@openssh.com" // OpenSSH PROTOCOL.agent section 1
)

// SessionBind is the contents of a session-bind request. The host with HostKey
// signed SessionID in its key exchange; so a client proves to the agent where its
// connection leads.
type SessionBind struct {
	HostKey    []byte
	SessionID  []byte
	Signature  []byte
	Forwarding bool // the session forwards the agent, instead of logging in
}

// ParseSessionBind reads the contents of the extension ExtSessionBind.
func ParseSessionBind(contents []byte) (SessionBind, error) {
	c := &cursor{rest: contents}
	bind := SessionBind{c.bytes(), c.bytes(), c.bytes(), c.boolean()}
	switch {
	case !c.atEnd():
		return bind, fmt.Errorf("session-bind: %w", ErrMalformed)
	case len(bind.SessionID) == 0 || len(bind.SessionID) > MaxSessionID:
		return bind, fmt.Errorf("session-bind: %w: session id of %d bytes", ErrMalformed, len(bind.SessionID))
	}
	return bind, nil
}

// Marshal returns the contents.
func (b SessionBind) Marshal() []byte {
	out := slices.Concat(appendBytes(nil, b.HostKey), appendBytes(nil, b.SessionID), appendBytes(nil, b.Signature))
	return appendBool(out, b.Forwarding)
}

// QueryResponse answers ExtQuery with the names of the supported extensions.
func QueryResponse(names ...string) ExtensionResponse {
	response := ExtensionResponse{Name: ExtQuery}
	for _, name := range names {
		response.Contents = appendBytes(response.Contents, name)
	}
	return response
}
