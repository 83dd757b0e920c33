package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/store/postgrestest"
	"github.com/keybroker/keybroker/problem"
)

// fleet is a store with the rights of docs/fleet.md and a collector for each of some
// hosts. It returns the server, and the URL of a role.
func fleet(t *testing.T, hosts int) *postgrestest.Server {
	t.Helper()
	server := postgrestest.Start(t, "fsync=off")
	open(t, server.Database(t, "keys")).Close()
	page, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	rights := regexp.MustCompile("(?s)```sql\n(REVOKE.*?)```").FindSubmatch(page)
	if rights == nil {
		t.Fatal("docs/fleet.md has no SQL")
	}
	server.SQL(t, "keys", string(rights[1]))
	for n := range hosts {
		server.SQL(t, "keys", fmt.Sprintf(`CREATE ROLE web%d LOGIN IN ROLE keybroker_collector; INSERT INTO collectors VALUES ('web%d', host_id('%s'), 'web%d');`, n, n, hostOf(n).Key, n))
	}
	server.SQL(t, "keys", "CREATE ROLE auditor LOGIN IN ROLE keybroker_reader")
	return server
}

func hostOf(n int) lifecycle.Host {
	return lifecycle.Host{Key: key(fmt.Sprint("host", n)).Fingerprint, Name: fmt.Sprint("web", n)}
}

// runOf is what the collector of a host finds in one run: nothing of what it found before.
func runOf(host, run int) lifecycle.Inventory {
	at := monday.Add(time.Duration(run) * time.Hour)
	i := lifecycle.Inventory{Taken: at, Machine: fmt.Sprint("web", host), User: "root", Hosts: []lifecycle.Host{hostOf(host)},
		Watches: []lifecycle.Watch{{Source: lifecycle.FromServer, Host: hostOf(host), Since: at.Add(-time.Hour), Until: at}}}
	for line := range perHost {
		key := key(fmt.Sprint("run", run, "line", line)) // the same on all hosts
		i.Keys = append(i.Keys, key)
		i.Places = append(i.Places, lifecycle.Place{Host: hostOf(host), Account: "root", File: "/root/.ssh/authorized_keys", Line: line + 1, Fingerprint: key.Fingerprint})
		i.Sightings = append(i.Sightings, lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: key.Fingerprint, Host: hostOf(host), Account: "root", First: at, Last: at, Count: 1})
	}
	return i
}

// collectorEnv makes the test binary a collector: URL, host number and runs.
const collectorEnv = "KEYBROKER_TEST_COLLECTOR"

func TestMain(m *testing.M) {
	if of := os.Getenv(collectorEnv); of != "" {
		if err := collector(of); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func collector(of string) error {
	var where string
	var host, runs int
	if _, err := fmt.Sscan(of, &where, &host, &runs); err != nil {
		return err
	}
	s, err := Open(context.Background(), where)
	if err != nil {
		return err
	}
	defer s.Close()
	for run := range runs {
		if err := s.SaveInventory(context.Background(), runOf(host, run)); err != nil {
			return err
		}
		fmt.Println("run", run)
	}
	return nil
}

// Four collectors send at once, in processes of their own, and one is killed in the
// middle. What it had not finished is not there at all.
func TestFourCollectorsOneKilled(t *testing.T) {
	const runs, killed = 12, 3
	server := fleet(t, 4)
	var collectors []*exec.Cmd
	for host := range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		n := runs
		if host == killed {
			n = 1000
		}
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", collectorEnv, server.URL(fmt.Sprint("web", host), "keys"), host, n))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if host == killed {
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != "run 4" { // it is in the next run now
			}
			cmd.Process.Kill()
		}
		collectors = append(collectors, cmd)
	}
	for host, cmd := range collectors {
		if err := cmd.Wait(); err != nil && host != killed {
			t.Errorf("collector %d: %v", host, err)
		}
	}
	for host := range 4 {
		where := fmt.Sprintf("host = host_id('%s')", hostOf(host).Key)
		open := strings.TrimSpace(server.SQL(t, "keys", "SELECT count(*) FROM places WHERE gone = 0 AND "+where))
		all := strings.TrimSpace(server.SQL(t, "keys", "SELECT count(*) FROM places WHERE "+where))
		took := strings.TrimSpace(server.SQL(t, "keys", fmt.Sprintf("SELECT count(*) * %d FROM inventories WHERE machine = 'web%d'", perHost, host)))
		if open != fmt.Sprint(perHost) || all != took || host != killed && took != fmt.Sprint(runs*perHost) {
			t.Errorf("host %d: %s places are there, %s were, and %s were sent in whole runs", host, open, all, took)
		}
	}
}

// A collector can do nothing but add to its own host. Each refusal has a twin that is let through.
func TestCollectorsHaveTheLeastRights(t *testing.T) {
	server := fleet(t, 2)
	web0, owner := open(t, server.URL("web0", "keys")), open(t, server.URL("owner", "keys"))
	save(t, open(t, server.URL("web1", "keys")), runOf(1, 0))
	save(t, web0, runOf(0, 0))

	other := runOf(1, 1)
	other.Machine = "web0"
	if err := web0.SaveInventory(t.Context(), other); err == nil || !strings.Contains(err.Error(), "row-level security") || !strings.Contains(problem.Remedy(err), "docs/fleet.md") {
		t.Errorf("rows of another host: %v", err)
	}
	other = runOf(0, 1)
	other.Machine = "web1"
	if err := web0.SaveInventory(t.Context(), other); err == nil || !strings.Contains(err.Error(), `row-level security policy for table "inventories"`) {
		t.Errorf("a run of another machine: %v", err)
	}
	sql := func(query string) error { _, err := web0.db.Exec(query); return err }
	for query, reason := range map[string]string{
		"INSERT INTO keys VALUES ('\\x00', 'x', 0, '\\x01', 0)": `row-level security policy for table "keys"`,
		"SELECT blob FROM keys":                                 "permission denied for table keys",
		"UPDATE keys SET type = 'x'":                            "permission denied for table keys",
		"DELETE FROM places":                                    "permission denied for table places",
		"UPDATE places SET account = 'x'":                       "permission denied for table places",
		"UPDATE inventories SET places = 0":                     "permission denied for table inventories",
		"DELETE FROM inventories":                               "permission denied for table inventories",
		"SELECT * FROM tombstones":                              "permission denied for table tombstones",
		"SELECT * FROM claims":                                  "permission denied for table claims",
		"SELECT * FROM plans":                                   "permission denied for table plans",
		"SELECT * FROM collectors":                              "permission denied for table collectors",
		"UPDATE collectors SET host = host":                     "permission denied for table collectors",
		"SET ROLE owner":                                        "permission denied to set role",
		"CREATE TABLE mine (x TEXT)":                            "permission denied for schema public",
		"ALTER TABLE places DISABLE ROW LEVEL SECURITY":         "must be owner of table places",
		"INSERT INTO hosts VALUES (my_host(), 'SHA256:other', 'x', 22, '', '')": `row-level security policy for table "hosts"`,
	} {
		if err := sql(query); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", query, err)
		}
	}
	for query, want := range map[string]int64{
		"UPDATE places SET gone = 1":           perHost, // its own alone
		"UPDATE sightings SET uses = 0":        perHost,
		"UPDATE watches SET watched_until = 0": 1,
	} {
		result, err := web0.db.Exec(query)
		if err != nil {
			t.Fatal(query, err)
		}
		if n, _ := result.RowsAffected(); n != want {
			t.Errorf("%s: %d rows", query, n)
		}
	}
	for table, want := range map[string]int{"places": perHost, "sightings": perHost, "hosts": 1, "inventories": 1} {
		var n int
		if err := web0.db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != want {
			t.Errorf("web0 sees %d rows of %s, %v", n, table, err)
		}
	}
	if places, err := owner.Places(t.Context(), runOf(1, 0).Keys[0].Fingerprint); err != nil || len(places) != 1 || places[0].Host.Name != "web1" {
		t.Errorf("%+v, %v", places, err)
	}
	auditor := open(t, server.URL("auditor", "keys"))
	if counts, err := auditor.CountUnused(t.Context(), monday.AddDate(0, 0, -90)); err != nil || counts.Used+counts.Unused+counts.NotWatched != 2*perHost {
		t.Errorf("%+v, %v", counts, err)
	}
	if _, err := auditor.db.Exec("INSERT INTO migrations VALUES (9, 9)"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Error(err)
	}
}

// Whoever is root on one server knows how identifiers are made. A row of its own with
// the identifier of another host's row must not keep that host from sending.
func TestNoCollectorTakesAnothersIdentifier(t *testing.T) {
	server := fleet(t, 2)
	web0 := open(t, server.URL("web0", "keys"))
	save(t, web0, runOf(0, 0))
	victim := open(t, filePath(t))
	save(t, victim, runOf(1, 0))
	err := each(t.Context(), victim.db, "SELECT id FROM places", nil, func(scan func(...any) error) error {
		var id []byte
		if err := scan(&id); err != nil {
			return err
		}
		_, err := web0.db.Exec("INSERT INTO places SELECT host, $1, account, file, line, key_id, options, comment, forge, twin, 99, 0, 0, 0, 0 FROM places WHERE stretch = 1 LIMIT 1", id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	save(t, open(t, server.URL("web1", "keys")), runOf(1, 0))
	if n := strings.TrimSpace(server.SQL(t, "keys", fmt.Sprintf("SELECT count(*) FROM places WHERE host = host_id('%s')", hostOf(1).Key))); n != fmt.Sprint(perHost) {
		t.Errorf("%s places of the victim", n)
	}
}

func filePath(t *testing.T) string { return t.TempDir() + "/db" }
