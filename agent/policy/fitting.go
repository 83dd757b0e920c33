package policy

import (
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// ListOnly is the value of a rule's list that hides all other keys.
const ListOnly = "only"

// Fitting is what the rules say of the keys for one host that proved its key. The zero
// value says nothing.
type Fitting struct {
	only  []*rule // list = "only": a key that none of them names is hidden
	named []*rule // rules that name a host and keys, and do not refuse
}

// Fitting collects the rules that speak of the host, the program and the way of
// u, which lists keys; its key is not looked at. Where the machine's rules say
// "only", those of the user cannot show more.
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

// fits leaves out what a list cannot tell: the key, the purpose and the account. A
// rule that hides keys and names no socket hides them on each.
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

// Hides says whether the key is none of those that alone are to be listed.
func (f Fitting) Hides(k *keys.Info) bool { return len(f.only) > 0 && !names(f.only, k) }

// Names says whether a rule names the key for the host.
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
		return fieldError("list", `list = "only" with action = "refuse" would show the one key that is refused`)
	case r.Purpose != "" && r.Purpose != "login":
		return fieldError("list", `list = "only" is for logins: leave the purpose out`)
	}
	return nil
}
