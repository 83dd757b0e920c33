package admin

import (
	"encoding/json"
	"io"
	"os"
	"os/signal"

	"github.com/keybroker/keybroker/platform"
)

// Serve is the main function of the helper's process: it reads one request from
// in, performs it and writes the Answer to out as JSON. It hardens the process
// before it reads. It ignores Ctrl-C, so that an operation on the card is not cut
// short.
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
