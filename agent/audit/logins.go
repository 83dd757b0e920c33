package audit

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/wire"
)

const (
	// maxLoginHosts and maxLoginKeys bound what Logins remembers: 16 MiB at the
	// very most. The hosts and keys that were used last are kept.
	maxLoginHosts = 5_000
	maxLoginKeys  = 16 // of one host
	// maxLoginAge: what has not worked for a year may as well be found out anew,
	// and a long log does not have to be read from its beginning.
	maxLoginAge = 365 * 24 * time.Hour
	// maxLoginWait is how long a question waits for the log to be read. A list in
	// its plain order is better than none.
	maxLoginWait = 5 * time.Second
)

// Logins is which keys made the logins to which proved host: the part of an Index
// that orders lists. A client asks for such a signature when
// the server has said that it takes the key (RFC 4252 section 7), so these are
// the keys that work there. Its methods may be called concurrently.
type Logins struct {
	read chan struct{} // closed when the log was read

	mu    sync.Mutex             // guards what follows
	hosts map[string][]lastLogin // by the fingerprint of the host key; the newest first
}

// LoginKey is a key as it was offered to a server: by itself, or with a
// certificate, which has the key's fingerprint.
type LoginKey struct {
	Fingerprint string
	Certificate bool
}

// certificateSuffix ends the algorithm's name of a login with a certificate
// (OpenSSH PROTOCOL.certkeys).
const certificateSuffix = "-cert-v01@openssh.com"

type lastLogin struct {
	key  LoginKey
	time time.Time
}

func newLogins() *Logins {
	return &Logins{read: make(chan struct{}), hosts: map[string][]lastLogin{}}
}

// loaded says that the log was read as far back as this goes. Only Index.Load calls it.
func (l *Logins) loaded() {
	select {
	case <-l.read:
	default:
		close(l.read)
	}
}

// add notes one record, if it is of a login. Of too many hosts the one that was used
// longest ago goes.
func (l *Logins) add(r Record) {
	host, ok := loginHost(&r)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] == nil && len(l.hosts) >= maxLoginHosts {
		oldest := l.oldestLocked()
		if !r.Time.After(l.hosts[oldest][0].time) {
			return
		}
		delete(l.hosts, oldest)
	}
	key := LoginKey{r.Key.Fingerprint, strings.HasSuffix(r.Purpose.Algorithm, certificateSuffix)}
	l.hosts[host] = withLogin(l.hosts[host], lastLogin{key, r.Time})
}

func loginHost(r *Record) (string, bool) {
	if !r.isSignature() || r.Purpose == nil || r.Destination == nil {
		return "", false
	}
	host := r.Destination.Host.Fingerprint
	return host, r.Purpose.Kind == wire.KindLogin && r.Destination.Trust.Proved() && host != ""
}

// withLogin puts one in its place: records are added while older ones are still
// read. The list that was there is not changed.
func withLogin(list []lastLogin, one lastLogin) []lastLogin {
	fresh := make([]lastLogin, 0, min(len(list)+1, maxLoginKeys))
	for _, old := range list {
		if old.key != one.key {
			fresh = append(fresh, old)
		} else if old.time.After(one.time) {
			one = old
		}
	}
	i := slices.IndexFunc(fresh, func(old lastLogin) bool { return !old.time.After(one.time) })
	if i < 0 {
		i = len(fresh)
	}
	fresh = slices.Insert(fresh, i, one)
	return fresh[:min(len(fresh), maxLoginKeys)]
}

func (l *Logins) oldestLocked() string {
	oldest := ""
	for host, list := range l.hosts {
		if oldest == "" || list[0].time.Before(l.hosts[oldest][0].time) {
			oldest = host
		}
	}
	return oldest
}

// At returns the keys of the logins to a host, the one that was used last
// first. host is the fingerprint of its key. It may wait for Index.Load, but not for
// long.
func (l *Logins) At(ctx context.Context, host string) []LoginKey {
	l.wait(ctx)
	l.mu.Lock()
	list := l.hosts[host]
	l.mu.Unlock()
	found := make([]LoginKey, len(list))
	for i, login := range list {
		found[i] = login.key
	}
	return found
}

func (l *Logins) wait(ctx context.Context) {
	select {
	case <-l.read:
		return
	default:
	}
	timer := time.NewTimer(maxLoginWait)
	defer timer.Stop()
	select {
	case <-l.read:
	case <-timer.C:
	case <-ctx.Done():
	}
}
