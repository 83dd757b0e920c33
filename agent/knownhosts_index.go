package agent

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/keybroker/keybroker/keys/publickey"
)

// lineIndex finds the lines of a known_hosts file that may have a key. It is sorted by the
// hashes of the keys, and with the same hash by the lines' order.
type lineIndex struct {
	seed    maphash.Seed
	entries []lineEntry
}

type lineEntry struct {
	hash       uint64 // of the key's blob
	at, number uint32 // where the line begins, and its number from 1
}

// indexLines decodes the keys and parses none, except behind a marker: a line that revokes
// a key must be found in every form in which the key can be written.
func indexLines(text []byte) lineIndex {
	index := lineIndex{seed: maphash.MakeSeed()}
	blob := make([]byte, 0, 1024)
	at, number := 0, 0
	for line := range bytes.Lines(text) {
		number++
		if key, ok := keyOfLine(blob, line); ok {
			index.entries = append(index.entries, lineEntry{maphash.Bytes(index.seed, key), uint32(at), uint32(number)})
		}
		at += len(line)
	}
	slices.SortStableFunc(index.entries, func(a, b lineEntry) int { return cmp.Compare(a.hash, b.hash) })
	return index
}

// keyOfLine returns the blob of a line's key, in buf if it fits there.
func keyOfLine(buf, line []byte) ([]byte, bool) {
	line = publickey.Trim(line)
	if len(line) == 0 || line[0] == '#' {
		return nil, false
	}
	if line[0] == '@' {
		_, _, key, err := publickey.ParseHostLine(line)
		if err != nil {
			return nil, false
		}
		return key.Marshal(), true
	}
	_, line = publickey.CutField(line) // the hosts
	_, line = publickey.CutField(line) // the type
	encoded, _ := publickey.CutField(line)
	blob, err := base64.StdEncoding.AppendDecode(buf[:0], encoded)
	return blob, err == nil && len(blob) > 0
}

// lines returns the lines that may have a key, with their numbers, in their order.
func (x lineIndex) lines(text, blob []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if len(x.entries) == 0 {
			return
		}
		hash := maphash.Bytes(x.seed, blob)
		i, _ := slices.BinarySearchFunc(x.entries, hash, func(e lineEntry, hash uint64) int { return cmp.Compare(e.hash, hash) })
		for ; i < len(x.entries) && x.entries[i].hash == hash; i++ {
			line, _, _ := bytes.Cut(text[x.entries[i].at:], []byte("\n"))
			if !yield(int(x.entries[i].number), line) {
				return
			}
		}
	}
}
