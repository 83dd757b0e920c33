// Package lifecycle is the vocabulary of the life of a key: where its private half
// lies, where it opens a door, when it was used, whose it is, and how that ends.
//
// The rooms below it find these facts (inventory, hosts, forge), keep them (store),
// change them on hosts (authorized, plan) and show them (report). They run in
// keybroker-lifecycle, a program of its own: the process that holds keys links
// neither SQL nor an HTTP client nor HTML.
//
// The rows of findings are those of docs/lifecycle.md, after NISTIR 7966.
package lifecycle

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key is one public key. Names and comments are only what it was met under.
type Key struct {
	Fingerprint string   `json:"fingerprint"` // SHA256:… of Blob, as ssh-keygen -l prints it
	Type        string   `json:"type"`        // RFC 4253 section 6.6: "ssh-ed25519", …
	Bits        int      `json:"bits,omitempty"`
	Blob        []byte   `json:"blob"` // RFC 4253 section 6.6
	Names       []string `json:"names,omitempty"`
	Source      string   `json:"source,omitempty"` // of the broker: "softkeys", "piv", …; "": not in the broker
	Signs       bool     `json:"signs,omitempty"`  // git signs with it
}

// Host is a server. Two names with one host key are one server.
type Host struct {
	Key       string   `json:"key,omitempty"`  // fingerprint of the host key; "": not known
	Name      string   `json:"name"`           // as the user calls it, an alias of ssh_config too; "": this machine
	Port      int      `json:"port,omitempty"` // 0: 22
	Addresses []string `json:"addresses,omitempty"`
}

// Place is one line of a file that lets a key in: an authorisation.
type Place struct {
	Host        Host      `json:"host"`
	Account     string    `json:"account"`
	File        string    `json:"file"` // as the server names it
	Line        int       `json:"line"` // from 1
	Fingerprint string    `json:"fingerprint"`
	Options     []string  `json:"options,omitempty"` // sshd(8): `from="10.0.0.0/8"`, `restrict`, …
	Comment     string    `json:"comment,omitempty"`
	FileTime    time.Time `json:"file_time"` // when the file was last changed: the line is at least that old
	FirstSeen   time.Time `json:"first_seen,omitzero"`
	Forge       string    `json:"forge,omitempty"` // a key of an account at a forge, which has no file: its identifier there
}

// Copy is a file with a private key. The same key in several files is a finding.
type Copy struct {
	Host        Host      `json:"host"`
	Account     string    `json:"account,omitempty"` // of a host: who has it in ~/.ssh
	Path        string    `json:"path"`
	Fingerprint string    `json:"fingerprint,omitempty"` // "": it cannot be known without the passphrase
	Format      string    `json:"format"`                // "OpenSSH", "PEM", "PKCS#8", "PuTTY"
	Clear       bool      `json:"clear"`                 // no passphrase
	Mode        uint32    `json:"mode"`                  // permission bits
	Modified    time.Time `json:"modified"`
}

// Where a sighting comes from, weakest claim first.
const (
	FromProbe  = "probe"    // the server would let the key in; it was not used
	FromBroker = "broker"   // the broker signed, for a server that had said it accepts the key
	FromServer = "sshd log" // the server let the key in
	FromForge  = "forge"    // the forge's own last use
)

// Sighting is one use of a key, or with FromProbe an open door. Count sums up several.
type Sighting struct {
	Source      string    `json:"source"`
	Fingerprint string    `json:"fingerprint"`
	Host        Host      `json:"host"`
	Account     string    `json:"account,omitempty"`
	From        string    `json:"from,omitempty"`    // address of the client
	Program     string    `json:"program,omitempty"` // base name of the client
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       int       `json:"count"`
}

// Watch is a stretch of time in which every use would have been seen. Outside of all
// watches nothing is known, so "unused" is never said of it.
type Watch struct {
	Source string    `json:"source"` // FromBroker, FromServer, FromForge
	Host   Host      `json:"host"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`

	Fingerprint string `json:"fingerprint,omitempty"` // FromBroker: the only key that was watched, because the broker held it; "": none for sure
}

// Claim is what a person says of a key: keybroker keys annotate.
type Claim struct {
	Fingerprint string    `json:"fingerprint"`
	Owner       string    `json:"owner,omitempty"`
	Purpose     string    `json:"purpose,omitempty"`
	Ticket      string    `json:"ticket,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
}

// Unseen is what could not be looked at, and why. A report has it as a section of its
// own, because a list with silent holes would be believed.
type Unseen struct {
	Host    Host   `json:"host"`
	Account string `json:"account,omitempty"`
	What    string `json:"what"` // "sshd_config", "authorized_keys", "private keys", "log"
	Why     string `json:"why"`
	Remedy  string `json:"remedy,omitempty"`
}

// Severity orders findings.
type Severity int

// From a remark to what should be mended today.
const (
	Info Severity = iota
	Warning
	Serious
)

func (s Severity) String() string { return [...]string{"info", "warning", "serious"}[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(text []byte) error {
	for known := Info; known <= Serious; known++ {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("the severity %.20q is not known", text)
}

// Finding is something that should not be so, with the command that cures it.
type Finding struct {
	Kind        string   `json:"kind"` // stable, for programs: "clear-private-key"
	Row         int      `json:"row"`  // of docs/lifecycle.md
	Severity    Severity `json:"severity"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Host        Host     `json:"host"`
	Account     string   `json:"account,omitempty"`
	Path        string   `json:"path,omitempty"`
	What        string   `json:"what"`
	Remedy      string   `json:"remedy,omitempty"` // a command where there is one
}

// Account is an account of a host, all of whose authorised keys were read. A key that
// an earlier inventory had there, and this one has not, is gone.
type Account struct {
	Host Host   `json:"host"`
	Name string `json:"name"`
}

// Inventory is what was found in one run.
type Inventory struct {
	Taken     time.Time  `json:"taken"`
	Machine   string     `json:"machine"` // host name of this machine
	User      string     `json:"user"`
	Keys      []Key      `json:"keys"`
	Hosts     []Host     `json:"hosts"` // that were read
	Accounts  []Account  `json:"accounts"`
	Places    []Place    `json:"places"`
	Copies    []Copy     `json:"copies"`
	Sightings []Sighting `json:"sightings"`
	Watches   []Watch    `json:"watches"`
	Claims    []Claim    `json:"claims"`
	Unseen    []Unseen   `json:"unseen"`
	Findings  []Finding  `json:"findings"`
}

// Tombstone remembers for ever that a key was terminated. Met again, it is an alarm.
type Tombstone struct {
	Fingerprint string    `json:"fingerprint"`
	Terminated  time.Time `json:"terminated"`
	By          string    `json:"by"`
	Plan        string    `json:"plan"` // identifier of the plan that terminated it
	Restored    time.Time `json:"restored,omitzero"`
}

// Proof is the server's own word before and after a change of one place.
type Proof struct {
	Fingerprint string    `json:"fingerprint"`
	Host        Host      `json:"host"`
	Account     string    `json:"account"`
	File        string    `json:"file"`
	Forge       string    `json:"forge,omitempty"`  // "gitea https://git.example.com": a probe is whether it lists the key
	Lines       []int     `json:"lines"`            // changed, from 1, as they were before
	SHA256      [2]string `json:"sha256"`           // of the file before and after, in hex
	Before      Probe     `json:"before,omitzero"`  // of the key that the change is about
	After       Probe     `json:"after,omitzero"`   //
	LetIn       string    `json:"let_in"`           // fingerprint of the key that got in then
	LetInBy     string    `json:"let_in_by"`        // FILE:LINE, where the server said so
	Together    bool      `json:"together"`         // in the connection of After; false: in the one right after it
	Sessions    string    `json:"sessions"`         // open sessions with a terminal, which no change ends, as utmp has them; "": not known
	Plan        string    `json:"plan"`             //
	Actor       string    `json:"actor"`            // user@machine
	Records     []uint64  `json:"records"`          // of the audit log
	Chain       string    `json:"chain,omitempty"`  // hash of the last of them
	Reason      string    `json:"reason,omitempty"` // why it proves nothing; "": it does
	Unseen      []string  `json:"unseen,omitempty"` // what else may let the key in, from other addresses
}

// Probe is whether a server would accept a key, asked with its public half alone.
type Probe struct {
	Accepted bool      `json:"accepted"`
	Time     time.Time `json:"time"`
	Said     string    `json:"said,omitempty"` // the line of ssh -v that shows it; what a forge lists of the key
}

// String is the host as people write it.
func (h Host) String() string {
	switch {
	case h.Name == "":
		return "this machine"
	case h.Port == 0 || h.Port == 22:
		return h.Name
	case strings.Contains(h.Name, ":"):
		return "[" + h.Name + "]:" + strconv.Itoa(h.Port)
	}
	return h.Name + ":" + strconv.Itoa(h.Port)
}

// Same reports whether two hosts are one server: by the host key where both are known,
// else by name and port.
func (h Host) Same(other Host) bool {
	if h.Key != "" && other.Key != "" {
		return h.Key == other.Key
	}
	return h.Name == other.Name && max(h.Port, 22) == max(other.Port, 22)
}
