package broker

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

// keyWatchPause is the time between two looks at the keys: a program that lists them
// all the time must not cause more.
const keyWatchPause = 2 * time.Second

// keyWatch has the log say which keys the broker holds: how long a key has been watched
// can be told only from there. It looks when a client lists or changes keys, and costs
// nothing while none does.
type keyWatch struct {
	index *audit.Index
	log   *slog.Logger
	list  func() [][]keys.Info // of each source; nothing is joined or written out, since there may be thousands
	write func(held, gone []audit.Key) error
	look  chan struct{}
}

func newKeyWatch(index *audit.Index, log *slog.Logger) *keyWatch {
	return &keyWatch{index: index, log: log, look: make(chan struct{}, 1)}
}

// record is called with each record that was written. It does not wait.
func (w *keyWatch) record(r audit.Record) {
	if !slices.Contains([]keys.Op{keys.OpList, keys.OpAdd, keys.OpRemove, keys.OpRemoveAll, keys.OpRename}, r.Op) {
		return
	}
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// run looks until ctx ends.
func (w *keyWatch) run(ctx context.Context) {
	for ctx.Err() == nil {
		known, ok := w.index.Held(ctx)
		if !ok {
			return
		}
		if err := w.compare(known); err != nil {
			w.log.Debug("the log cannot say which keys the broker holds", "error", err)
		}
		select {
		case <-time.After(keyWatchPause):
		case <-ctx.Done():
		}
		select {
		case <-w.look:
		case <-ctx.Done():
		}
	}
}

// compare writes down how the keys differ from those that are known, with their sources.
func (w *keyWatch) compare(known map[string]string) error {
	var held, gone []audit.Key
	for _, list := range w.list() {
		for i := range list {
			key := &list[i]
			if key.Fingerprint == "" { // damaged
				continue
			}
			if _, ok := known[key.Fingerprint]; !ok {
				held = append(held, heldKey(key))
			}
			known[key.Fingerprint] = ""
		}
	}
	for fingerprint, source := range known {
		if inBroker(source) {
			gone = append(gone, audit.Key{Fingerprint: fingerprint, Source: source})
		}
	}
	if len(held)+len(gone) == 0 {
		return nil
	}
	return w.write(held, gone)
}

func heldKey(info *keys.Info) audit.Key {
	key := audit.Key{Fingerprint: info.Fingerprint, Name: info.Name, Source: info.Source}
	if info.PublicKey != nil {
		key.Type = info.PublicKey.Type()
	}
	return key
}

// inBroker reports whether keys of a source leave the broker for good when they are not
// listed any more. A card or another agent that is away comes back, and until then
// nobody can use its keys here.
func inBroker(source string) bool { return source == "softkeys" || source == "added" }

// everyKey lists the keys of each source, also hidden ones and those of agents that are away.
func (b *Broker) everyKey() [][]keys.Info {
	var sealed []keys.Info
	for _, entry := range b.sealed.All() {
		sealed = append(sealed, entry.Info)
	}
	lists := [][]keys.Info{b.added.List(), b.tokens.List(), b.fido.List(), b.cards.keys(), b.certs.All(), sealed}
	for _, upstream := range b.upstreams {
		infos, _ := upstream.All()
		lists = append(lists, infos)
	}
	return lists
}
