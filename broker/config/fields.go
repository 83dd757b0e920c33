package config

import (
	"reflect"
	"slices"
	"strings"
)

// maxTypo is how many letters may be wrong for a suggestion.
const maxTypo = 2

// maxFieldName bounds the comparison, whose time grows with the square.
const maxFieldName = 128

// fieldsOf returns the fields of struct type t that TOML can fill, by name.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		fields[name] = f
	}
	return fields
}

// nearest returns the field name that is closest to a mistyped one, or "".
func nearest(typo string, fields map[string]reflect.StructField) string {
	best, fewest := "", maxTypo+1
	for name := range fields {
		d := distance(strings.ToLower(typo), name)
		if d >= len(name) { // nothing in common
			continue
		}
		if d < fewest || d == fewest && name < best {
			best, fewest = name, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of adjacent letters
// between two words (optimal string alignment).
func distance(a, b string) int {
	if len(a) > maxFieldName {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			costs := []int{rows[i-1][j] + 1, rows[i][j-1] + 1, rows[i-1][j-1]}
			if a[i-1] != b[j-1] {
				costs[2]++
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				costs = append(costs, rows[i-2][j-2]+1)
			}
			rows[i][j] = slices.Min(costs)
		}
	}
	return rows[len(a)][len(b)]
}
