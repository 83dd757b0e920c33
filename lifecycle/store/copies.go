package store

import (
	"github.com/keybroker/keybroker/lifecycle"
)

var copiesTable = table{"copies", []string{"host", "id", "viewer", "path", "key_id", "format", "clear", "mode", "modified", "appeared", "gone"},
	`(host, id) DO UPDATE SET key_id = excluded.key_id, format = excluded.format, clear = excluded.clear, mode = excluded.mode, modified = excluded.modified, gone = 0,
		appeared = CASE WHEN copies.gone = 0 THEN copies.appeared ELSE excluded.appeared END`}

// viewer is whose files the private files are: users of one machine see each their own.
func (w *writing) viewer() string { return w.User + "@" + w.Machine }

func (w *writing) saveCopies() error {
	hosts := map[string]bool{}
	for _, host := range w.Hosts {
		hosts[string(w.host(host))] = true
	}
	here := map[string]bool{}
	var rows [][]any
	for _, file := range w.Copies {
		key, err := keyID(file.Fingerprint)
		if err != nil {
			return err
		}
		host := w.host(file.Host)
		id := identifier("copy", host, w.viewer(), file.Path)
		hosts[string(host)], here[string(id)] = true, true
		rows = append(rows, []any{host, id, w.viewer(), file.Path, key, file.Format, bit(file.Clear), file.Mode, millis(file.Modified), w.now(), 0})
	}
	if err := copiesTable.insert(w.ctx, w.tx, w.parameters, rows); err != nil {
		return err
	}
	for host := range hosts {
		if err := w.copiesGone([]byte(host), here); err != nil {
			return err
		}
	}
	return nil
}

// copiesGone notes the files that this viewer had on a host and has not now.
func (w *writing) copiesGone(host []byte, here map[string]bool) error {
	var gone [][]byte
	query := "SELECT id FROM copies WHERE host = $1 AND gone = 0 AND viewer = $2"
	err := each(w.ctx, w.tx, query, []any{host, w.viewer()}, func(scan func(...any) error) error {
		var id []byte
		err := scan(&id)
		if !here[string(id)] {
			gone = append(gone, id)
		}
		return err
	})
	for _, id := range gone {
		if _, err := w.tx.ExecContext(w.ctx, "UPDATE copies SET gone = $1 WHERE host = $2 AND id = $3", w.now(), host, id); err != nil {
			return err
		}
	}
	return err
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

const copyQuery = `SELECT h.host_key, h.name, h.port, h.addresses, h.machine, c.path, c.key_id, c.format, c.clear, c.mode, c.modified
	FROM copies c JOIN hosts h ON h.id = c.host`

func scanCopy(scan func(...any) error, machine string) (file lifecycle.Copy, err error) {
	var addresses, of string
	var key []byte
	var clear, modified int64
	err = scan(&file.Host.Key, &file.Host.Name, &file.Host.Port, &addresses, &of, &file.Path, &key, &file.Format, &clear, &file.Mode, &modified)
	file.Host = hostSeen(file.Host, addresses, of, machine)
	file.Fingerprint, file.Clear, file.Modified = fingerprint(key), clear != 0, fromMillis(modified)
	return file, err
}
