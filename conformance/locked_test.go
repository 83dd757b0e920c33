//go:build unix

package conformance

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
)

// stuck is the agent of a person, which locks and then unlocks no more.
type stuck struct {
	mu         sync.Mutex // guards passphrase
	passphrase string
}

func (s *stuck) Dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go s.serve(ours)
	return theirs, nil
}

func (s *stuck) serve(conn net.Conn) {
	defer conn.Close()
	for request := readFrame(conn); request != nil; request = readFrame(conn) {
		reply := []byte{replyFailure}
		if request[0] == lockAgent {
			s.mu.Lock()
			if s.passphrase == "" {
				f := fields{rest: request[1:]}
				s.passphrase, reply = string(f.str()), []byte{replySuccess}
			}
			s.mu.Unlock()
		}
		if _, err := conn.Write(frame(reply)); err != nil {
			return
		}
	}
}

func (*stuck) Disposable() bool            { return false }
func (*stuck) Fresh(context.Context) error { return nil }
func (*stuck) Confirm(bool) bool           { return false }

// Whose agent stays locked is told the passphrase.
func TestThePassphraseOfALockedAgentIsTold(t *testing.T) {
	agent := new(stuck)
	var rules []Rule
	for _, rule := range lockRules {
		if rule.Name == "locked-again" {
			rules = append(rules, rule)
		}
	}
	results, err := Run(t.Context(), agent, rules, Options{May: Destroys, Patience: testPatience})
	if err != nil || len(results) != 1 || results[0].Status != Fail || agent.passphrase == "" || !strings.Contains(results[0].Detail, agent.passphrase) {
		t.Errorf("%+v, %v", results, err)
	}
}
