package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
)

// Digest returns the SHA-256, in hex, of everything that influences a decision.
// The rules' positions in their files do not: a new comment changes nothing.
func (rs *Rules) Digest() string {
	if rs == nil {
		return ""
	}
	content := struct {
		Rules   []Rule
		Machine int
		Options Options
		Views   []View
	}{Machine: rs.machine, Options: rs.options}
	for _, r := range rs.rules {
		plain := r.Rule
		plain.File, plain.Line = "", 0
		content.Rules = append(content.Rules, plain)
	}
	for _, name := range slices.Sorted(maps.Keys(rs.views)) {
		content.Views = append(content.Views, rs.views[name].View)
	}
	text, err := json.Marshal(content)
	if err != nil { // impossible with these types
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
