package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// View is the part of the agent that a separate socket shows: one `[[socket]]`
// table of config.toml without its path. It only narrows. The rules decide about
// what it lets through, and Action does when none matches.
type View struct {
	Name     string   // shown in prompts and the log; rules match it
	Keys     []string // names, fingerprints or patterns, as in a rule; nil: all
	Hosts    []string // names of verified destinations, likewise; nil: all
	ReadOnly bool     // no adding, removing, locking
	Action   Action   // when no rule matches; "": Ask
}

// viewName is a name that files, prompts and rules can use without escaping.
var viewName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`) })

// Validate returns every fault of the view, each a *FieldError, joined.
func (v *View) Validate() error {
	var all []error
	if !viewName().MatchString(v.Name) {
		all = append(all, fieldError("name", `the name %q may have only letters, digits, "-" and "_", 32 at most`, v.Name))
	}
	for _, list := range []struct {
		field string
		texts []string
	}{{"keys", v.Keys}, {"hosts", v.Hosts}} {
		if list.texts != nil && len(list.texts) == 0 {
			all = append(all, fieldError(list.field, "%s is empty: name some, or leave it out to mean all", list.field))
		}
		all = append(all, checkViewPatterns(list.field, list.texts))
	}
	if v.Action != "" && v.Action != Allow && v.Action != Ask && v.Action != Refuse {
		all = append(all, fieldError("action", `unknown action %q: write "allow", "ask" or "refuse"`, string(v.Action)))
	}
	return errors.Join(all...)
}

func checkViewPatterns(field string, texts []string) error {
	if slices.Contains(texts, "") {
		return fieldError(field, "an empty entry in %s matches nothing", field)
	}
	for _, text := range texts {
		if err := checkCharacters(field, text, ""); err != nil {
			return err
		}
	}
	return checkPattern(field, strings.Join(texts, ","), "")
}

// view is a compiled View. The nil *view, for the agent's own socket, shows everything.
type view struct {
	View
	keys, hosts keys.Patterns
}

func compileView(v View) *view {
	return &view{View: v, keys: parse(v.Keys, 0), hosts: parse(v.Hosts, keys.FoldASCII)}
}

// parse reads several lists as one: an exception in one of them holds for all.
func parse(texts []string, style keys.PatternStyle) keys.Patterns {
	return keys.ParsePatterns(strings.Join(texts, ","), style)
}

// WithViews returns a copy of the rules with these views. A separate socket
// without a view refuses everything.
func (rs *Rules) WithViews(views ...View) *Rules {
	with := *rs
	with.views = make(map[string]*view, len(views))
	for _, v := range views {
		with.views[v.Name] = compileView(v)
	}
	return &with
}

// viewOf returns false for a socket that is no longer in the configuration.
func (rs *Rules) viewOf(socket string) (v *view, ok bool) {
	if rs == nil {
		return nil, false
	}
	if socket == "" {
		return nil, true
	}
	v, ok = rs.views[socket]
	return v, ok
}

// CheckShow returns why a socket does not show a key; nil: it does.
func (rs *Rules) CheckShow(socket string, key *keys.Info) error {
	v, ok := rs.viewOf(socket)
	switch {
	case !ok:
		return unknownSocket(socket)
	case v == nil || v.Keys == nil:
		return nil
	}
	if matchKey(v.keys, key) {
		return nil
	}
	return fmt.Errorf("the socket %q does not show this key", socket)
}

// CheckReach returns why a socket may not be used to log in to a host or to
// forward the agent there; nil: it may.
func (rs *Rules) CheckReach(socket string, host keys.Host) error {
	v, ok := rs.viewOf(socket)
	switch {
	case !ok:
		return unknownSocket(socket)
	case v == nil || v.Hosts == nil:
		return nil
	}
	if match, _ := matchNames(v.hosts, &host, false); match == yes {
		return nil
	}
	return fmt.Errorf("the socket %q is not for the host %s", socket, host.Name())
}

// CheckChange returns why keys may not be added, removed or locked through a
// socket; nil: they may. all: the change also affects keys that the socket does
// not show.
func (rs *Rules) CheckChange(socket string, all bool) error {
	v, ok := rs.viewOf(socket)
	switch {
	case !ok:
		return unknownSocket(socket)
	case v == nil:
	case v.ReadOnly:
		return fmt.Errorf("the socket %q is read-only", socket)
	case all && v.Keys != nil:
		return fmt.Errorf("the socket %q shows only some keys, and this would change others", socket)
	}
	return nil
}

func unknownSocket(name string) error {
	return fmt.Errorf("the socket %q is no longer in the configuration", name)
}

// checkView returns why the view of a use's socket forbids it, or nil.
func (rs *Rules) checkView(u *keys.Use) error {
	if err := rs.CheckShow(u.Socket, &u.Key); err != nil {
		return err
	}
	v, _ := rs.viewOf(u.Socket)
	if v == nil || v.Hosts == nil || u.Op != keys.OpSign {
		return nil
	}
	for _, hop := range u.Destination.Hops {
		if err := rs.CheckReach(u.Socket, hop); err != nil {
			return err
		}
	}
	switch {
	case u.Purpose.Kind == wire.KindSSHSig: // it goes to no host
		return nil
	case isUnknown(u.Purpose):
		return fmt.Errorf("the socket %q is for certain hosts, and it is not known what would be signed", u.Socket)
	case u.Purpose.Kind != wire.KindLogin:
		return fmt.Errorf("the socket %q is for certain hosts, and this is not a login", u.Socket)
	case !u.Destination.Trust.Proved():
		return fmt.Errorf("the socket %q is for certain hosts, and the destination is not proved", u.Socket)
	}
	return rs.CheckReach(u.Socket, u.Destination.Host)
}

// defaultDecision decides when no rule matches.
func (rs *Rules) defaultDecision(u *keys.Use) Decision {
	v, _ := rs.viewOf(u.Socket)
	d := Decision{Action: Ask, Why: whyNone, Remember: rs.options.DefaultRemember}
	if u.Op == keys.OpSign && !u.Purpose.Kind.Everyday() {
		d = Decision{Action: Ask, Why: whyNotNamed}
	}
	switch {
	case v == nil && rs.options.AsSSHAgent:
		return Decision{Action: Allow, Why: whyAgent}
	case v != nil && v.Action == Allow && !u.Destination.Forwarded && u.Purpose.Kind.Everyday(): // the same limits as for an allow rule
		return Decision{Action: Allow, Why: fmt.Sprintf("allowed by the socket %q", v.Name)}
	case v != nil && v.Action == Refuse:
		return Decision{Action: Refuse, Why: fmt.Sprintf("refused by the socket %q: no rule matches", v.Name)}
	}
	return d
}
