package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

var (
	durationType  = reflect.TypeFor[time.Duration]()
	primitiveType = reflect.TypeFor[toml.Primitive]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
	tomlType      = reflect.TypeFor[toml.Unmarshaler]()
)

// walker compares a parsed document with the type that it will be decoded to. The TOML
// library alone is not strict enough: it accepts "Host" for "host" (and a random one of
// the two if both are there), and 15 as a duration of 15 nanoseconds.
type walker struct{ faults []fault }

func walk(document map[string]any, dst any) []fault {
	var w walker
	w.visit("", document, reflect.TypeOf(dst), "")
	return w.faults
}

func (w *walker) fault(path, format string, args ...any) {
	w.faults = append(w.faults, fault{path, fmt.Sprintf(format, args...)})
}

func (w *walker) visit(path string, value any, t reflect.Type, tag reflect.StructTag) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pointer := reflect.PointerTo(t)
	switch {
	case t == primitiveType || t.Kind() == reflect.Interface || pointer.Implements(tomlType):
	case t == durationType:
		w.duration(path, value)
	case pointer.Implements(textType):
		w.text(path, value, t)
	case t.Kind() == reflect.Struct:
		w.table(path, value, t)
	case t.Kind() == reflect.Map:
		for key, v := range w.asTable(path, value) {
			w.visit(join(path, key), v, t.Elem(), "")
		}
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		w.array(path, value, t)
	default:
		w.scalar(path, value, t, tag)
	}
}

func (w *walker) asTable(path string, value any) map[string]any {
	table, ok := value.(map[string]any)
	if !ok {
		w.fault(path, "%s must be a table, not %s", last(path), kindOf(value))
	}
	return table
}

func (w *walker) table(path string, value any, t reflect.Type) {
	fields := fieldsOf(t)
	for key, v := range w.asTable(path, value) {
		at := join(path, key)
		if f, ok := fields[key]; ok {
			w.visit(at, v, f.Type, f.Tag)
			continue
		}
		w.fault(at, "%s", unknown(path, key, v, fields))
	}
}

func unknown(path, key string, value any, fields map[string]reflect.StructField) string {
	what := fmt.Sprintf("unknown field %q", key)
	if _, ok := value.(map[string]any); ok {
		what = fmt.Sprintf("unknown table [%s]", join(path, key))
	} else if _, ok := value.([]map[string]any); ok {
		what = fmt.Sprintf("unknown table [[%s]]", join(path, key))
	} else if path != "" {
		what += " in " + label(path)
	}
	if near := nearest(key, fields); near != "" {
		what += fmt.Sprintf("; did you mean %q?", near)
	}
	return what
}

// label turns "rule[2]" into "[[rule]]" and "confirm" into "[confirm]".
func label(path string) string {
	if name, _, ok := strings.Cut(path, "["); ok {
		return "[[" + name + "]]"
	}
	return "[" + path + "]"
}

func (w *walker) array(path string, value any, t reflect.Type) {
	list := reflect.ValueOf(value)
	if list.Kind() == reflect.Slice {
		for i := range list.Len() {
			w.visit(element(path, i), list.Index(i).Interface(), t.Elem(), "")
		}
		return
	}
	if list.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct {
		w.fault(path, "[%s] must be an array of tables: write [[%s]]", path, path)
		return
	}
	w.fault(path, "%s must be an array, not %s", last(path), kindOf(value))
}

func (w *walker) duration(path string, value any) {
	text, ok := value.(string)
	if !ok {
		w.fault(path, `%s must be a duration in quotes such as "15m", not %s`, last(path), kindOf(value))
		return
	}
	if _, err := time.ParseDuration(text); err != nil {
		w.fault(path, `%s: bad duration %q: write a number and a unit such as "90s", "15m" or "8h"`, last(path), text)
	}
}

func (w *walker) text(path string, value any, t reflect.Type) {
	if reflect.TypeOf(value) == t { // a date for a time.Time
		return
	}
	text, ok := value.(string)
	if !ok {
		w.fault(path, "%s must be a string, not %s", last(path), kindOf(value))
		return
	}
	if err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		w.fault(path, "%s: %s", last(path), err)
	}
}

func (w *walker) scalar(path string, value any, t reflect.Type, tag reflect.StructTag) {
	switch want := kindName(t.Kind()); {
	case want != kindOf(value):
		w.fault(path, "%s must be %s, not %s", last(path), want, kindOf(value))
	case value == "" && tag.Get("policy") == "nonempty":
		w.fault(path, "%s is empty: leave the line out", last(path))
	}
}

func last(path string) string { return path[strings.LastIndex(path, ".")+1:] }

func kindName(k reflect.Kind) string {
	switch {
	case k == reflect.String:
		return "a string"
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number"
	}
	return "a number with a fraction"
}

func kindOf(value any) string {
	switch value.(type) {
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "an array"
	}
	return kindName(reflect.TypeOf(value).Kind())
}
