// Command manifest writes the objects that put the application manifest into
// keybroker-desktop.exe: the go command links each rsrc_windows_ARCH.syso that
// lies beside the program's files. Without a manifest Windows takes the common
// controls of version 5, which have no task dialogs.
//
//	go run ./packaging/windows/manifest cmd/keybroker-desktop
package main

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed keybroker-desktop.manifest
var manifest []byte

// machine is a processor in a COFF file: its number, and that of the relocation
// that is an address from the beginning of the image (PE Format, "COFF Relocations").
type machine struct{ number, relativeAddress uint16 }

var machines = map[string]machine{
	"amd64": {0x8664, 0x0003},
	"arm64": {0xaa64, 0x0002},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manifest DIRECTORY")
		os.Exit(2)
	}
	for arch, m := range machines {
		if err := os.WriteFile(filepath.Join(os.Args[1], name(arch)), object(m), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func name(arch string) string { return "rsrc_windows_" + arch + ".syso" }

// object is a COFF file of one section, .rsrc.
func object(m machine) []byte {
	const headers, relocation = 20 + 40, 10
	data := resources()
	end := uint32(headers + len(data))
	var out bytes.Buffer
	put := func(fields ...any) {
		for _, field := range fields {
			_ = binary.Write(&out, binary.LittleEndian, field) // a buffer takes everything
		}
	}
	section := [8]byte{'.', 'r', 's', 'r', 'c'}
	put(m.number, uint16(1), uint32(0), end+relocation, uint32(1), uint16(0), uint16(0)) // IMAGE_FILE_HEADER
	put(section, uint32(0), uint32(0), uint32(len(data)), uint32(headers), end, uint32(0), uint16(1), uint16(0),
		uint32(0x40000040)) // IMAGE_SECTION_HEADER: initialized data, can be read
	put(data)
	put(uint32(dataEntry), uint32(0), m.relativeAddress)              // IMAGE_RELOCATION of the one address
	put(section, uint32(0), uint16(1), uint16(0), uint8(3), uint8(0)) // IMAGE_SYMBOL: static
	put(uint32(4))                                                    // the table of strings is empty
	return out.Bytes()
}

// Where the parts of the resource tree begin (PE Format, "The .rsrc Section").
const (
	directory = 16 + 8 // with one entry
	dataEntry = 3 * directory
	content   = dataEntry + 16
)

// resources is the tree: type, name, language, and the manifest itself.
func resources() []byte {
	const rtManifest, first, english = 24, 1, 0x0409
	var out bytes.Buffer
	put := func(fields ...any) {
		for _, field := range fields {
			_ = binary.Write(&out, binary.LittleEndian, field)
		}
	}
	level := func(id, next uint32) { put(uint32(0), uint32(0), uint32(0), uint16(0), uint16(1), id, next) }
	const subdirectory = 1 << 31
	level(rtManifest, subdirectory|directory)
	level(first, subdirectory|2*directory)
	level(english, dataEntry)
	put(uint32(content), uint32(len(manifest)), uint32(0), uint32(0))
	out.Write(manifest)
	for out.Len()%8 != 0 {
		out.WriteByte(0)
	}
	return out.Bytes()
}
