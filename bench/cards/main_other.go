//go:build !linux || !cgo

// Command cards measures on Linux with cgo only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "cards: it measures on Linux with cgo only")
	os.Exit(1)
}
