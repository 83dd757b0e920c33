package main

import (
	"bytes"
	"debug/pe"
	"os"
	"path/filepath"
	"testing"
)

// What is checked in is what this program writes, and a COFF file.
func TestObjects(t *testing.T) {
	for arch, m := range machines {
		file := filepath.Join("../../../cmd/keybroker-desktop", name(arch))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, object(m)) {
			t.Errorf("%s is out of date: go run ./packaging/windows/manifest cmd/keybroker-desktop", file)
		}
		f, err := pe.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		section := f.Section(".rsrc")
		if section == nil || len(section.Relocs) != 1 || section.Relocs[0].VirtualAddress != dataEntry || f.Machine != m.number {
			t.Fatalf("%s: %+v", arch, section)
		}
		if content, err := section.Data(); err != nil || !bytes.Contains(content, manifest) {
			t.Errorf("%s: %v", arch, err)
		}
	}
}
