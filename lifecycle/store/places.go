package store

import (
	"context"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
)

var placesTable = table{"places", []string{"host", "id", "account", "file", "line", "key_id", "options", "comment", "forge", "twin", "stretch", "file_time", "appeared", "gone", "last_used"},
	"(host, id) DO UPDATE SET line = excluded.line, comment = excluded.comment, file_time = excluded.file_time"}

// sameLine is what makes two lines of two inventories one place. Its number and its
// comment may change.
type sameLine struct {
	account, file, key, options, forge string
	twin                               int
}

// knownPlace is a place of the store.
type knownPlace struct {
	id             []byte
	line           int
	comment        string
	fileTime       int64
	gone, lastUsed int64
	stretch        int
}

// savePlaces goes host by host, because the places of one host fit into memory.
func (w *writing) savePlaces() error {
	found := map[string][]lifecycle.Place{}
	for _, place := range w.Places {
		id := string(w.host(place.Host))
		found[id] = append(found[id], place)
	}
	read := w.accountsRead()
	for id := range read {
		if err := w.savePlacesOf([]byte(id), found[id], read[id]); err != nil {
			return err
		}
	}
	return nil
}

// accountsRead is the accounts of each host that are known as a whole now: what is not
// in them is gone.
func (w *writing) accountsRead() map[string]map[string]bool {
	read := map[string]map[string]bool{}
	set := func(host lifecycle.Host, account string, whole bool) {
		id := string(w.host(host))
		if read[id] == nil {
			read[id] = map[string]bool{}
		}
		read[id][account] = whole
	}
	for _, place := range w.Places {
		set(place.Host, place.Account, true)
	}
	for _, account := range w.Accounts {
		set(account.Host, account.Name, true)
	}
	for _, unseen := range w.Unseen {
		if unseen.What != "log" && unseen.What != "private keys" && (unseen.Host.Key != "" || unseen.Host.Name == "") { // else it was not reached
			set(unseen.Host, unseen.Account, false)
		}
	}
	return read
}

func (w *writing) savePlacesOf(host []byte, found []lifecycle.Place, read map[string]bool) error {
	known, err := knownPlaces(w.ctx, w.tx, host)
	if err != nil {
		return err
	}
	var rows [][]any
	twins := map[sameLine]int{}
	here := map[sameLine]bool{}
	files := map[[2]string]bool{} // those with a line were read
	for _, place := range found {
		line, key, err := lineOf(place)
		if err != nil {
			return err
		}
		twins[line]++
		line.twin = twins[line]
		here[line] = true
		files[[2]string{line.account, line.file}] = true
		if row := w.row(host, line, key, place, known[line]); row != nil {
			rows = append(rows, row)
		}
	}
	if err := placesTable.insert(w.ctx, w.tx, w.parameters, rows); err != nil {
		return err
	}
	open := map[string]int{}
	for line := range here {
		open[line.account]++
	}
	for line, place := range known {
		switch {
		case place.gone != 0 || here[line]:
		case !read[line.account] && !files[[2]string{line.account, line.file}]:
			open[line.account]++ // perhaps: it was not seen
		default:
			if _, err := w.tx.ExecContext(w.ctx, "UPDATE places SET gone = $1 WHERE host = $2 AND id = $3", w.now(), host, place.id); err != nil {
				return err
			}
		}
	}
	return w.saveAccounts(host, open, read)
}

var accountsTable = table{"accounts", []string{"host", "account", "places", "seen"}, "(host, account) DO UPDATE SET places = excluded.places, seen = excluded.seen"}

// saveAccounts notes how many places the accounts of a host have that were looked at.
func (w *writing) saveAccounts(host []byte, open map[string]int, read map[string]bool) error {
	var rows [][]any
	for account, whole := range read {
		if whole || open[account] > 0 {
			rows = append(rows, []any{host, account, open[account], w.now()})
		}
	}
	return accountsTable.insert(w.ctx, w.tx, w.parameters, rows)
}

// row is what to write of a place that was found: nil if the store has it as it is.
func (w *writing) row(host []byte, line sameLine, key []byte, place lifecycle.Place, known knownPlace) []any {
	appeared, stretch := w.now(), known.stretch+1
	if !place.FirstSeen.IsZero() {
		appeared = millis(place.FirstSeen)
	}
	if known.id != nil && known.gone == 0 {
		if known.line == place.Line && known.comment == place.Comment && known.fileTime == millis(place.FileTime) {
			return nil
		}
		stretch = known.stretch
	}
	id := identifier("place", host, line.account, line.file, line.key, line.options, line.forge, line.twin, stretch)
	return []any{host, id, place.Account, place.File, place.Line, key, line.options, place.Comment, place.Forge, line.twin, stretch, millis(place.FileTime), appeared, 0, known.lastUsed}
}

func lineOf(place lifecycle.Place) (sameLine, []byte, error) {
	key, err := keyID(place.Fingerprint)
	return sameLine{account: place.Account, file: place.File, key: string(key), options: list(place.Options), forge: place.Forge}, key, err
}

// knownPlaces is what the store has of a host, the newest stretch of each place.
func knownPlaces(ctx context.Context, db querier, host []byte) (map[sameLine]knownPlace, error) {
	known := map[sameLine]knownPlace{}
	query := "SELECT id, account, file, line, key_id, options, comment, forge, twin, stretch, file_time, gone, last_used FROM places WHERE host = $1 ORDER BY stretch"
	err := each(ctx, db, query, []any{host}, func(scan func(...any) error) error {
		var line sameLine
		var place knownPlace
		var key []byte
		if err := scan(&place.id, &line.account, &line.file, &place.line, &key, &line.options, &place.comment, &line.forge, &line.twin, &place.stretch, &place.fileTime, &place.gone, &place.lastUsed); err != nil {
			return err
		}
		line.key = string(key)
		known[line] = place
		return nil
	})
	return known, err
}

// Places returns where a key opens a door now, as far as the store knows.
func (s *Store) Places(ctx context.Context, fingerprint string) ([]lifecycle.Place, error) {
	key, err := keyID(fingerprint)
	if err != nil {
		return nil, err
	}
	var found []lifecycle.Place
	err = each(ctx, s.db, placeQuery+" WHERE p.key_id = $1 AND p.gone = 0 ORDER BY h.name, p.account, p.file, p.line", []any{key}, func(scan func(...any) error) error {
		place, err := scanPlace(scan, "")
		found = append(found, place)
		return err
	})
	return found, err
}

const placeQuery = `SELECT h.host_key, h.name, h.port, h.addresses, h.machine,
	p.account, p.file, p.line, p.key_id, p.options, p.comment, p.forge, p.file_time, p.appeared, p.host, p.id, p.last_used
	FROM places p JOIN hosts h ON h.id = p.host`

// scanPlace reads a row of placeQuery as seen from machine, whose host has no name
// there, and the identifiers and the last use too, if they are asked for.
func scanPlace(scan func(...any) error, machine string, more ...any) (place lifecycle.Place, err error) {
	if len(more) == 0 {
		more = []any{new([]byte), new([]byte), new(int64)}
	}
	var addresses, of, options string
	var key []byte
	var fileTime, appeared int64
	columns := []any{&place.Host.Key, &place.Host.Name, &place.Host.Port, &addresses, &of,
		&place.Account, &place.File, &place.Line, &key, &options, &place.Comment, &place.Forge, &fileTime, &appeared}
	if err := scan(append(columns, more...)...); err != nil {
		return place, err
	}
	place.Host = hostSeen(place.Host, addresses, of, machine)
	place.Fingerprint, place.Options = fingerprint(key), fromList(options)
	place.FileTime, place.FirstSeen = fromMillis(fileTime), fromMillis(appeared)
	return place, nil
}

// hostSeen is a host of the store as seen from machine: another machine has a name.
func hostSeen(host lifecycle.Host, addresses, of, machine string) lifecycle.Host {
	if host.Name == "" && of != machine {
		host.Name = strings.TrimSpace(of)
	}
	host.Addresses = fromList(addresses)
	return host
}
