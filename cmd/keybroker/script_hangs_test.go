package main

import (
	"log/slog"
	"net"
	"os"
)

// hangAtTheEnd is a broker of which a part never ends.
func hangAtTheEnd() {
	d := &daemon{log: slog.New(slog.NewTextHandler(os.Stderr, nil)), listeners: map[string]net.Listener{"agent": endless{}}}
	_ = d.shutdown()
}

// endless cannot be closed.
type endless struct{ net.Listener }

func (endless) Close() error { select {} }
