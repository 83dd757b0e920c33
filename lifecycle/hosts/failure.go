package hosts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Kind is why a host could not be read or changed.
type Kind string

// The kinds of failure.
const (
	BadTarget        Kind = "not a host"
	Unreachable      Kind = "unreachable"
	TurnedAway       Kind = "turned away" // before anybody was asked for a key
	HostKeyChanged   Kind = "host key changed"
	HostKeyUnknown   Kind = "host key unknown"
	PermissionDenied Kind = "permission denied"
	TooManyKeys      Kind = "too many keys"
	NotAllowed       Kind = "the agent refused" // a rule or the person
	NoSFTP           Kind = "no SFTP"
	Noise            Kind = "noise before SFTP"
	Lost             Kind = "connection lost"
	Interrupted      Kind = "interrupted"
	NotWritable      Kind = "not writable"
	DiskFull         Kind = "disk full"
	Changed          Kind = "changed by somebody else"
	Unknown          Kind = "failed"
)

// Failure is an error of a host, with its remedy.
type Failure struct {
	Kind   Kind
	Target string
	err    error
}

func (f *Failure) Error() string { return f.Target + ": " + f.err.Error() }

// Unwrap returns what happened, with the remedy.
func (f *Failure) Unwrap() error { return f.err }

// KindOf is the kind of err; "": it is not of a host.
func KindOf(err error) Kind {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure.Kind
	}
	return ""
}

func (h *Host) fail(kind Kind, what, remedy string) *Failure {
	return &Failure{Kind: kind, Target: h.target, err: problem.New(what, remedy)}
}

// sayings are what ssh says when a login fails, and what it means. %s is the target.
var sayings = []struct {
	pattern      *regexp.Regexp
	kind         Kind
	what, remedy string
}{
	{regexp.MustCompile(`REMOTE HOST IDENTIFICATION HAS CHANGED|HOST IDENTIFICATION HAS CHANGED`), HostKeyChanged,
		"the server shows another host key than known_hosts has", "ask its administrator for the new key's fingerprint; if it is the right one: ssh-keygen -R NAME, then ssh %s"},
	{regexp.MustCompile(`REVOKED HOST KEY`), HostKeyChanged, "the server's host key is marked as revoked", "do not log in; ask its administrator"},
	{regexp.MustCompile(`Host key verification failed|host key is known for`), HostKeyUnknown,
		"its host key is not in known_hosts", "log in once, and compare the fingerprint: ssh %s"},
	{regexp.MustCompile(`Too many authentication failures`), TooManyKeys,
		"the server ended the login after too many keys", "name the key for it in ssh_config: IdentityFile FILE.pub and IdentitiesOnly yes"},
	{regexp.MustCompile(`agent refused operation|signing failed`), NotAllowed,
		"the agent did not sign", "see why: keybroker log"},
	{regexp.MustCompile(`Permission denied \(|No more authentication methods`), PermissionDenied,
		"the server let none of the keys in", "see which it was offered: ssh -v %s"},
	{regexp.MustCompile(`subsystem request failed`), NoSFTP,
		"the server offers no SFTP", "its administrator can turn it on (Subsystem sftp internal-sftp in sshd_config); until then, edit its authorized_keys by hand"},
	{regexp.MustCompile(`Could not resolve hostname|Name or service not known`), Unreachable, "its name is not known", "check the name, or give it a HostName in ssh_config"},
	{regexp.MustCompile(`[Cc]onnection refused`), Unreachable, "nothing listens there for ssh", "check the port, and that sshd runs"},
	{regexp.MustCompile(`[Cc]onnection timed out|Operation timed out|No route to host|Network is unreachable|timeout`), Unreachable,
		"it does not answer", "check the network, or try again later"},
	{regexp.MustCompile(`kex_exchange_identification|banner exchange|Connection (?:closed|reset) by`), TurnedAway,
		"it ended the connection before the login", "it may be too busy or block this address (MaxStartups, PerSourcePenalties, fail2ban): try again in a few minutes"},
	{regexp.MustCompile(`Connection to .* closed by remote host|client_loop: send disconnect`), Lost,
		"it ended the connection after the login", "see its log for the reason, or try again"},
	{regexp.MustCompile(`Unable to negotiate`), Unreachable, "it and this ssh have no algorithm in common", "see which: ssh -v %s"},
}

// failure says why a login came to nothing: err is what SFTP said, which is often only
// that the pipe ended.
func (h *Host) failure(ctx context.Context, run *run, err error) error {
	if ctx.Err() != nil {
		return &Failure{Kind: Interrupted, Target: h.target, err: context.Cause(ctx)}
	}
	if text, ok := errors.AsType[*noise](err); ok {
		return h.fail(Noise, fmt.Sprintf("a start-up file of its shell prints %q where SFTP begins", platform.Escape(firstLine(text.text), 60)),
			"let the file (.bashrc, .cshrc) print only in a terminal: [ -t 1 ] || return")
	}
	run.end()
	if failure := h.understand(run); failure != nil {
		return failure
	}
	if status := saysExit.FindStringSubmatch(run.log()); status != nil {
		return h.fail(NoSFTP, "what it runs for SFTP ended with exit status "+status[1], "look at Subsystem sftp in its sshd_config, and whether the key that logs in has another command there")
	}
	what := lastLine(withoutDebug(run.log()))
	if what == "" {
		what = err.Error()
	}
	return h.fail(Unknown, platform.Escape(what, 200), "see more: ssh -v "+h.target)
}

// understand finds the cause in what ssh wrote, and then in what a jump host's ssh wrote. That
// an ssh was turned away says less than what the jump host's has to say of it.
func (h *Host) understand(run *run) (failure *Failure) {
	for _, log := range []string{run.log(), run.said.text()} {
		if found := h.cause(withoutDebug(log)); found != nil && (failure == nil || failure.Kind == TurnedAway) {
			failure = found
		}
	}
	if failure != nil && failure.Kind == TurnedAway && (begun(run.log()) || begun(run.said.text())) {
		failure.Kind = Unreachable
	}
	return failure
}

// begun is true where a key may have been asked for.
func begun(log string) bool { return strings.Contains(log, "SSH2_MSG_SERVICE_ACCEPT received") }

func (h *Host) cause(log string) *Failure {
	for _, saying := range sayings {
		if saying.pattern.MatchString(log) {
			remedy := saying.remedy
			if strings.Contains(remedy, "%s") {
				remedy = fmt.Sprintf(remedy, h.target)
			}
			return h.fail(saying.kind, saying.what, remedy)
		}
	}
	return nil
}

// saysExit is that the login went well, and what was run there did not.
var saysExit = regexp.MustCompile(`(?m)^debug1: Exit status ([0-9]+)`)

// saysVerbose is a line that ssh writes only with -v.
var saysVerbose = regexp.MustCompile(`^(debug1: |Authenticated to |Transferred: |Bytes per second: )`)

func withoutDebug(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		if !saysVerbose.MatchString(line) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimRight(line, "\r")
}
