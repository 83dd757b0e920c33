package hosts

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
)

const (
	// probePatience bounds one probe, with the time for a touch.
	probePatience = 2 * time.Minute
	// afterLogin is how long the server may take to say by which line it let a key in.
	afterLogin = 2 * time.Second
	// lookEvery is how often ssh's log is read.
	lookEvery = 10 * time.Millisecond
)

// Probed is what a server said of a key.
type Probed struct {
	lifecycle.Probe
	LetIn   string // fingerprint of the key that got in afterwards; "": none
	LetInBy string // FILE:LINE of authorized_keys, where the server said so

	// Together: the refusal was said in the connection in which another key got in.
	Together bool
}

// Probe asks the server whether it would accept key, by its public half alone: nobody
// signs with it, and it need not be anybody's own. Where letIn has keys, which the agent
// holds, one of them then logs in: a refusal of key is then the server's own word about
// the key, not about the address or the time. A key that is refused is offered again in
// that connection: Together says whether ssh did so before the one that gets in. It does
// so in the agent's order, which Dialer.ListFirst changes. It runs no command on the server.
//
// The connections are fresh ones, to the host key that this Host has. An error means that nothing is known of the key.
func (h *Host) Probe(ctx context.Context, key ssh.PublicKey, letIn ...ssh.PublicKey) (Probed, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	var said lifecycle.Probe
	err := h.patiently(ctx, func() (err error) {
		said, err = h.ask(ctx, key)
		return err
	})
	if err != nil || len(letIn) == 0 {
		return Probed{Probe: said}, err
	}
	offered := letIn
	if !said.Accepted { // it cannot be the one that gets in
		offered = append([]ssh.PublicKey{key}, letIn...)
	}
	var in, by, log string
	err = h.patiently(ctx, func() (err error) {
		in, by, log, err = h.enter(ctx, offered)
		return err
	})
	if !has(letIn, in) { // ssh_config names further keys, also the one that is about to go
		in, by = "", ""
	}
	probed := Probed{Probe: said, LetIn: in, LetInBy: by}
	if again, known := verdict(log, authorized.Fingerprint(key.Marshal()), true); known && !said.Accepted {
		probed.Probe, probed.Together = again, in != ""
	}
	return probed, err
}

func has(list []ssh.PublicKey, fingerprint string) bool {
	return slices.ContainsFunc(list, func(key ssh.PublicKey) bool { return authorized.Fingerprint(key.Marshal()) == fingerprint })
}

// sameServer fails for a login that went to another server of the same name.
func (h *Host) sameServer(run *run) error {
	if key := hostKeyIn(run.log()); key != h.key {
		return h.fail(HostKeyChanged, "the server of this connection has another host key than that of the first one", "name one server, not several behind one name")
	}
	return nil
}

// ask offers the key and nothing that could sign.
func (h *Host) ask(ctx context.Context, key ssh.PublicKey) (lifecycle.Probe, error) {
	path, err := h.writePublic(key)
	if err != nil {
		return lifecycle.Probe{}, err
	}
	run, err := h.start([]string{"-N", "-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey",
		"-o", "PubkeyAuthentication=yes", "-o", "CertificateFile=none", "-o", "BatchMode=yes", "-i", path})
	if err != nil {
		return lifecycle.Probe{}, err
	}
	defer run.end()
	defer run.kill()
	fingerprint := authorized.Fingerprint(key.Marshal())
	for {
		ended := run.hasEnded() // before the log is read, which is whole then
		if said, known := verdict(run.log(), fingerprint, ended); known {
			return said, h.sameServer(run)
		}
		if ended {
			return lifecycle.Probe{}, h.notAsked(run)
		}
		if err := wait(ctx); err != nil {
			return lifecycle.Probe{}, &Failure{Kind: Interrupted, Target: h.target, err: err}
		}
	}
}

// verdict reads what the server answered to the offer of a key. It has refused when ssh
// goes on to something else.
func verdict(log, fingerprint string, ended bool) (lifecycle.Probe, bool) {
	offered := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		switch match := saysAccepts.FindStringSubmatch(line); {
		case match != nil && match[1] == fingerprint:
			return lifecycle.Probe{Accepted: true, Time: time.Now(), Said: platform.Escape(line, 300)}, true
		case offered != "" && saysNo(line):
			return lifecycle.Probe{Time: time.Now(), Said: platform.Escape(line, 300)}, true
		}
		if match := saysOffer.FindStringSubmatch(line); match != nil && match[1] == fingerprint {
			offered = line
		}
	}
	return lifecycle.Probe{}, false
}

// saysNo is true for what ssh writes after the server's SSH_MSG_USERAUTH_FAILURE.
func saysNo(line string) bool {
	return strings.HasPrefix(line, "debug1: Authentications that can continue:") || strings.Contains(line, "Permission denied (")
}

// notAsked is the error for a probe that ended before the server said anything of the key.
func (h *Host) notAsked(run *run) error {
	if failure := h.understand(run); failure != nil && failure.Kind != PermissionDenied {
		return failure
	}
	return h.fail(Unknown, "this ssh did not offer the key to the server", "it may be of a type that ssh_config or this ssh turns down (PubkeyAcceptedAlgorithms): ssh -Q key")
}

// enter logs in with one of the keys, runs nothing, and says which and by what line.
func (h *Host) enter(ctx context.Context, keys []ssh.PublicKey) (fingerprint, by, log string, err error) {
	args := []string{"-N", "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey", "-o", "PubkeyAuthentication=yes"}
	for _, key := range keys {
		path, err := h.writePublic(key)
		if err != nil {
			return "", "", "", err
		}
		args = append(args, "-i", path)
	}
	defer h.offerFirst(ctx, keys[0])()
	run, err := h.start(args)
	if err != nil {
		return "", "", "", err
	}
	defer run.end()
	defer run.kill()
	var entered time.Time
	for {
		ended, log := run.hasEnded(), run.log()
		in, line := letIn(log), letInBy(log)
		if in != "" && entered.IsZero() {
			entered = time.Now()
		}
		if in != "" && (line != "" || ended || time.Since(entered) > afterLogin) {
			return in, line, log, h.sameServer(run)
		}
		if ended {
			return "", "", log, h.failure(ctx, run, errEnded)
		}
		if err := wait(ctx); err != nil {
			return "", "", log, &Failure{Kind: Interrupted, Target: h.target, err: err}
		}
	}
}

// offerFirst has the agent list a key first for the login that names its file.
func (h *Host) offerFirst(ctx context.Context, key ssh.PublicKey) (withdraw func()) {
	path, err := h.writePublic(key)
	if h.dialer.ListFirst == nil || err != nil {
		return func() {}
	}
	if withdraw, err = h.dialer.ListFirst(ctx, key.Marshal(), path); err != nil {
		return func() {}
	}
	return withdraw
}

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(lookEvery):
		return nil
	}
}
