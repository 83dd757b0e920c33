package plan

import (
	"context"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// Server is one account on one server that was reached, with the way back held open.
type Server interface {
	Identity() lifecycle.Host
	Account() string

	// Files returns every file of AuthorizedKeysFile that can be read. The first is
	// where new lines go. Unseen says what else may let keys in.
	Files(ctx context.Context) ([]File, []lifecycle.Unseen, error)

	// Edit changes a file whole or not at all, and reads it back.
	Edit(ctx context.Context, path string, change func(old []byte) ([]byte, error)) (Edited, error)

	// Ask makes one fresh connection: it asks by the public half alone whether the
	// server would let the key about in, and then logs in with one of the keys letIn.
	Ask(ctx context.Context, about lifecycle.Key, letIn []lifecycle.Key) (Answer, error)

	// Version is the server's; zero: it is not OpenSSH.
	Version() authorized.Version
}

// File is a file that lets keys in.
type File struct {
	Path string
	Data []byte // nil: it is not there
}

// Edited is a change that was read back: SHA-256 of the file in hex, "" for no file.
type Edited struct{ Before, After string }

// Answer is what the server said in one connection.
type Answer struct {
	About    lifecycle.Probe // of the key that was asked about
	Stranger bool            // it would let in a key that nobody has: its word proves nothing
	LetIn    string          // fingerprint of the key that got in; "": none did
	LetInBy  string          // FILE:LINE, where the server said so
	Together bool            // About was refused in the connection in which LetIn got in
	Sessions string          // open sessions of the account; "": not known
}
