package broker

import (
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// problems lists what does not work now, and what will not soon, each with its remedy.
func (b controlAPI) problems() (list, soon []control.Problem) {
	add := func(err error) {
		if err != nil {
			list = append(list, problemOf(err))
		}
	}
	add(b.reload.problem())
	add(b.sealed.Err())
	add(b.sealed.Vault().Check())
	add(b.sealed.Vault().CheckPassphraseFile())
	if err := b.server.AuditErr(); err != nil {
		add(problem.With(fmt.Errorf("the audit log cannot be written, so nothing is signed: %w", err), "make room on its disk, or mount it for writing: df %s", platform.ShellWord(b.AuditDir())))
	}
	expired, expiring := b.claimProblems()
	for _, err := range expiring {
		soon = append(soon, problemOf(err))
	}
	for _, errs := range [][]error{b.sockets.lost(), b.others.faults, {b.approvals.nobodyToAsk()}, b.upstreams.problems(), b.server.Hosts.Problems(), cardProblems(b.Cards()), expired} {
		for _, err := range errs {
			add(err)
		}
	}
	for _, entry := range b.sealed.All() {
		if entry.Damaged() {
			add(problem.With(fmt.Errorf("the key %q is %s", entry.Name, entry.State), "%s", entry.Remedy))
		}
	}
	for _, err := range b.certs.Problems() {
		add(err)
	}
	return list, soon
}

func problemOf(err error) control.Problem {
	what, remedy := platform.Explain(err)
	return control.Problem{What: what, Remedy: remedy}
}
