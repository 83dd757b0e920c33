package agent

import (
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/ssh/agent"
)

// A request may arrive in pieces, and more than one may come.
func TestTurnAway(t *testing.T) {
	ours, theirs := net.Pipe()
	over := make(chan struct{})
	go func() { TurnAway(ours); close(over) }()
	client := agent.NewClient(theirs)
	for range 2 {
		if _, err := client.List(); err == nil || err == io.EOF {
			t.Errorf("the list: %v", err)
		}
	}
	theirs.Close()
	<-over
}
