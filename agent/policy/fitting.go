package policy

import (
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// ListOnly is the value of a rule's list that hides all other keys.
const ListOnly = "only"

// Fitting is the rules about the keys for one host that proved its key. The zero
// value has none.
type Fitting struct {
	only  []*rule // list = "only": a key that none of them names is hidden
	named []*rule // rules that name a host and keys, and do not refuse
}

// Fitting collects the rules that fit the host, the program and the socket of u,
// a request to list keys. It ignores the key of u. Where the machine's rules say
// "only", the user's rules cannot show more.
func (rs *Rules) Fitting(u *keys.Use) Fitting {
	var f Fitting
	if rs == nil || !u.Destination.Trust.Proved() {
		return f
	}
	for i := range rs.rules {
		r := &rs.rules[i]
		if i == rs.machine && len(f.only) > 0 {
			return f
		}
		if r.Key == "" || r.Host == "" || r.Action == Refuse || !r.fits(u) {
			continue
		}
		f.named = append(f.named, r)
		if r.List == ListOnly {
			f.only = append(f.only, r)
		}
	}
	return f
}

// fits ignores the facts that a request for the list does not have: key, purpose
// and account. A rule that hides keys and names no socket hides them on all.
func (r *rule) fits(u *keys.Use) bool {
	if !r.matchForwarded(u.Destination.Forwarded) || r.Socket != "" && !r.matchSocket(u.Socket) {
		return false
	}
	if host, _ := r.matchHost(u); host != yes {
		return false
	}
	if r.Program == "" {
		return true
	}
	program, _ := r.matchProgram(u)
	return program == yes
}

// Hides reports whether a list = "only" rule leaves the key out.
func (f Fitting) Hides(k *keys.Info) bool { return len(f.only) > 0 && !names(f.only, k) }

// Names reports whether a rule names the key for the host.
func (f Fitting) Names(k *keys.Info) bool { return names(f.named, k) }

func names(rules []*rule, k *keys.Info) bool {
	return slices.ContainsFunc(rules, func(r *rule) bool { return r.matchKey(k) })
}

func checkList(r *Rule) error {
	switch {
	case r.List == "":
		return nil
	case r.List != ListOnly:
		return fieldError("list", `unknown list %q: write "only"`, r.List)
	case r.Key == "" || r.Host == "":
		return fieldError("list", `list = "only" needs a key and a host: it hides all other keys from that host`)
	case r.Action == Refuse:
		return fieldError("list", `list = "only" with action = "refuse" would list only a key that is refused`)
	case r.Purpose != "" && r.Purpose != "login":
		return fieldError("list", `list = "only" is for logins: leave out the purpose`)
	}
	return nil
}
