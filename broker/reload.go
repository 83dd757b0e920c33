package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// reloader reads the rules again and puts them in force.
type reloader struct {
	config    *config.Config // what the broker was started with
	named     bool           // the person named the configuration file
	server    *agent.Server
	queue     *confirm.Queue
	approvals *approvals
	log       *slog.Logger
	changed   func()

	asking atomic.Bool // the person is asked about wider rules

	mu  sync.Mutex // guards err
	err error      // why the last reload kept the old rules, or nil
}

func (r *reloader) setProblem(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *reloader) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// reload reads the rules again for peer. If they have an error, the old rules stay in
// force: a broken file never widens what is allowed, and never stops the daemon. Rules
// that allow more need the person's consent (decision 0021).
func (r *reloader) reload(ctx context.Context, peer platform.Peer) (control.Reloaded, error) {
	return r.reloadRules(ctx, peer, "asked for by "+peer.Chain())
}

// hangUp is a reload by the signal HUP, whose sender is unknown.
func (r *reloader) hangUp(ctx context.Context) {
	_, _ = r.reloadRules(ctx, platform.Peer{User: platform.CurrentUser()}, "by the signal HUP")
}

func (r *reloader) reloadRules(ctx context.Context, peer platform.Peer, how string) (control.Reloaded, error) {
	reloaded, err := r.takeRules(ctx, peer, how)
	r.setProblem(err)
	r.changed()
	if err != nil {
		r.log.Error("the old rules stay in force", "error", err)
		return reloaded, err
	}
	r.log.Info("the rules were read again", "rules", r.server.Rules().Len(), "digest", r.server.Rules().Digest())
	if len(reloaded.AtStart) > 0 {
		r.log.Warn("settings that are read only at start were changed", "settings", strings.Join(reloaded.AtStart, ", "), "remedy", "restart the broker")
	}
	return reloaded, nil
}

func (r *reloader) takeRules(ctx context.Context, peer platform.Peer, how string) (reloaded control.Reloaded, err error) {
	before := r.server.BeforeReload()
	fresh, err := config.Read(r.config.Paths, r.named)
	if err != nil {
		r.server.ReloadRefused(peer, err)
		return reloaded, control.Invalid(err)
	}
	rules := fresh.PolicyRules()
	wider := policy.Widened(before.Rules, rules)
	if len(wider) > 0 {
		ctx, cancel := before.Until(ctx)
		defer cancel()
		if err := r.mayWiden(ctx, peer, wider); err != nil {
			r.server.ReloadRefused(peer, err)
			return reloaded, err
		}
	}
	reloaded = control.Reloaded{Rules: rules.Len(), Unchanged: rules.Digest() == before.Rules.Digest(), AtStart: r.config.ReadAtStart(fresh)}
	return reloaded, r.server.Reload(peer, before, rules, wider, how)
}

// mayWiden asks the person whether rules that allow more may be put in force. It is an
// error if the answer is not yes, or if nobody can be asked.
func (r *reloader) mayWiden(ctx context.Context, peer platform.Peer, wider []string) error {
	what := "the rules in the configuration allow more than those in force: " + strings.Join(wider, "; ")
	if !r.approvals.canAsk() {
		if platform.OnlyRootCanWrite(r.config.Paths.ConfigFile) == nil { // only the machine's owner could have written them
			return nil
		}
		return problem.With(fmt.Errorf("%s; nobody can be asked whether that is intended", what), "if it is: restart the broker, which forgets its opened keys")
	}
	if r.asking.Swap(true) {
		return problem.New("the person is being asked about other rules already", "answer that question, then: keybroker policy reload")
	}
	defer r.asking.Store(false)
	answer, err := r.queue.Ask(ctx, confirm.Question{Why: summary(wider), Use: &keys.Use{Op: keys.OpReload, Peer: peer, Time: time.Now()}})
	if err == nil && answer.Verdict == confirm.AllowOnce {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) { // locked, paused, …
		return cause
	}
	if err != nil {
		return problem.With(fmt.Errorf("%s; nobody could be asked: %w", what, err), "see what is wrong with the prompt: keybroker doctor")
	}
	return control.Refused(problem.With(fmt.Errorf("%s; %s", what, answer.Reason), "if it is intended: keybroker policy reload, and allow it"))
}

// summary is one line of the prompt.
func summary(wider []string) string {
	if more := len(wider) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", wider[0], more)
	}
	return wider[0]
}
