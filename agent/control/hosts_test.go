package control

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// An announcement is in force until it is withdrawn, or its program goes.
func TestAnnounceHosts(t *testing.T) {
	b := &broker{withdrawn: make(chan struct{})}
	client, _ := serve(t, b, platform.SameUser)
	withdraw, err := client.AnnounceHosts(t.Context(), []string{"h1", "h2"})
	if err != nil || !slices.Equal(b.announced, []string{"h1", "h2"}) || b.by != os.Getpid() {
		t.Fatalf("%v, %v by %d", err, b.announced, b.by)
	}
	select {
	case <-b.withdrawn:
		t.Error("it ended by itself")
	default:
	}
	withdraw()
	<-b.withdrawn
	b.withdrawn = make(chan struct{})
	if withdraw, err = client.ListFirst(t.Context(), []byte("blob"), "/f.pub"); err != nil || b.first != "blob /f.pub" {
		t.Fatalf("%v, %q", err, b.first)
	}
	withdraw()
	<-b.withdrawn
	b.err = errors.New("not from here")
	if _, err := client.AnnounceHosts(t.Context(), nil); err == nil || err.Error() != "not from here" {
		t.Errorf("%v", err)
	}
}
