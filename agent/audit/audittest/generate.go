// Package audittest makes large audit logs, to measure with.
package audittest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// Log says what log Generate makes: of a person who logs in to Hosts with Keys keys,
// one list before each login, and one refusal in a hundred records.
type Log struct {
	Dir     string // is made
	Records int
	Until   time.Time     // of the last record
	Every   time.Duration // between two records
	Keys    int
	Hosts   int
}

// refusedEvery is how many records have one refusal.
const refusedEvery = 100

// Generate writes a valid log, as fast as one core hashes.
func Generate(l Log) error {
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	g := generator{Log: l, prev: strings.Repeat("0", 2*sha256.Size)}
	g.lines = g.templates()
	at := l.Until.Add(-l.Every * time.Duration(l.Records-1)).UTC()
	for i := range l.Records {
		if err := g.write(i, at.Add(l.Every*time.Duration(i))); err != nil {
			return err
		}
	}
	return g.close()
}

type generator struct {
	Log
	lines []string // what is between ID and prev
	prev  string
	month string
	file  *os.File
	out   *bufio.Writer
	line  bytes.Buffer
}

// write writes the record number i.
func (g *generator) write(i int, at time.Time) error {
	if month := at.Format("2006-01"); month != g.month {
		if err := g.open(month); err != nil {
			return err
		}
	}
	between := g.lines[g.kind(i)]
	g.line.Reset()
	fmt.Fprintf(&g.line, `{"seq":%d,"time":"%s","id":"%s"%s,"prev":"%s"`, i+1, at.Format(time.RFC3339Nano), ID(i), between, g.prev)
	sum := sha256.Sum256(g.line.Bytes())
	g.prev = hex.EncodeToString(sum[:])
	g.line.WriteString(`,"hash":"` + g.prev + "\"}\n")
	_, err := g.out.Write(g.line.Bytes())
	return err
}

// ID is the ID of record number i, from 0.
func ID(i int) string { return strings.ToUpper("R" + strconv.FormatInt(int64(i)+1<<34, 36)) }

// kind is the template for record number i: the first is the start of the broker, then
// lists and logins take turns.
func (g *generator) kind(i int) int {
	switch use := i / 2 % (g.Keys * g.Hosts); {
	case i == 0:
		return 0
	case i%refusedEvery == refusedEvery-1:
		return 2
	case i%2 == 1:
		return 1
	default:
		return 3 + use
	}
}

func (g *generator) open(month string) error {
	if err := g.close(); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(g.Dir, "audit-"+month+".jsonl"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	g.month, g.file, g.out = month, file, bufio.NewWriterSize(file, 1<<20)
	return err
}

func (g *generator) close() error {
	if g.file == nil {
		return nil
	}
	return errors.Join(g.out.Flush(), g.file.Close())
}

// templates are the texts of a start, a list, a refusal and all logins.
func (g *generator) templates() (list []string) {
	peer := &audit.Peer{User: "1000", PID: 4711, Program: "ssh", Exe: "/usr/bin/ssh", Chain: []string{"git", "zsh", "tmux: server"}, Terminal: "pts/3", Identified: true}
	list = append(list, text(audit.Record{Op: keys.OpStart, Decision: audit.Note, Reason: "version 1, made to measure with", Rules: strings.Repeat("ab", 32)}))
	list = append(list, text(audit.Record{Op: keys.OpList, Decision: audit.Allowed, Peer: peer, Count: g.Keys}))
	refusal := login(0, 0, peer)
	refusal.Decision, refusal.Reason, refusal.Remedy = audit.Refused, "denied by the person", "try again, and allow it"
	list = append(list, text(refusal))
	for key := range g.Keys {
		for host := range g.Hosts {
			list = append(list, text(login(key, host, peer)))
		}
	}
	return list
}

func login(key, host int, peer *audit.Peer) audit.Record {
	return audit.Record{
		Op: keys.OpSign, Decision: audit.Allowed, Reason: `allowed by rule "servers"`, Rule: "servers", Peer: peer, Digest: strings.Repeat("cd", 32),
		Key:     &audit.Key{Fingerprint: Fingerprint("key", key), Name: fmt.Sprintf("key-%d", key), Comment: "me@example.com", Type: "ssh-ed25519", Source: "softkeys"},
		Purpose: &wire.Purpose{Kind: wire.KindLogin, User: "git", Method: "publickey-hostbound-v00@openssh.com", Algorithm: "ssh-ed25519"},
		Destination: &keys.Destination{Trust: keys.TrustVerified,
			Host: keys.Host{Fingerprint: Fingerprint("host", host), Names: []string{fmt.Sprintf("host-%d.example.com", host)}}},
	}
}

// Fingerprint is that of key or host number i.
func Fingerprint(kind string, i int) string {
	sum := sha256.Sum256(fmt.Append(nil, kind, i))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// text is a record's JSON between its ID and its prev.
func text(r audit.Record) string {
	r.ID, r.Time = "ID", time.Time{}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // a record always can be written
	}
	_, after, _ := strings.Cut(string(line), `"id":"ID"`)
	between, _, _ := strings.Cut(after, `,"prev":`)
	return between
}
