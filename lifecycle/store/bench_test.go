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
