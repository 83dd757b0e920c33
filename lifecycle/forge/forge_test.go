package forge

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const token = "s3cret-token"

// The answers are those of testdata/README.md. The server keeps keys, as a forge does.
func standIn(t *testing.T, kind Kind, sent map[Kind]string) (*httptest.Server, *[]map[string]any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", string(kind)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []map[string]any
	if err := json.Unmarshal(data, &kept); err != nil {
		t.Fatal(err)
	}
	prefix := map[Kind]string{GitHub: "/api/v3", GitLab: "/api/v4", Gitea: "/api/v1"}[kind] + "/user/keys"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		if kind == GitLab {
			header = r.Header.Get("PRIVATE-TOKEN")
		}
		if header != sent[kind] {
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"message":"bad token ` + token + `"}`))
			return
		}
		id, one := strings.CutPrefix(r.URL.Path, prefix+"/")
		switch {
		case r.Method == http.MethodGet && r.URL.Path == prefix:
			json.NewEncoder(w).Encode(kept)
		case r.Method == http.MethodPost && r.URL.Path == prefix:
			var key map[string]any
			json.NewDecoder(r.Body).Decode(&key)
			key["id"] = 77
			kept = append(kept, key)
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(key)
		case r.Method == http.MethodDelete && one && id == "77":
			kept = kept[:len(kept)-1]
			w.WriteHeader(http.StatusNoContent)
		default:
			http.Error(w, `{"message":"404 Not found"}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server, &kept
}

var header = map[Kind]string{GitHub: "Bearer " + token, GitLab: token, Gitea: "token " + token}

const added = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII1rGEH3fPUtc8qIk3TrS4wZVzc2+yda7aMceCNwY3iG"

func TestForges(t *testing.T) {
	for _, kind := range []Kind{GitHub, GitLab, Gitea} {
		server, kept := standIn(t, kind, header)
		f, err := New(kind, server.URL, token)
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.List(t.Context())
		if err != nil || len(list) != len(*kept) || len(list) == 0 {
			t.Fatalf("%s: %+v, %v", kind, list, err)
		}
		for _, key := range list {
			if !strings.HasPrefix(key.Fingerprint, "SHA256:") || key.ID == "0" || key.Added.IsZero() {
				t.Errorf("%s: %+v", kind, key)
			}
		}
		if used := list[0].LastUsed; used.IsZero() != (kind == GitHub) {
			t.Errorf("%s: last used %v", kind, used)
		}
		key, err := f.Add(t.Context(), "work", added, time.Time{})
		if err != nil || key.ID != "77" || key.Line != added {
			t.Errorf("%s: %+v, %v", kind, key, err)
		}
		if err := f.Delete(t.Context(), "77"); err != nil || len(*kept) != len(list) {
			t.Errorf("%s: %v", kind, err)
		}
		if err := f.Delete(t.Context(), "99"); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("%s: %v", kind, err)
		}
		if err := f.Delete(t.Context(), "../../user"); err == nil {
			t.Errorf("%s: a path is taken as a number", kind)
		}
	}
}

// The token goes to the address that was given, over TLS, and into no error.
func TestTokenStaysWhereItBelongs(t *testing.T) {
	for _, address := range []string{"http://git.example.com", "ftp://git.example.com", "git.example.com", "https://user@git.example.com", "http://localhost.example.com", ""} {
		if _, err := New(Gitea, address, token); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := New(GitHub, "", token); err != nil {
		t.Error(err)
	}
	server, _ := standIn(t, Gitea, map[Kind]string{Gitea: "token other"})
	f, err := New(Gitea, server.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.List(t.Context()); err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "401") {
		t.Errorf("%v", err)
	}
	for _, said := range []string{"401 " + token + " \x1b[2J\r\nContent-Length: 0\r\n\r\n", "200 OK\r\nContent-Length: 31\r\n\r\n" + `[{"created_at":"` + token + `"}]`} {
		hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Write([]byte("HTTP/1.1 " + said))
			conn.Close()
		}))
		defer hostile.Close()
		if f, err = New(Gitea, hostile.URL, token); err != nil {
			t.Fatal(err)
		}
		if _, err := f.List(t.Context()); err == nil || strings.Contains(err.Error(), token) || strings.ContainsRune(err.Error(), 0x1b) || !strings.Contains(err.Error(), "…") {
			t.Errorf("%.3s: %v", said, err)
		}
	}
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	away := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	f, err = New(Gitea, away.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.List(t.Context()); err == nil || !strings.Contains(err.Error(), errRedirect.Error()) || reached {
		t.Errorf("%v, %v", err, reached)
	}
}
