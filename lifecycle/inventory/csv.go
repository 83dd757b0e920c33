package inventory

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// csvTitles are the columns of WriteCSV.
var csvTitles = []string{
	"record", "fingerprint", "type", "bits", "name", "source", "host", "account", "path", "line", "options", "comment",
	"clear_text", "mode", "changed", "last_used", "watched_since", "owner", "findings",
}

// WriteCSV writes a row for each key in the broker ("key"), each authorisation
// ("authorisation") and each private key file ("file"), by RFC 4180.
func WriteCSV(out io.Writer, inv *lifecycle.Inventory) error {
	w := csv.NewWriter(out)
	t := &csvTable{newView(inv), kindsByPlace(inv), w}
	t.write(csvTitles)
	for _, key := range inv.Keys {
		if key.Source != "" {
			t.row("key", key.Fingerprint, lifecycle.Host{}, map[string]string{"last_used": stamp(t.uses.LastOf(key.Fingerprint))})
		}
	}
	for _, place := range inv.Places {
		t.row("authorisation", place.Fingerprint, place.Host, map[string]string{
			"account": place.Account, "path": place.File, "line": fmt.Sprint(place.Line), "options": strings.Join(place.Options, ","),
			"comment": place.Comment, "changed": stamp(place.FileTime), "last_used": stamp(t.uses.Last(place).Last), "watched_since": stamp(t.uses.Watched(place)),
			"findings": t.kinds[placeOf{place.Host.String(), place.Account, place.File, place.Fingerprint}],
		})
	}
	for _, file := range inv.Copies {
		t.row("file", file.Fingerprint, file.Host, map[string]string{
			"path": file.Path, "clear_text": fmt.Sprint(file.Clear), "mode": fmt.Sprintf("%04o", file.Mode), "changed": stamp(file.Modified),
			"findings": t.kinds[placeOf{file.Host.String(), "", file.Path, file.Fingerprint}],
		})
	}
	w.Flush()
	return w.Error()
}

type csvTable struct {
	*view
	kinds map[placeOf]string
	out   *csv.Writer
}

type placeOf struct{ host, account, path, fingerprint string }

func kindsByPlace(inv *lifecycle.Inventory) map[placeOf]string {
	all := map[placeOf][]string{}
	for _, f := range inv.Findings {
		id := placeOf{f.Host.String(), f.Account, f.Path, f.Fingerprint}
		if !slices.Contains(all[id], f.Kind) {
			all[id] = append(all[id], f.Kind)
		}
	}
	joined := map[placeOf]string{}
	for id, kinds := range all {
		joined[id] = strings.Join(kinds, " ")
	}
	return joined
}

func (t *csvTable) row(record, fingerprint string, host lifecycle.Host, cells map[string]string) {
	key := t.keys[fingerprint]
	cells["record"], cells["fingerprint"], cells["host"] = record, fingerprint, host.String()
	cells["type"], cells["source"], cells["owner"] = key.Type, key.Source, t.claimed[fingerprint].Owner
	if key.Bits > 0 {
		cells["bits"] = fmt.Sprint(key.Bits)
	}
	if len(key.Names) > 0 {
		cells["name"] = key.Names[0]
	}
	row := make([]string, len(csvTitles))
	for i, title := range csvTitles {
		row[i] = harmless(cells[title])
	}
	t.write(row)
}

// write leaves errors to the writer, which remembers the first.
func (t *csvTable) write(row []string) { _ = t.out.Write(row) }

// harmless keeps a spreadsheet from computing what a comment says.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
