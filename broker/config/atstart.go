package config

import (
	"reflect"
	"slices"
)

// atReload are the settings that a reload reads, and those that the broker never
// reads. The others are read only at its start. A reload also reads what a [[socket]] shows.
var atReload = []string{"rule", "confirm.remember", "tray.notify", "lifecycle.require", "audit.checkpoint_key", "forge"}

// ReadAtStart names the settings that are read only at start and differ in fresh, as
// "table.field" or as the name of an array of tables.
func (c *Config) ReadAtStart(fresh Config) []string {
	return slices.DeleteFunc(differing("", reflect.ValueOf(started(*c)), reflect.ValueOf(started(fresh))), func(path string) bool {
		return slices.Contains(atReload, path)
	})
}

// started is a config without the fields of its sockets that a reload reads.
func started(c Config) Config {
	var sockets []Socket
	for _, s := range c.Sockets {
		sockets = append(sockets, Socket{Name: s.Name, Path: s.Path})
	}
	c.Sockets = sockets
	return c
}

func differing(prefix string, a, b reflect.Value) (paths []string) {
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("toml")
		switch {
		case name == "", name == "-":
		case a.Field(i).Kind() == reflect.Struct:
			paths = append(paths, differing(prefix+name+".", a.Field(i), b.Field(i))...)
		case a.Field(i).Kind() == reflect.Slice && a.Field(i).Len() == 0 && b.Field(i).Len() == 0: // one of them is nil
		case !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()):
			paths = append(paths, prefix+name)
		}
	}
	return paths
}
