package control

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

func TestApprove(t *testing.T) {
	b := new(broker)
	c, _ := serve(t, b, platform.SameUser)
	answered := 0
	err := c.Approve(t.Context(), func() { answered++ })
	if err == nil || err.Error() != "ended\nstart it again" || answered != 1 || b.by != os.Getpid() {
		t.Errorf("%v, answered %d times, asked for by %d", err, answered, b.by)
	}
	b.err = errors.New("no")
	err = c.Approve(t.Context(), func() { answered++ })
	if err == nil || err.Error() != "no" || answered != 1 {
		t.Errorf("refused: %v, answered %d times", err, answered)
	}
}

// Approve ends when its client does.
func TestApproveLastsAsLongAsItsConnection(t *testing.T) {
	b := &broker{watched: make(chan bool)}
	c, _ := serve(t, b, platform.SameUser)
	ctx, cancel := context.WithCancel(t.Context())
	answers, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- c.Approve(ctx, func() { close(answers) }) }()
	<-answers
	cancel()
	<-b.watched
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
