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
	// maxLoginHosts and maxLoginKeys bound what Logins remembers to 16 MiB. The
	// hosts and keys that were used last are kept.
	maxLoginHosts = 5_000
	maxLoginKeys  = 16 // of one host
	// maxLoginAge is how far back logins count, so that a long log does not have
	// to be read from its beginning.
	maxLoginAge = 365 * 24 * time.Hour
	// maxLoginWait is how long after the start lists wait for the log to be read,
	// which takes longer only without its index. An unsorted list is better than none.
	maxLoginWait = 2 * time.Second
)

// Logins knows which keys logged in to which proved host: the part of an Index that
// orders lists. A client asks for such a signature after the server has accepted the
// key (RFC 4252 section 7), so these are the keys that work there. Its methods may
// be called concurrently.
type Logins struct {
	read  chan struct{} // closed when the log was read
	until time.Time     // lists wait for that no longer

	mu    sync.Mutex             // guards the fields below
	hosts map[string][]lastLogin // by the host key's fingerprint; newest first
}

// LoginKey is a key as it was offered to a server: plain, or with a certificate,
// which has the key's fingerprint.
type LoginKey struct {
	Fingerprint string
	Certificate bool
}

type lastLogin struct {
	key  LoginKey
	time time.Time
}

func newLogins() *Logins {
	return &Logins{read: make(chan struct{}), until: time.Now().Add(maxLoginWait), hosts: map[string][]lastLogin{}}
}

// loaded notes that the log was read as far back as needed. Only Index.Load calls it.
func (l *Logins) loaded() {
	select {
	case <-l.read:
	default:
		close(l.read)
	}
}

// add notes one record, if it is of a login. If there are too many hosts, it drops
// the one that was used longest ago.
func (l *Logins) add(r Record) {
	host, ok := loginHost(&r)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := LoginKey{r.Key.Fingerprint, strings.HasSuffix(r.Purpose.Algorithm, wire.CertificateSuffix)}
	l.putLocked(host, lastLogin{key, r.Time})
}

// learn notes a part of the log, as far as it is not older than oldest.
func (l *Logins) learn(p *part, oldest time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for fingerprint, k := range p.Keys {
		for w, s := range k.Places {
			if w.Login && w.Host != "" && s.Last.After(oldest) {
				l.putLocked(w.Host, lastLogin{LoginKey{fingerprint, w.Certificate}, s.Last})
			}
		}
	}
}

func (l *Logins) putLocked(host string, login lastLogin) {
	if l.hosts[host] == nil && len(l.hosts) >= maxLoginHosts {
		oldest := l.oldestLocked()
		if !login.time.After(l.hosts[oldest][0].time) {
			return
		}
		delete(l.hosts, oldest)
	}
	l.hosts[host] = withLogin(l.hosts[host], login)
}

func loginHost(r *Record) (string, bool) {
	if !r.isSignature() || r.Purpose == nil || r.Destination == nil {
		return "", false
	}
	host := r.Destination.Host.Fingerprint
	return host, r.Purpose.Kind == wire.KindLogin && r.Destination.Trust.Proved() && host != ""
}

// withLogin returns a list with the login in its place by time: new records are
// added while old ones are read. It does not change list.
func withLogin(list []lastLogin, login lastLogin) []lastLogin {
	fresh := make([]lastLogin, 0, min(len(list)+1, maxLoginKeys))
	for _, old := range list {
		if old.key != login.key {
			fresh = append(fresh, old)
		} else if old.time.After(login.time) {
			login = old
		}
	}
	i := slices.IndexFunc(fresh, func(old lastLogin) bool { return !old.time.After(login.time) })
	if i < 0 {
		i = len(fresh)
	}
	fresh = slices.Insert(fresh, i, login)
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

// At returns the keys of the logins to a host, last used first. host is the
// fingerprint of its key. It may wait for Index.Load, for maxLoginWait after the start.
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
	timer := time.NewTimer(time.Until(l.until))
	defer timer.Stop()
	select {
	case <-l.read:
	case <-timer.C:
	case <-ctx.Done():
	}
}
