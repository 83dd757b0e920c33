package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/hosts"
	"github.com/keybroker/keybroker/platform"
)

const (
	// DefaultParallel is how many hosts are read at once.
	DefaultParallel = hosts.DefaultParallel
	// DefaultPatience bounds the reading of one host after the login: its log is the
	// most, and a host that answers slowly without end must not hold the run.
	DefaultPatience = 2 * time.Minute
	// maxRemoteFiles bounds the files in ~/.ssh of a host that are looked at.
	maxRemoteFiles = 200
)

// Remote says which hosts are read, and how.
type Remote struct {
	Dialer   hosts.Dialer
	Targets  []string
	Parallel int
	Patience time.Duration           // for one host, after the login; 0: DefaultPatience
	NoLog    bool                    // leave the servers' logs alone
	Progress func(target string)     // called after each host, from one goroutine at a time; nil: nothing is
	Keep     func(result HostResult) // likewise, with what was found; nil: nothing is
	Have     map[string]HostResult   // results of an earlier run, by target: those are not read again
}

// HostResult is what was found on one target.
type HostResult struct {
	Target  string              `json:"target"`
	Account string              `json:"account,omitempty"`
	Machine string              `json:"machine,omitempty"` // machine-id(5); "": not known
	Found   lifecycle.Inventory `json:"found"`
}

// readHosts reads the hosts and adds what is found.
func readHosts(ctx context.Context, c *collection, o Remote) error {
	var mu sync.Mutex // of servers, Progress and Keep
	servers := newServers()
	done := func(result HostResult, keep bool) {
		mu.Lock()
		defer mu.Unlock()
		if o.Keep != nil && keep {
			o.Keep(result)
		}
		c.merge(servers.fresh(result))
		if o.Progress != nil {
			o.Progress(result.Target)
		}
	}
	defer func() {
		for _, f := range servers.findings() {
			c.finding(f)
		}
	}()
	patience := cmp.Or(o.Patience, DefaultPatience)
	var targets []string
	for _, target := range o.Targets {
		if result, ok := o.Have[target]; ok {
			done(result, false)
			continue
		}
		targets = append(targets, target)
	}
	if len(targets) == 0 {
		return ctx.Err()
	}
	return o.Dialer.ForEach(ctx, targets, o.Parallel, func(ctx context.Context, host *hosts.Host) error {
		began := time.Now()
		ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not answer all requests within %s", patience))
		defer cancel()
		r := remoteReader{collection: newCollection(), host: host, identity: host.Identity(), account: host.Account(), began: began}
		if err := r.read(ctx, !o.NoLog); err != nil {
			return err
		}
		done(HostResult{host.Target(), r.account, r.machineID(ctx), r.inventory()}, true)
		return nil
	}, func(target string, err error) {
		if ctx.Err() != nil {
			return
		}
		done(HostResult{Target: target, Found: notReached(target, err)}, false)
	})
}

// notReached is the result for a host that could not be read.
func notReached(target string, err error) lifecycle.Inventory {
	what, remedy := platform.Explain(err)
	what = strings.TrimPrefix(what, target+": ")
	return lifecycle.Inventory{Unseen: []lifecycle.Unseen{{
		Host: lifecycle.Host{Name: target}, What: whatHost, Why: what, Remedy: remedy,
	}}}
}

// whatHost is what an Unseen names if a whole host could not be read.
const whatHost = "host"

// NotReached counts the hosts that could not be read at all.
func NotReached(inv *lifecycle.Inventory) (n int) {
	for _, u := range inv.Unseen {
		if u.What == whatHost {
			n++
		}
	}
	return n
}

// remoteReader reads one account of one host.
type remoteReader struct {
	*collection
	host     *hosts.Host
	identity lifecycle.Host
	account  string
	began    time.Time
}

func (r *remoteReader) read(ctx context.Context, withLog bool) error {
	files, unseen, err := r.host.Files(ctx)
	if err != nil {
		return err
	}
	r.add(func(inv *lifecycle.Inventory) {
		inv.Hosts = append(inv.Hosts, r.identity)
		inv.Unseen = append(inv.Unseen, unseen...)
		if len(unseen) == 0 {
			inv.Accounts = append(inv.Accounts, lifecycle.Account{Host: r.identity, Name: r.account})
		}
	})
	for _, file := range files {
		r.places(authorizedFile{host: r.identity, account: r.account, path: file.Path, modified: file.Modified.UTC(), content: file.Data})
		if file.Mode.Perm()&0o022 != 0 {
			r.finding(lifecycle.Finding{
				Kind: "writable-by-others", Row: 18, Severity: lifecycle.Serious, Host: r.identity, Account: r.account, Path: file.Path,
				What: fmt.Sprintf("other users can write this list of authorised keys (mode %#o)", file.Mode.Perm()), Remedy: "chmod go-w " + platform.ShellWord(file.Path),
			})
		}
	}
	r.privateKeys(ctx)
	r.serverConfig(ctx)
	if withLog {
		r.log(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// machineID is machine-id(5), which all users can read; "": not known.
func (r *remoteReader) machineID(ctx context.Context) string {
	const size = 32
	content, err := r.host.ReadPart(ctx, "/etc/machine-id", 0, size)
	if err != nil || len(content) != size {
		return ""
	}
	return string(content)
}

// cannotSee notes what could not be read. What is not there needs no note.
func (r *remoteReader) cannotSee(what string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	why, remedy := platform.Explain(err)
	if errors.Is(err, fs.ErrPermission) {
		why = "permission denied"
	}
	r.unseen(lifecycle.Unseen{Host: r.identity, Account: r.account, What: what, Why: why, Remedy: remedy})
}

// privateKeys looks for key files in ~/.ssh of the account (row 19). Of each it reads a
// part that is too short to hold the private half, where the format allows.
func (r *remoteReader) privateKeys(ctx context.Context) {
	dir := ".ssh"
	list, err := r.host.ReadDir(ctx, dir)
	if err != nil {
		r.cannotSee("private keys", err)
		return
	}
	for i, info := range list {
		if i == maxRemoteFiles {
			r.unseen(lifecycle.Unseen{Host: r.identity, Account: r.account, What: "private keys", Why: fmt.Sprintf("~/.ssh has more than %d files", maxRemoteFiles)})
			return
		}
		if !info.Mode().IsRegular() || info.Size() > maxKeyFile || hasOtherReader(info.Name()) || strings.HasSuffix(info.Name(), ".pub") {
			continue
		}
		r.privateKey(ctx, path.Join(dir, info.Name()), info)
	}
}

func (r *remoteReader) privateKey(ctx context.Context, name string, info fs.FileInfo) {
	head, err := r.host.ReadPart(ctx, name, 0, headSize)
	if err != nil {
		r.cannotSee(name, err)
		return
	}
	defer clear(head)
	file, need, ok := readHead(head)
	if !ok {
		return
	}
	if need > 0 {
		if more, err := r.host.ReadPart(ctx, name, 0, int64(need)); err == nil {
			defer clear(more)
			file, _, _ = readHead(more)
		}
	}
	if content, err := r.host.ReadPart(ctx, name+".pub", 0, maxKeyFile); err == nil && file.public == nil {
		file.public, file.comment, _ = pubformat.Parse(content)
	}
	found := lifecycle.Copy{
		Host: r.identity, Account: r.account, Path: name, Format: file.format, Clear: file.clear, Mode: uint32(info.Mode().Perm()), Modified: info.ModTime().UTC(),
	}
	if file.public != nil {
		found.Fingerprint = r.key(file.public, file.comment, path.Base(name))
	}
	r.add(func(inv *lifecycle.Inventory) { inv.Copies = append(inv.Copies, found) })
}

// serverLogs are where syslog writes what sshd logs: Debian's and Red Hat's.
var serverLogs = []string{"/var/log/auth.log", "/var/log/secure"}

// log reads the server's log, the older file first.
func (r *remoteReader) log(ctx context.Context) {
	log := serverLog{own: ownLogin{r.host.LetIn(), r.account, r.began}}
	var failed error
	found := false
	for _, name := range serverLogs {
		for _, part := range []string{name + ".1", name} {
			err := r.readLog(ctx, &log, part)
			found = found || err == nil
			if err != nil && (failed == nil || errors.Is(failed, fs.ErrNotExist)) {
				failed = err
			}
		}
	}
	switch {
	case !found && errors.Is(failed, fs.ErrNotExist):
		r.unseen(lifecycle.Unseen{Host: r.identity, What: "log", Why: "there is no " + joinNames(serverLogs) + ": the journal's files can be read on the host alone", Remedy: "keybroker collect --root on the host"})
		return
	case !found:
		r.unseen(lifecycle.Unseen{Host: r.identity, What: "log", Why: "it is not readable by " + r.account, Remedy: "let the account read it (on Debian the group adm does), or run keybroker collect --root on the host"})
		return
	}
	sightings, watch, covers := log.sightings(r.identity)
	r.add(func(inv *lifecycle.Inventory) {
		inv.Sightings = append(inv.Sightings, sightings...)
		if covers {
			inv.Watches = append(inv.Watches, watch)
		}
	})
	if !covers {
		r.unseen(lifecycle.Unseen{Host: r.identity, What: "log", Why: "the login of this run is not in it, so other logins may be missing, too", Remedy: "see where sshd logs to: SyslogFacility and LogLevel in sshd_config"})
	}
}

// readLog reads the end of one file.
func (r *remoteReader) readLog(ctx context.Context, log *serverLog, name string) error {
	return r.host.ReadTail(ctx, name, maxLogBytes, func(tail io.Reader, info fs.FileInfo) error {
		return log.read(tail, info.ModTime().UTC())
	})
}
