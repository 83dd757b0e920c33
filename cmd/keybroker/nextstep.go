package main

import (
	"fmt"
	"io"
)

// sayNextStep tells what to do with the public key that was just printed. It
// goes to standard error, since the key itself is often redirected to a file.
func sayNextStep(w io.Writer, key string) {
	fmt.Fprintf(w, `
That line goes into ~/.ssh/authorized_keys on a host, or to your forge as an SSH key.
To sign git commits with it: %s keys git %s
`, self(), key)
}
