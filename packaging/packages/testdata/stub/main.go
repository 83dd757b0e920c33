// Command stub stands in for keybroker where packages are tested: it writes pages and
// completions, and is built in a moment.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/ebitengine/purego" // links libc, as keybroker does
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "man" {
		for _, name := range []string{"keybroker.1", "keybroker-desktop.1", "keybroker-lifecycle.1", "keybroker-config.5", "keybroker-policy.5"} {
			program := name[:len(name)-2]
			page := fmt.Sprintf(".TH %s %s \"\" \"keybroker\" \"keybroker\"\n.SH NAME\n%s \\- stands in\n", program, name[len(name)-1:], program)
			if err := os.WriteFile(filepath.Join(os.Args[2], name), []byte(page), 0o644); err != nil {
				panic(err)
			}
		}
		return
	}
	fmt.Println("#", os.Args[1:])
}
