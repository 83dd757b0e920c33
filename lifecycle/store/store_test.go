package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/store/postgrestest"
	"github.com/keybroker/keybroker/problem"
)

// onBoth runs a test on a new file, and on a new database of a real PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, where string)) {
	t.Run("file", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "state", "lifecycle.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgrestest.Start(t, "fsync=off").Database(t, "keys")) })
}

func open(t testing.TB, where string) *Store {
	t.Helper()
	s, err := Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func key(name string) lifecycle.Key {
	blob := []byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + name)
	digest := sha256.Sum256(blob)
	return lifecycle.Key{Fingerprint: "SHA256:" + base64.RawStdEncoding.EncodeToString(digest[:]), Type: "ssh-ed25519", Bits: 256, Blob: blob, Names: []string{name}}
}

var (
	monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	web1   = lifecycle.Host{Key: "SHA256:web1", Name: "web1", Port: 22, Addresses: []string{"10.0.0.1"}}
	web2   = lifecycle.Host{Name: "web2"}
	anna   = key("anna")
	bob    = key("bob")
)

func place(host lifecycle.Host, account string, line int, key lifecycle.Key, options ...string) lifecycle.Place {
	return lifecycle.Place{Host: host, Account: account, File: ".ssh/authorized_keys", Line: line, Fingerprint: key.Fingerprint,
		Options: options, Comment: key.Names[0], FileTime: monday.Add(-time.Hour)}
}

func first() lifecycle.Inventory {
	return lifecycle.Inventory{
		Taken: monday, Machine: "laptop", User: "anna", Keys: []lifecycle.Key{anna, bob},
		Hosts:    []lifecycle.Host{{}, web1, web2},
		Accounts: []lifecycle.Account{{Host: web1, Name: "anna"}, {Host: web1, Name: "root"}},
		Places: []lifecycle.Place{place(web1, "anna", 1, anna), place(web1, "anna", 2, anna), place(web1, "anna", 3, bob, `from="10.0.0.0/8,\"x\""`, "restrict"),
			place(web2, "anna", 1, bob)},
		Copies: []lifecycle.Copy{{Path: "/home/anna/.ssh/id_ed25519", Fingerprint: anna.Fingerprint, Format: "OpenSSH", Clear: true, Mode: 0o600, Modified: monday},
			{Path: "/home/anna/.ssh/sealed", Format: "PEM", Mode: 0o644, Modified: monday}},
		Sightings: []lifecycle.Sighting{{Source: lifecycle.FromServer, Fingerprint: anna.Fingerprint, Host: web1, Account: "anna", From: "10.0.4.7", First: monday.Add(-2 * time.Hour), Last: monday.Add(-time.Hour), Count: 3}},
		Watches:   []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: monday.Add(-48 * time.Hour), Until: monday}},
		Claims:    []lifecycle.Claim{{Fingerprint: anna.Fingerprint, Owner: "Anna", Purpose: "work", Expires: monday.AddDate(1, 0, 0)}},
		Unseen:    []lifecycle.Unseen{{Host: web2, What: "log", Why: "not readable"}},
		Findings:  []lifecycle.Finding{{Kind: "clear-private-key", Row: 10, Severity: lifecycle.Serious, Path: "/home/anna/.ssh/id_ed25519", What: "it is not encrypted"}},
	}
}

func save(t testing.TB, s *Store, inventory lifecycle.Inventory) {
	t.Helper()
	if err := s.SaveInventory(t.Context(), inventory); err != nil {
		t.Fatal(err)
	}
}

func last(t testing.TB, s *Store) lifecycle.Inventory {
	t.Helper()
	got, err := s.LastInventory(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestInventoryComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		if _, err := s.LastInventory(t.Context(), "", ""); !errors.Is(err, ErrNone) {
			t.Errorf("an empty store says %v", err)
		}
		save(t, s, first())
		s.Close()
		got := last(t, open(t, where))
		want := first()
		want.Accounts = append(want.Accounts, lifecycle.Account{Host: web2, Name: "anna"})
		for n := range want.Places {
			want.Places[n].FirstSeen = monday
		}
		if !reflect.DeepEqual(got, want) {
			g, _ := json.MarshalIndent(got, "", " ")
			w, _ := json.MarshalIndent(want, "", " ")
			t.Errorf("got %s\nwant %s", g, w)
		}
	})
}

// Keys of which nothing is known but where they are come back from their rows.
func TestKeysOfCollectorsComeBack(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	want := runOf(0, 0)
	for n := range want.Keys {
		want.Keys[n].Names = nil
	}
	save(t, s, want)
	if got := last(t, s); !reflect.DeepEqual(got.Keys, want.Keys) {
		t.Errorf("%d keys, want %d: %+v", len(got.Keys), len(want.Keys), got.Keys[:min(1, len(got.Keys))])
	}
	var bytes int
	if err := s.db.QueryRow("SELECT length(detail) FROM inventories").Scan(&bytes); err != nil || bytes > 600 {
		t.Errorf("a run of a collector takes %d bytes, %v", bytes, err)
	}
}

func lines(inventory lifecycle.Inventory) (list []string) {
	for _, p := range inventory.Places {
		list = append(list, fmt.Sprint(p.Host.Name, " ", p.Account, " ", p.Line, " ", p.Comment, " ", p.FirstSeen.Format("Mon")))
	}
	return list
}

// What an inventory reads again is gone or new; what it did not read stays as it was.
func TestPlacesAppearAndGo(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		save(t, s, first())
		tuesday := lifecycle.Inventory{Taken: monday.AddDate(0, 0, 1), Machine: "laptop", User: "anna", Keys: []lifecycle.Key{anna, bob},
			Hosts: []lifecycle.Host{web1}, Accounts: []lifecycle.Account{{Host: web1, Name: "anna"}},
			Places: []lifecycle.Place{place(web1, "anna", 1, anna), place(web1, "anna", 2, bob)}} // one line of anna's is gone, bob's lost its options
		save(t, s, tuesday)
		wednesday := tuesday
		wednesday.Taken, wednesday.Places = monday.AddDate(0, 0, 2), first().Places[:3] // all are back
		save(t, s, wednesday)

		runs, err := s.Inventories(t.Context(), "laptop", "anna")
		if err != nil || len(runs) != 3 || !runs[0].Taken.Equal(wednesday.Taken) {
			t.Fatal(runs, err)
		}
		for n, want := range []string{
			"[web1 anna 1 anna Mon web1 anna 2 anna Wed web1 anna 3 bob Wed]",
			"[web1 anna 1 anna Mon web1 anna 2 bob Tue]",
			"[web1 anna 1 anna Mon web1 anna 2 anna Mon web1 anna 3 bob Mon web2 anna 1 bob Mon]",
		} {
			got, err := s.Inventory(t.Context(), runs[n].ID)
			if err != nil || fmt.Sprint(lines(got)) != want {
				t.Errorf("inventory %d: %v, %v, want %s", n, lines(got), err, want)
			}
		}
		places, err := s.Places(t.Context(), bob.Fingerprint)
		if err != nil || len(places) != 2 || places[1].Host.Name != "web2" {
			t.Errorf("bob opens %+v, %v", places, err)
		}
	})
}

// An account that could not be read keeps its places.
func TestWhatWasNotSeenIsNotGone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, first())
	later := first()
	later.Taken, later.Places = monday.Add(time.Hour), nil
	later.Unseen = []lifecycle.Unseen{{Host: web1, Account: "anna", What: "authorized_keys", Why: "permission denied"}}
	save(t, s, later)
	if places, err := s.Places(t.Context(), anna.Fingerprint); err != nil || len(places) != 2 {
		t.Errorf("%+v, %v", places, err)
	}
	later.Taken, later.Unseen = monday.Add(2*time.Hour), nil
	save(t, s, later)
	if places, err := s.Places(t.Context(), anna.Fingerprint); err != nil || len(places) != 0 {
		t.Errorf("%+v, %v", places, err)
	}
}

// Where more lets keys in than could be seen, what is gone from a file that was read is gone,
// and its lines are counted.
func TestWhatIsGoneFromAFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	run := first()
	run.Unseen = []lifecycle.Unseen{{Host: web1, Account: "anna", What: "authorized_keys", Why: "TrustedUserCAKeys"}}
	save(t, s, run)
	count := func() UseCounts {
		counts, err := s.CountUnused(t.Context(), monday)
		if err != nil {
			t.Fatal(err)
		}
		return counts
	}
	whole := count()
	if places := whole.Used + whole.Unused + whole.NotWatched; places != len(run.Places) {
		t.Errorf("%d places are counted, not %d", places, len(run.Places))
	}
	gone := run.Places[0]
	run.Taken, run.Places = monday.Add(time.Hour), run.Places[1:]
	if !slices.ContainsFunc(run.Places, func(p lifecycle.Place) bool { return p.Account == gone.Account && p.File == gone.File }) {
		t.Fatal("the file has no other line")
	}
	save(t, s, run)
	if now := count(); now.Used+now.Unused+now.NotWatched != len(run.Places) {
		t.Errorf("%+v, and was %+v", now, whole)
	}
}

// A later run that reads this machine alone knows web1 by the broker's log, without its port.
func TestPortStays(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		far := web1
		far.Port = 2222
		save(t, s, lifecycle.Inventory{Taken: monday, Machine: "laptop", User: "anna", Keys: []lifecycle.Key{anna}, Hosts: []lifecycle.Host{far}, Places: []lifecycle.Place{place(far, "anna", 1, anna)}})
		named := lifecycle.Host{Key: web1.Key, Name: web1.Name}
		save(t, s, lifecycle.Inventory{Taken: monday.Add(time.Hour), Machine: "laptop", User: "anna", Keys: []lifecycle.Key{anna},
			Sightings: []lifecycle.Sighting{{Source: lifecycle.FromBroker, Fingerprint: anna.Fingerprint, Host: named, Account: "anna", First: monday, Last: monday, Count: 1}}})
		places, err := s.Places(t.Context(), anna.Fingerprint)
		if err != nil || len(places) != 1 || places[0].Host.Port != 2222 {
			t.Errorf("%+v, %v", places, err)
		}
	})
}

// A server that is met by its name alone, before its key is known and afterwards, is one
// server: its uses are uses of its doors, and are counted once.
func TestOneServerWithAndWithoutItsKey(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		now := time.Now().Truncate(time.Second)
		used := lifecycle.Sighting{Source: lifecycle.FromBroker, Fingerprint: anna.Fingerprint, Host: lifecycle.Host{Name: "web1"}, Account: "anna", First: now.Add(-time.Hour), Last: now.Add(-time.Hour), Count: 3}
		unreached := lifecycle.Unseen{Host: lifecycle.Host{Name: "web1"}, What: "host", Why: "it does not answer"}
		watch := lifecycle.Watch{Source: lifecycle.FromServer, Host: web1, Since: now.AddDate(0, 0, -100), Until: now}
		at := func(minutes int, hosts ...lifecycle.Host) lifecycle.Inventory {
			inventory := lifecycle.Inventory{Taken: now.Add(time.Duration(minutes) * time.Minute), Machine: "laptop", User: "anna", Keys: []lifecycle.Key{anna}, Hosts: hosts, Sightings: []lifecycle.Sighting{used}}
			for _, host := range hosts {
				inventory.Places, inventory.Watches = append(inventory.Places, place(host, "anna", 1, anna)), []lifecycle.Watch{watch}
			}
			return inventory
		}
		wantHosts := func(when string, want int) {
			t.Helper()
			var hosts, sightings, uses int
			if err := s.db.QueryRow("SELECT (SELECT count(*) FROM hosts), count(*), max(uses) FROM sightings").Scan(&hosts, &sightings, &uses); err != nil || hosts != want || sightings != 1 || uses != 3 {
				t.Errorf("%s: %d hosts, %d sightings of %d uses, %v", when, hosts, sightings, uses, err)
			}
		}
		before := at(1)
		before.Unseen = []lifecycle.Unseen{unreached}
		save(t, s, before)
		wantHosts("by name", 1)
		save(t, s, at(2, web1))
		wantHosts("with its key", 1)
		later := at(3)
		later.Unseen = []lifecycle.Unseen{unreached}
		save(t, s, later)
		wantHosts("by name again", 1)
		if got, err := s.CountUnused(t.Context(), now.AddDate(0, 0, -90)); err != nil || got != (UseCounts{Used: 1}) {
			t.Errorf("%+v, %v", got, err)
		}

		other := web1
		other.Key, other.Addresses = "SHA256:other", nil
		save(t, s, at(4, other)) // two servers had the name: nobody knows which one it was
		save(t, s, at(5))
		var named int
		if err := s.db.QueryRow("SELECT count(*) FROM hosts WHERE host_key = ''").Scan(&named); err != nil || named != 1 {
			t.Errorf("%d hosts by name alone, %v", named, err)
		}
	})
}

func TestSightingsAddUpOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		inventory := first()
		save(t, s, inventory)
		inventory.Taken = monday.Add(time.Hour)
		inventory.Sightings[0].Last, inventory.Sightings[0].Count = monday, 5 // the log has grown
		inventory.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: monday, Until: monday.Add(time.Hour)},
			{Source: lifecycle.FromServer, Host: web1, Since: monday.Add(2 * time.Hour), Until: monday.Add(3 * time.Hour)}}
		save(t, s, inventory)
		got := last(t, s)
		if len(got.Sightings) != 1 || got.Sightings[0].Count != 5 || !got.Sightings[0].Last.Equal(monday) {
			t.Errorf("%+v", got.Sightings)
		}
		if len(got.Watches) != 2 || !got.Watches[0].Since.Equal(monday.Add(-48*time.Hour)) || !got.Watches[0].Until.Equal(monday.Add(time.Hour)) {
			t.Errorf("%+v", got.Watches)
		}
	})
}

func TestTombstonesAndPlans(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s, ctx := open(t, where), t.Context()
		stone := lifecycle.Tombstone{Fingerprint: bob.Fingerprint, Terminated: monday, By: "anna@laptop", Plan: "t-9"}
		for range 2 {
			if err := s.AddTombstone(ctx, stone); err != nil {
				t.Fatal(err)
			}
			stone.Restored = monday.Add(time.Hour)
		}
		if got, err := s.Tombstones(ctx); err != nil || !reflect.DeepEqual(got, []lifecycle.Tombstone{stone}) {
			t.Errorf("%+v, %v", got, err)
		}
		plan := Plan{ID: "r-1", Made: monday, Body: json.RawMessage(`{"to":"x"}`), Steps: []Step{{1, monday, json.RawMessage(`"new"`)}, {2, monday, json.RawMessage(`"new"`)}}}
		if err := s.SavePlan(ctx, plan); err != nil {
			t.Fatal(err)
		}
		plan.Steps[1] = Step{2, monday.Add(time.Minute), json.RawMessage(`"proved"`)}
		if err := s.SaveStep(ctx, "r-1", plan.Steps[1]); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Plan(ctx, "r-1"); err != nil || !reflect.DeepEqual(got, plan) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := s.Plan(ctx, "r-2"); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
		if got, err := s.Plans(ctx); err != nil || len(got) != 1 || got[0].ID != "r-1" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A link in the place of the store, or of a file beside it, could make keybroker write
// into another file.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lifecycle.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link.db", "other.db-wal", "third.db-shm"} {
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		where := filepath.Join(dir, strings.TrimSuffix(strings.TrimSuffix(name, "-wal"), "-shm"))
		s, err := Open(t.Context(), where)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), name+" is not a regular file") || problem.Remedy(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Several commands open a new store at once and write into it.
func TestManyWriters(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		var all sync.WaitGroup
		for writer := range 4 {
			all.Go(func() {
				s, err := Open(context.Background(), where)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				for run := range 5 {
					inventory := first()
					inventory.Machine, inventory.Taken = fmt.Sprint("m", writer), monday.Add(time.Duration(run)*time.Hour)
					if err := s.SaveInventory(context.Background(), inventory); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		s := open(t, where)
		if runs, err := s.Inventories(t.Context(), "", ""); err != nil || len(runs) != 20 {
			t.Error(len(runs), err)
		}
		if places, err := s.Places(t.Context(), anna.Fingerprint); err != nil || len(places) != 2 {
			t.Errorf("%+v, %v", places, err)
		}
	})
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "lifecycle.db")
	s := open(t, path)
	save(t, s, first())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
	os.WriteFile(path+"2", nil, 0o644)
	open(t, path+"2")
	if info, err := os.Stat(path + "2"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestStoresThatAreRefused(t *testing.T) {
	damaged := filepath.Join(t.TempDir(), "damaged")
	os.WriteFile(damaged, []byte(strings.Repeat("not a database ", 100)), 0o600)
	newer := filepath.Join(t.TempDir(), "newer")
	if _, err := open(t, newer).db.Exec("INSERT INTO migrations (version, applied) VALUES (99, 0)"); err != nil {
		t.Fatal(err)
	}
	for where, says := range map[string]string{
		damaged:                                  "cannot be opened",
		newer:                                    "a newer keybroker made the store",
		"postgres://anna:secret@db.example/keys": "holds a password",
		"postgres://db.example/keys?password=secret":  "holds a password",
		"postgres://db.example/%zz:secret@":           "cannot be read",
		"postgres://anna@/keys?host=/nowhere/at/all/": "cannot be reached",
	} {
		_, err := Open(t.Context(), where)
		if err == nil || !strings.Contains(err.Error(), says) || problem.Remedy(err) == "" {
			t.Errorf("%s: %v (%s)", where, err, problem.Remedy(err))
		} else if strings.Contains(err.Error()+problem.Remedy(err), "secret") {
			t.Errorf("the error shows the password: %v (%s)", err, problem.Remedy(err))
		}
	}
}

func TestServersFarAwayMustProveThemselves(t *testing.T) {
	for where, mode := range map[string]string{
		"postgres://a@db.example/keys":                 "verify-full",
		"postgres://a@db.example/keys?sslmode=disable": "disable",
		"postgres://a@localhost/keys":                  "",
		"postgres://a@/keys?host=/run/postgresql":      "",
		"postgres://a@/keys?host=db.example":           "verify-full",
	} {
		if got, err := serverURL(where); err != nil || got.Query().Get("sslmode") != mode {
			t.Errorf("%s: %v, %v", where, got, err)
		}
	}
}

func TestFingerprintMustBeThatOfTheKey(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	inventory := first()
	inventory.Keys[0].Blob = bob.Blob
	if err := s.SaveInventory(t.Context(), inventory); err == nil || !strings.Contains(err.Error(), "not that of its key") {
		t.Error(err)
	}
}

// A place is unused only if it was watched the whole time.
func TestUnused(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		now := time.Now()
		inventory := first()
		inventory.Taken = now
		inventory.Sightings[0].First, inventory.Sightings[0].Last = now.AddDate(0, 0, -40), now.AddDate(0, 0, -40) // both lines with anna's key
		inventory.Sightings = append(inventory.Sightings, lifecycle.Sighting{Source: lifecycle.FromProbe, Fingerprint: bob.Fingerprint, Host: web1, Account: "anna", First: now, Last: now})
		inventory.Watches = []lifecycle.Watch{
			{Source: lifecycle.FromServer, Host: web1, Since: now.AddDate(0, 0, -300), Until: now.AddDate(0, 0, -101)},
			{Source: lifecycle.FromServer, Host: web1, Since: now.AddDate(0, 0, -100), Until: now},
			{Source: lifecycle.FromBroker, Host: web2, Since: now.AddDate(0, 0, -300), Until: now},
		}
		save(t, s, inventory)
		for days, want := range map[int]UseCounts{
			30:  {Used: 0, Unused: 3, NotWatched: 1},
			90:  {Used: 2, Unused: 1, NotWatched: 1},
			200: {Used: 2, Unused: 0, NotWatched: 2}, // there was a gap 101 days ago
		} {
			since := now.AddDate(0, 0, -days)
			if got, err := s.CountUnused(t.Context(), since); err != nil || got != want {
				t.Errorf("%d days: %+v, %v, want %+v", days, got, err, want)
			}
			var list []UnusedPlace
			err := s.Unused(t.Context(), since, func(p UnusedPlace) error { list = append(list, p); return nil })
			if err != nil || len(list) != want.Unused+want.NotWatched {
				t.Errorf("%d days: %+v, %v", days, list, err)
			}
			for _, p := range list {
				if watched := p.Host.Name == "web1"; watched == p.Watched.IsZero() {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}

// The list comes in pages, which neither leave out a place nor repeat one.
func TestUnusedInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := open(t, where)
		save(t, s, generated(0, 25))
		seen := map[string]bool{}
		err := s.Unused(t.Context(), time.Now(), func(p UnusedPlace) error { seen[p.Fingerprint] = true; return nil })
		if err != nil || len(seen) != 25*perHost {
			t.Error(len(seen), err)
		}
	})
}
