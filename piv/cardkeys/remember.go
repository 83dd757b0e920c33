package cardkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	// maxRemembered bounds the remembered cards; the one unseen for longest is
	// dropped first. Strangers' cards must not grow the file without bound.
	maxRemembered = 16
	// maxFile is more than maxRemembered cards with 24 RSA-4096 keys need.
	maxFile = 1 << 20
)

// Record is what is remembered of a card. Nothing in it is secret.
type Record struct {
	ID     string      `json:"id"`
	Serial uint32      `json:"serial,omitempty"` // of a YubiKey
	Name   string      `json:"name"`
	Seen   time.Time   `json:"seen"`
	Keys   []RecordKey `json:"keys"`
	// Proof is the card authentication key (9E) as an authorized_keys line, if it
	// signs without PIN and touch. A card that claims to be this one must prove
	// that it holds this key before it gets the PIN.
	Proof string `json:"proof,omitempty"`
	// Proven means that the card proved that once. Until then, a card that
	// cannot sign with the key is not treated as an impostor.
	Proven bool `json:"proven,omitempty"`
}

// RecordKey is a listed key of a card.
type RecordKey struct {
	Slot      piv.Slot `json:"slot"`
	PublicKey string   `json:"public_key"` // authorized_keys line
	Holder    string   `json:"holder,omitempty"`

	public ssh.PublicKey
}

// keeper remembers cards, in a file when it has one. A separate goroutine
// writes the file: events must not wait for a disk.
type keeper struct {
	file    string
	log     *slog.Logger
	unsaved chan struct{} // holds a token when the file is behind
	done    chan struct{}
	end     chan struct{}

	mu      sync.Mutex // guards records
	records []Record
}

func openKeeper(file string, log *slog.Logger) (*keeper, error) {
	k := &keeper{file: file, log: log, unsaved: make(chan struct{}, 1), done: make(chan struct{}), end: make(chan struct{})}
	if err := k.load(); err != nil {
		return nil, err
	}
	go k.write()
	return k, nil
}

// load drops unusable keys rather than the whole file.
func (k *keeper) load() error {
	data, err := readSmall(k.file)
	if k.file == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var records []Record
	if err == nil {
		err = json.Unmarshal(data, &records)
	}
	if err != nil {
		return problem.With(fmt.Errorf("the remembered cards cannot be read: %w", err), "remove the file: %s", k.file)
	}
	for _, record := range records[:min(len(records), maxRemembered)] {
		record.Keys = slices.DeleteFunc(record.Keys, func(key RecordKey) bool { return !key.Slot.Valid() || parse(key.PublicKey) == nil })
		for i := range record.Keys {
			record.Keys[i].public = parse(record.Keys[i].PublicKey)
		}
		k.records = append(k.records, record)
	}
	return nil
}

func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", filepath.Base(file), maxFile)
	}
	return os.ReadFile(file)
}

func parse(line string) ssh.PublicKey {
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil
	}
	return pub
}

func (k *keeper) cards() []Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.records)
}

// find returns what is remembered of a card.
func (k *keeper) find(id string) (Record, bool) {
	for _, record := range k.cards() {
		if record.ID == id {
			return record, true
		}
	}
	return Record{}, false
}

// seen remembers an inserted card. It keeps a known proof: a card that copied
// another's number must not be able to replace it.
//
// A YubiKey with a new number was reset, so its earlier record is dropped.
//
// A card may be pulled while it is read, so its first keys count at once. They
// replace no earlier record.
func (k *keeper) seen(token *piv.Token, rules []Rule) {
	if token == nil || token.ID == "" {
		return
	}
	now := recordOf(token, rules)
	k.mu.Lock()
	defer k.mu.Unlock()
	if token.Reading && (len(now.Keys) == 0 || k.hasLocked(now)) {
		return
	}
	k.records = slices.DeleteFunc(k.records, func(before Record) bool {
		sameCard := before.ID == now.ID
		if sameCard && before.Proof != "" {
			now.Proof, now.Proven = before.Proof, before.Proven
		}
		return sameCard || now.Serial != 0 && before.Serial == now.Serial && before.Proof == ""
	})
	k.records = append([]Record{now}, k.records...)
	k.records = k.records[:min(len(k.records), maxRemembered)]
	k.saveSoon()
}

// hasLocked reports whether the card, or one with its serial number, is remembered.
func (k *keeper) hasLocked(now Record) bool {
	return slices.ContainsFunc(k.records, func(before Record) bool {
		return before.ID == now.ID || now.Serial != 0 && before.Serial == now.Serial
	})
}

// proved records that a card proved that it holds its proof key.
func (k *keeper) proved(id, proof string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, record := range k.records {
		if record.ID == id && record.Proof == proof && !record.Proven {
			k.records[i].Proven = true
			k.saveSoon()
		}
	}
}

// forget drops a card, and says whether it was remembered.
func (k *keeper) forget(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := len(k.records)
	k.records = slices.DeleteFunc(k.records, func(r Record) bool { return r.ID == id })
	k.saveSoon()
	return len(k.records) < before
}

func recordOf(token *piv.Token, rules []Rule) Record {
	record := Record{ID: token.ID, Serial: token.Serial, Name: token.Name(), Seen: time.Now().UTC().Truncate(time.Second)}
	for _, slot := range listed(token, rules, time.Now()) {
		if pub, err := ssh.NewPublicKey(slot.PublicKey); err == nil {
			record.Keys = append(record.Keys, RecordKey{Slot: slot.Slot, PublicKey: line(pub), Holder: holder(slot), public: pub})
		}
	}
	if slot, ok := token.Slot(piv.SlotCardAuthentication); ok && proves(slot) {
		if pub, err := ssh.NewPublicKey(slot.PublicKey); err == nil {
			record.Proof = line(pub)
		}
	}
	return record
}

// proves reports whether a key can be a proof: it signs without PIN and touch.
func proves(slot piv.SlotInfo) bool {
	return slot.PublicKey != nil && !slot.NoKey && !weak(slot) &&
		slot.PIN == piv.PINNever && (slot.Touch == piv.TouchNever || slot.Touch == piv.TouchUnknown)
}

func line(pub ssh.PublicKey) string {
	text := ssh.MarshalAuthorizedKey(pub)
	return string(text[:len(text)-1])
}

func (k *keeper) saveSoon() {
	select {
	case k.unsaved <- struct{}{}:
	default:
	}
}

// write keeps the file up to date, until close.
func (k *keeper) write() {
	defer close(k.done)
	for {
		select {
		case <-k.unsaved:
			k.save()
		case <-k.end:
			select {
			case <-k.unsaved:
				k.save()
			default:
			}
			return
		}
	}
}

func (k *keeper) save() {
	if k.file == "" {
		return
	}
	data, err := json.MarshalIndent(k.cards(), "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(k.file), 0o700)
	}
	if err == nil {
		err = platform.WriteFileAtomic(k.file, append(data, '\n'), 0o600)
	}
	if err != nil {
		k.log.Warn("the cards could not be remembered", "error", err)
	}
}

func (k *keeper) close() {
	close(k.end)
	<-k.done
}
