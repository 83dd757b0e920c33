package agent

import (
	"crypto/sha256"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
)

// maxListable bounds the certificates that are remembered: as many as a list holds.
const maxListable = maxIdentities

// listable remembers which certificates may be in a list: to verify one takes
// longer than all the rest of a list. The zero value is ready.
type listable struct {
	mu    sync.Mutex                  // guards known
	known map[[sha256.Size]byte]error // by blob: what keys.CheckListable said
}

// is reports whether a key may be in a list. A key that may not still signs for who
// knows it by other means.
func (l *listable) is(info *keys.Info) bool {
	if _, certificate := publickey.CertificateOf(info.PublicKey); !certificate {
		return keys.CheckListable(info.PublicKey) == nil
	}
	sum := sha256.Sum256(info.Blob)
	l.mu.Lock()
	err, known := l.known[sum]
	l.mu.Unlock()
	if known {
		return err == nil
	}
	err = keys.CheckListable(info.PublicKey)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxListable {
		l.known = nil
	}
	if l.known == nil {
		l.known = make(map[[sha256.Size]byte]error)
	}
	l.known[sum] = err
	return err == nil
}
