package policy

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// Trial describes a use in words, as the flags of `keybroker policy test` do.
type Trial struct {
	Key, Host, Claimed, User, Program, Purpose, Socket string
	Forwarded, Confirm, NewHost                        bool
}

// check finds values that no request can have.
func (t Trial) check(sockets []string) error {
	switch {
	case t.Key == "":
		return problem.New("--key is empty", "name a key: keybroker keys list")
	case t.Program != "" && !filepath.IsAbs(t.Program):
		return problem.With(fmt.Errorf("--program %q is not an absolute path", t.Program), "find it: command -v %s", t.Program)
	case strings.ContainsAny(t.Host+t.Claimed, " \t*?,"):
		return fmt.Errorf("%q is not the name of one host", t.Host+t.Claimed)
	case t.Socket != "" && !slices.Contains(sockets, t.Socket):
		return problem.With(fmt.Errorf("there is no socket %q", t.Socket), "add a [[socket]] table to the configuration")
	}
	return nil
}

// Use is the use that t describes. sockets are the names of the sockets that exist.
func (t Trial) Use(sockets []string, now time.Time) (*keys.Use, error) {
	if err := t.check(sockets); err != nil {
		return nil, err
	}
	use := &keys.Use{Op: keys.OpSign, Key: keys.Info{Name: t.Key, Blob: []byte("trial"), Confirm: t.Confirm}, Socket: t.Socket, Time: now}
	if strings.HasPrefix(t.Key, "SHA256:") {
		use.Key.Name, use.Key.Fingerprint = "", t.Key
	}
	if t.Program != "" {
		use.Peer = platform.Peer{Identified: true, Process: platform.Process{Executable: t.Program, Name: baseName(t.Program)}}
	}
	purpose, err := purposeNamed(t.Purpose)
	if err != nil {
		return nil, err
	}
	if use.Purpose = purpose; purpose.Kind == wire.KindLogin {
		use.Purpose.User = t.User
	}
	use.Destination = keys.Destination{Trust: keys.TrustNone, Forwarded: t.Forwarded}
	switch {
	case t.Host != "":
		use.Destination.Trust = keys.TrustVerified
		use.Destination.Host = keys.Host{Fingerprint: "SHA256:trial", Names: []string{t.Host}}
	case t.NewHost:
		use.Destination.Trust, use.Destination.Host = keys.TrustNew, keys.Host{Fingerprint: "SHA256:trial"}
	case t.Claimed != "":
		use.Destination.Trust, use.Destination.Claimed = keys.TrustClaimed, t.Claimed
	}
	return use, nil
}

// purposeNamed reads a purpose as rules write it.
func purposeNamed(text string) (wire.Purpose, error) {
	kind, detail, _ := strings.Cut(text, ":")
	p := wire.Purpose{Kind: wire.Kind(kind)}
	switch {
	case p.Kind == wire.KindSSHSig && detail != "":
		p.Namespace = detail
	case !slices.Contains(Purposes, text):
		return p, problem.With(fmt.Errorf("unknown purpose %q", text), "use sshsig:NAMESPACE, or one of: %s", strings.Join(Purposes, ", "))
	case p.Kind == wire.KindCertificate:
		p.Certificate = &wire.Certificate{For: cmp.Or(detail, "user")}
	}
	return p, nil
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
