//go:build linux

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// forgeToken is what the stand-in for a forge asks for.
const forgeToken = "s3cret-forge-token"

// cmdForge is "forge": a stand-in for Gitea with the keys of one account, at $FORGE. What
// a real Gitea answers is in lifecycle/forge/testdata.
func cmdForge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: forge")
	}
	f := &forgeStandIn{keys: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/user/keys", f.list)
	mux.HandleFunc("POST /api/v1/user/keys", f.add)
	mux.HandleFunc("DELETE /api/v1/user/keys/{id}", f.remove)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "token "+forgeToken {
			http.Error(w, `{"message":"token is required"}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	rigOf(ts).onEnd(server.Close)
	ts.Setenv("FORGE", server.URL)
}

type forgeStandIn struct {
	mu   sync.Mutex // guards keys
	keys map[string]map[string]any
}

func (f *forgeStandIn) list(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []map[string]any{}
	for _, key := range f.keys {
		all = append(all, key)
	}
	json.NewEncoder(w).Encode(all)
}

func (f *forgeStandIn) add(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var key map[string]any
	json.NewDecoder(r.Body).Decode(&key)
	key["id"], key["created_at"], key["last_used_at"] = 7, "2026-11-20T10:00:00Z", "2026-11-22T10:00:00Z"
	f.keys["7"] = key
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(key)
}

func (f *forgeStandIn) remove(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}
