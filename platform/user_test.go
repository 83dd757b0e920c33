package platform

import "testing"

func TestSameUser(t *testing.T) {
	for user, want := range map[string]bool{
		currentUser(): true, administrator: true, "": false, "12345678": false, currentUser() + "1": false,
	} {
		if got := SameUser(Peer{User: user, Identified: true}); got != want {
			t.Errorf("user %q: %v; want %v", user, got, want)
		}
	}
}
