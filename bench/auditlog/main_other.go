//go:build !linux

// Command auditlog measures on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "auditlog: it measures on Linux only")
	os.Exit(1)
}
