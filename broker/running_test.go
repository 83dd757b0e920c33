//go:build unix

package broker

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
)

// A broker that was started before an upgrade does not know a request, or answers in
// another form.
func TestUnclearAnswersNameTheOtherVersion(t *testing.T) {
	c := &config.Config{Paths: platform.Paths{ControlSocket: filepath.Join(t.TempDir(), "control.sock")}}
	listener, err := net.Listen("unix", c.Paths.ControlSocket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(control.Status{Version: "1.0", PID: 4711})
	})
	mux.HandleFunc("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"a":1}`)) })
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	for own, named := range map[string]bool{"1.1": true, "1.0": false} {
		client := ClientOf(c, own)
		_, keysErr := client.Keys(t.Context())
		for what, err := range map[string]error{"unknown request": client.Pause(t.Context()), "other answer": keysErr} {
			const want = "the broker is version 1.0, this command 1.1; restart it after an upgrade"
			if err == nil || strings.Contains(err.Error(), want) != named || strings.Contains(platform.Text(err), StartAgain(4711)) != named {
				t.Errorf("%s by %s: %v", what, own, err)
			}
		}
	}
}
