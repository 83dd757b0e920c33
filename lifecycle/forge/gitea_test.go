package forge

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestRealGitea runs against a real Gitea or Forgejo: KEYBROKER_GITEA_URL is its address,
// and KEYBROKER_GITEA_TOKEN a file with a token (scope write:user) of an account without keys.
// The module code.gitea.io/gitea@v1.26.0 builds one, in its own directory: go build -tags
// "sqlite sqlite_unlock_notify"; it needs a C compiler, and its options, templates and public.
func TestRealGitea(t *testing.T) {
	address, file := os.Getenv("KEYBROKER_GITEA_URL"), os.Getenv("KEYBROKER_GITEA_TOKEN")
	if address == "" {
		t.Skip("KEYBROKER_GITEA_URL names no Gitea")
	}
	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Gitea, address, strings.TrimSpace(string(secret)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := f.Add(t.Context(), "work", added, time.Time{})
	if err != nil || key.Line != added {
		t.Fatalf("%+v, %v", key, err)
	}
	list, err := f.List(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != key.ID || list[0].Fingerprint != key.Fingerprint || list[0].Title != "work" || list[0].Added.IsZero() || !list[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := f.Add(t.Context(), "again", added, time.Time{}); err == nil || !strings.Contains(err.Error(), "422") {
		t.Errorf("a key that is there: %v", err)
	}
	if err := f.Delete(t.Context(), key.ID); err != nil {
		t.Error(err)
	}
	if err := f.Delete(t.Context(), key.ID); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a key that is gone: %v", err)
	}
	if list, err := f.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	wrong, err := New(Gitea, address, "0123456789012345678901234567890123456789")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.List(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong token: %v", err)
	}
}
