// Package forgetest is a stand-in for GitHub, GitLab and Gitea: a server with the SSH
// keys of one account. What real forges answer is in lifecycle/forge/testdata.
package forgetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Token is what the forge asks for.
const Token = "s3cret-forge-token"

// Forge is a forge at URL. Close ends it.
type Forge struct {
	*httptest.Server

	mu     sync.Mutex // guards what follows
	next   int        // number of the next key
	keys   []map[string]any
	keeps  bool
	failed bool
}

// Start starts a forge without keys. The first one that is added has the number 7.
func Start() *Forge {
	f := &Forge{next: 7}
	mux := http.NewServeMux()
	for _, prefix := range []string{"/api/v1", "/api/v3", "/api/v4"} { // Gitea, GitHub, GitLab
		mux.HandleFunc("GET "+prefix+"/user/keys", f.list)
		mux.HandleFunc("POST "+prefix+"/user/keys", f.add)
		mux.HandleFunc("DELETE "+prefix+"/user/keys/{id}", f.remove)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case !strings.HasSuffix(r.Header.Get("Authorization"), " "+Token) && r.Header.Get("PRIVATE-TOKEN") != Token:
			http.Error(w, `{"message":"token is required"}`, http.StatusUnauthorized)
		case f.failed:
			http.Error(w, `{"message":"down for maintenance"}`, http.StatusServiceUnavailable)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	return f
}

// KeepKeys makes the forge say that it deletes keys, and keep them.
func (f *Forge) KeepKeys(keeps bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keeps = keeps
}

// Fail makes the forge refuse every request.
func (f *Forge) Fail(failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = failed
}

// Keys are the lines of the keys that the account has now, with their titles.
func (f *Forge) Keys() (lines []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range f.keys {
		line, _ := key["key"].(string)
		title, _ := key["title"].(string)
		lines = append(lines, line+" "+title)
	}
	return lines
}

// Add adds a key as its owner would on the forge's page. expires is RFC 3339; "": never.
func (f *Forge) Add(title, line, expires string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := map[string]any{"title": title, "key": line}
	if expires != "" {
		key["expires_at"] = expires
	}
	f.keep(key)
}

func (f *Forge) keep(key map[string]any) {
	key["id"], key["created_at"], key["last_used_at"] = f.next, "2026-11-20T10:00:00Z", "2026-11-22T10:00:00Z"
	f.keys = append(f.keys, key)
	f.next++
}

func (f *Forge) list(w http.ResponseWriter, _ *http.Request) {
	json.NewEncoder(w).Encode(append([]map[string]any{}, f.keys...))
}

// add refuses a key that the account has, as all three do.
func (f *Forge) add(w http.ResponseWriter, r *http.Request) {
	var key map[string]any
	json.NewDecoder(r.Body).Decode(&key)
	if slices.ContainsFunc(f.keys, func(k map[string]any) bool { return k["key"] == key["key"] }) {
		http.Error(w, `{"message":"Key content has been used as non-deploy key"}`, http.StatusUnprocessableEntity)
		return
	}
	f.keep(key)
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(key)
}

func (f *Forge) remove(w http.ResponseWriter, r *http.Request) {
	at := slices.IndexFunc(f.keys, func(k map[string]any) bool { return strconv.Itoa(k["id"].(int)) == r.PathValue("id") })
	if at < 0 {
		http.Error(w, `{"message":"404 Not found"}`, http.StatusNotFound)
		return
	}
	if !f.keeps {
		f.keys = slices.Delete(f.keys, at, at+1)
	}
	w.WriteHeader(http.StatusNoContent)
}
