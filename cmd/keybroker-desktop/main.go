// Command keybroker-desktop draws keybroker's windows and tray icon. It is a separate
// program, so that the one that holds keys links no GUI code.
package main

import (
	"fmt"
	"os"

	programversion "github.com/keybroker/keybroker/cli/version"
)

var version = programversion.String()

// parts are the subcommands. Each returns its exit code.
var parts = map[string]func(args []string) int{
	"tray":    showTray,
	"prompt":  prompt,
	"version": printVersion,
}

// printVersion is for keybroker doctor, which compares it with its own.
func printVersion([]string) int {
	fmt.Println(version)
	return 0
}

func main() {
	if len(os.Args) > 1 {
		if part := parts[os.Args[1]]; part != nil {
			os.Exit(part(os.Args[2:]))
		}
	}
	fmt.Fprintln(os.Stderr, "keybroker-desktop is started by keybroker; see: keybroker daemon --help")
	os.Exit(2)
}
