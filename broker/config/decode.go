package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFile bounds a configuration file, in bytes. A thousand rules take a tenth of it.
// Reading some other file by mistake should fail quickly.
const maxFile = 1 << 20

// Fault is an error in a configuration file, with its place.
type Fault struct {
	File      string
	Line, Col int // from 1; 0: unknown
	Message   string
}

func (e *Fault) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
}

// decode fills dst, a pointer to a struct, from a TOML document. It is strict: every
// field of the document must exist in dst with exactly its name (the `toml` tag, or
// else the field's name in lower case) and its type. A time.Duration must be a string
// such as "15m". A string whose field has the tag `policy:"nonempty"` must not be empty.
// The error joins one *Fault for each fault, in the order of the file; dst must not be
// used then.
func decode(file string, data []byte, dst any) error {
	if len(data) > maxFile {
		return &Fault{File: file, Message: fmt.Sprintf("the file is larger than %d bytes", maxFile)}
	}
	if err := bounded(file, data); err != nil {
		return err
	}
	var document map[string]any
	if _, err := toml.Decode(string(data), &document); err != nil {
		return libraryError(file, err)
	}
	if faults := walk(document, dst); len(faults) > 0 {
		return place(file, data, faults)
	}
	if _, err := toml.Decode(string(data), dst); err != nil {
		return libraryError(file, err)
	}
	return nil
}

// errorAt adds to err the place of path in the document, such as "confirm.timeout" or
// "rule[2].host" (counted from 0). If path is not in the document, it is the place of
// the table around it.
func errorAt(file string, data []byte, path string, err error) error {
	return place(file, data, []fault{{path: path, message: err.Error()}})
}

// fault is an error at a path of the document.
type fault struct{ path, message string }

func place(file string, data []byte, faults []fault) error {
	found := positions(data)
	list := make([]*Fault, len(faults))
	for i, f := range faults {
		at := find(found, f.path)
		list[i] = &Fault{File: file, Line: at.line, Col: at.col, Message: f.message}
	}
	slices.SortStableFunc(list, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	joined := make([]error, len(list))
	for i, e := range list {
		joined[i] = e
	}
	return errors.Join(joined...)
}

// find looks for the position of path, or else of the nearest table around it. A field
// of an inline table has the position of the table's key, and an array of tables that
// of its first element.
func find(found map[string]position, path string) position {
	for path != "" {
		for _, candidate := range []string{path, element(path, 0)} {
			if at, ok := found[candidate]; ok {
				return at
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return position{}
}

func libraryError(file string, err error) error {
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		return &Fault{File: file, Line: syntax.Position.Line, Col: syntax.Position.Col, Message: syntax.Message}
	}
	return &Fault{File: file, Message: strings.TrimPrefix(err.Error(), "toml: ")}
}
