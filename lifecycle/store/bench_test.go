package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/store/postgrestest"
)

// BenchmarkFleet fills a store with generated authorisations, one key each, on hosts
// with 100 of them, one in ten used; and asks what is unused. The number is in
// KEYBROKER_BENCH_KEYS: docs/fleet.md has the figures for 5000000.
func BenchmarkFleet(b *testing.B) {
	places, _ := strconv.Atoi(os.Getenv("KEYBROKER_BENCH_KEYS"))
	if places == 0 {
		places = 50_000
	}
	b.Run("file", func(b *testing.B) { benchFleet(b, filepath.Join(b.TempDir(), "db"), places) })
	b.Run("postgres", func(b *testing.B) {
		server := postgrestest.Start(b, "shared_buffers=1GB", "max_wal_size=2GB")
		benchFleet(b, server.Database(b, "keys"), places)
		fmt.Print("tables:\n" + server.SQL(b, "keys", "SELECT relname, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY pg_total_relation_size(oid) DESC LIMIT 6"))
	})
}

const (
	perHost      = 100 // places
	hostsPerSave = 100
)

func benchFleet(b *testing.B, where string, places int) {
	s := open(b, where)
	start := time.Now()
	for host := 0; host < places/perHost; host += hostsPerSave {
		save(b, s, generated(host, min(hostsPerSave, places/perHost-host)))
	}
	took := time.Since(start)
	fmt.Printf("%s: %.0f places/s loaded, peak %.0f MB\n", s.engine.name, float64(places)/took.Seconds(), peak())
	if s.engine.name == "postgres" {
		if _, err := s.db.Exec("VACUUM ANALYZE"); err != nil { // autovacuum does so in time
			b.Fatal(err)
		}
	} else if info, err := os.Stat(where); err == nil {
		fmt.Printf("file: %d MB\n", info.Size()>>20)
	}

	benchUnused(b, s, places)
	b.Run("places-of-a-key", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			host := generated(n*7919%(places/perHost), 1)
			found, err := s.Places(b.Context(), host.Keys[n%perHost].Fingerprint)
			if err != nil || len(found) != 1 {
				b.Fatal(len(found), err)
			}
		}
	})
	b.Run("collector-nothing-new", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			host := generated(n*7919%(places/perHost), 1)
			host.Taken = host.Taken.Add(time.Duration(n+1) * time.Second)
			if err := s.SaveInventory(b.Context(), host); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFilled asks a full store what is unused. KEYBROKER_BENCH_STORE is a file or a
// postgres:// URL: it is filled where it is empty, by the engine itself, which takes minutes
// where collectors take an hour, and kept.
func BenchmarkFilled(b *testing.B) {
	where := os.Getenv("KEYBROKER_BENCH_STORE")
	if where == "" {
		b.Skip("KEYBROKER_BENCH_STORE names no store")
	}
	s := open(b, where)
	counts, err := s.CountUnused(b.Context(), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	if counts == (UseCounts{}) {
		fill(b, s)
	}
	benchUnused(b, s, 5_000_000)
}

func benchUnused(b *testing.B, s *Store, places int) {
	since := time.Now().AddDate(0, 0, -90)
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			counts, err := s.CountUnused(b.Context(), since)
			if err != nil || counts.Used+counts.Unused+counts.NotWatched != places || counts.Unused == 0 || counts.NotWatched == 0 {
				b.Fatal(counts, err)
			}
		}
	})
	b.Run("first1000", func(b *testing.B) {
		for b.Loop() {
			n := 0
			err := s.Unused(b.Context(), since, func(UnusedPlace) error {
				if n++; n == 1000 {
					return context.Canceled
				}
				return nil
			})
			if n != 1000 {
				b.Fatal(n, err)
			}
		}
	})
}

// fill makes the fleet of generated with 5 million places. The index over keys comes last,
// so that it is sorted once.
func fill(b *testing.B, s *Store) {
	rows := "WITH RECURSIVE rows(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < %d) "
	bytes := map[string]string{"host": "CAST(printf('%%08x%%08x', (n / %d) * 2654435761 & 4294967295, n / %d) AS BLOB)", "id": "randomblob(16)", "key": "randomblob(32)", "blob": "randomblob(51)", "random": "abs(random())"}
	if s.engine.name == "postgres" {
		rows = "WITH rows AS (SELECT generate_series(0, %d) AS n) "
		bytes = map[string]string{"host": "decode(md5('host' || n / %d || n / %d), 'hex')", "id": "decode(md5('id' || n), 'hex')", "key": "sha256(('key' || n)::bytea)", "blob": "sha256(('key' || n)::bytea) || substr(sha256(('blob' || n)::bytea), 1, 19)", "random": "floor(random() * 1e9)::bigint"}
	}
	now := time.Now()
	for _, statement := range []string{
		"DROP INDEX places_by_key",
		fill1(rows, 50_000, "INSERT INTO hosts SELECT HOST, 'SHA256:' || n, 'host' || n || '.example', 22, '', '' FROM rows", bytes, 1),
		fill1(rows, 45_000, fmt.Sprintf("INSERT INTO watches SELECT HOST, ID, 'server', %d, %d FROM rows", millis(now.AddDate(0, 0, -200)), millis(now)), bytes, 1),
		fill1(rows, 200_000, fmt.Sprintf("INSERT INTO accounts SELECT HOST, 'account' || (n %% 4), 25, %d FROM rows", millis(now)), bytes, 4),
		fill1(rows, 5_000_000, "INSERT INTO keys SELECT KEY, 'ssh-ed25519', 256, BLOB, 0 FROM rows", bytes, 1),
		fill1(rows, 5_000_000, fmt.Sprintf(`INSERT INTO places SELECT HOST, ID, 'account' || (n %% 4), '/home/app/.ssh/authorized_keys', n %% 100, KEY, '', 'user@laptop' || (n %% 5000), '', 1, 1, %d, %d, 0,
			CASE WHEN n %% 10 = 3 THEN %d - RANDOM %% %d ELSE 0 END FROM rows`, millis(now), millis(now), millis(now), 60*24*time.Hour.Milliseconds()), bytes, 100),
		"CREATE INDEX places_by_key ON places (key_id)",
		map[string]string{"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE"}[s.engine.name],
	} {
		began := time.Now()
		if _, err := s.db.Exec(statement); err != nil {
			b.Fatal(statement, err)
		}
		fmt.Printf("%s: %.60s: %.0f s\n", s.engine.name, statement[max(strings.Index(statement, "INSERT"), 0):], time.Since(began).Seconds())
	}
}

func fill1(rows string, n int, insert string, bytes map[string]string, perHost int) string {
	host := fmt.Sprintf(bytes["host"], perHost, perHost)
	return fmt.Sprintf(rows, n-1) + strings.NewReplacer("HOST", host, "ID,", bytes["id"]+",", "KEY,", bytes["key"]+",", "BLOB,", bytes["blob"]+",", "RANDOM", bytes["random"]).Replace(insert)
}

// generated are hosts with their places; the same number gives the same host.
func generated(first, hosts int) lifecycle.Inventory {
	now := time.Now()
	i := lifecycle.Inventory{Taken: now.Add(-time.Hour), Machine: fmt.Sprint("m", first), User: "collector"}
	for n := first; n < first+hosts; n++ {
		random := rand.New(rand.NewPCG(uint64(n), 1))
		host := lifecycle.Host{Key: key(fmt.Sprint("host", n)).Fingerprint, Name: fmt.Sprintf("host%d.example", n)}
		i.Hosts = append(i.Hosts, host)
		if n%10 != 0 {
			i.Watches = append(i.Watches, lifecycle.Watch{Source: lifecycle.FromServer, Host: host, Since: now.AddDate(0, 0, -200), Until: now})
		}
		for line := range perHost {
			key := key(fmt.Sprintf("%026d%06d", n, line))
			key.Names = nil
			i.Keys = append(i.Keys, key)
			i.Places = append(i.Places, lifecycle.Place{Host: host, Account: []string{"root", "deploy", "app", "anna"}[line%4], File: "/home/app/.ssh/authorized_keys", Line: line + 1,
				Fingerprint: key.Fingerprint, Comment: fmt.Sprintf("user%d@laptop%d", random.IntN(5000), line), FileTime: now.AddDate(-1, 0, 0).Truncate(time.Hour * 24)})
			if random.IntN(10) == 0 {
				at := now.Add(-time.Duration(random.IntN(60*24)) * time.Hour)
				i.Sightings = append(i.Sightings, lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: key.Fingerprint, Host: host,
					Account: i.Places[len(i.Places)-1].Account, From: "10.0.0.1", First: at, Last: at, Count: 1})
			}
		}
	}
	return i
}

// peak is the most memory that this process had, in MB.
func peak() float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.Atoi(strings.Fields(after + " 0")[0])
	return float64(kib) / 1024
}
