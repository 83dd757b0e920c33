package platform

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile maps a private page of a fresh file.
func mapFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page, err := unix.Mmap(int(file.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(page) })
	return page
}

func readOnly(t *testing.T, page []byte) {
	t.Helper()
	if err := unix.Mprotect(page, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
}

// A page that was written before it became read-only, as a dynamic linker does, must not
// become the file's again.
func TestGiveBackKeepsWhatWasChanged(t *testing.T) {
	page := mapFile(t)
	page[0] = 7
	readOnly(t, page)
	GiveBack()
	if page[0] != 7 {
		t.Error("the change is lost")
	}
}

func TestGiveBackUnmapsWhatIsTheFiles(t *testing.T) {
	page := mapFile(t)
	readOnly(t, page)
	if page[0] != 0 { // reads it, so that it is mapped
		t.Fatal("the file has another content")
	}
	if !mapped(t, page) {
		t.Fatal("the page was read and is not mapped")
	}
	GiveBack()
	if mapped(t, page) {
		t.Error("the page is still mapped")
	}
}

// mapped tells by proc_pid_pagemap(5) whether this process has the page in its table.
func mapped(t *testing.T, page []byte) bool {
	t.Helper()
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Fatal(err)
	}
	defer pagemap.Close()
	var entry [8]byte
	at := int64(uintptr(unsafe.Pointer(&page[0]))) / int64(os.Getpagesize()) * 8
	if _, err := pagemap.ReadAt(entry[:], at); err != nil {
		t.Fatal(err)
	}
	return entry[7]&0x80 != 0
}
