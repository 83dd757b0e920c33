package admin

import (
	"encoding/json"
	"io"
	"os"
	"os/signal"

	"github.com/keybroker/keybroker/platform"
)

// Serve is what the helper's process does: it reads one request from in, does
// it, writes the Answer to out as JSON, and the process ends. It hardens the
// process before it reads, and is not interrupted by Ctrl-C: what was begun on
// a card is finished.
func Serve(in io.Reader, out io.Writer) error {
	if _, err := platform.Harden(); err != nil {
		return err
	}
	signal.Ignore(os.Interrupt)
	var wipe []func()
	defer func() {
		for _, free := range wipe {
			free()
		}
	}()
	request, err := readRequest(in, func(n int) []byte {
		secret, free := platform.LockedAlloc(n)
		wipe = append(wipe, free)
		return secret
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(perform(request))
}
