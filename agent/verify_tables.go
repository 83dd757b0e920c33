package agent

import "sync"

// maxTables bounds the tables of each kind of key. The keys beyond are verified
// by the standard library: slower, and as well.
const maxTables = 16

// tables keeps what was computed from the public keys in use, to verify the next
// signature sooner. The zero value is ready.
type tables[T any] struct {
	mu    sync.RWMutex  // guards byKey
	byKey map[string]*T // by the key's bytes
}

// of returns the table of key, made by build when there is none yet. It is nil
// where build returns nil, and for the keys beyond the bound.
func (t *tables[T]) of(key []byte, build func([]byte) *T) *T {
	t.mu.RLock()
	table, full := t.byKey[string(key)], len(t.byKey) >= maxTables
	t.mu.RUnlock()
	if table != nil || full {
		return table
	}
	if table = build(key); table == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKey == nil {
		t.byKey = make(map[string]*T)
	}
	if len(t.byKey) < maxTables {
		t.byKey[string(key)] = table
	}
	return table
}
