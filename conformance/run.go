package conformance

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// Options of a run.
type Options struct {
	May      Effect        // rules of more effect are skipped
	Patience time.Duration // for each answer
	Profile  Profile
	Done     func(Result) // called after each rule; may be nil
}

// Run tries rules one after the other. The error means that the agent could not be
// started, or started again.
func Run(ctx context.Context, agent Agent, rules []Rule, o Options) ([]Result, error) {
	var results []Result
	dirty := false
	for _, rule := range rules {
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if dirty && agent.Disposable() {
			if err := agent.Fresh(ctx); err != nil {
				return results, fmt.Errorf("the agent cannot be started again: %w", err)
			}
		}
		var result Result
		result, dirty = try(ctx, agent, rule, o)
		results = append(results, result)
		if o.Done != nil {
			o.Done(result)
		}
	}
	return results, nil
}

// try tries one rule. Afterwards the agent is dirty if it must be made new.
func try(ctx context.Context, agent Agent, rule Rule, o Options) (result Result, dirty bool) {
	result = Result{Rule: rule.Name, Section: rule.Section, Level: rule.Level, Says: rule.Says, Status: Pass}
	if rule.Effect > o.May {
		result.Status, result.Detail = Skip, needs[rule.Effect]
		return result, false
	}
	t := &T{ctx: ctx, agent: agent, patience: o.Patience, result: &result}
	began := time.Now()
	t.judge(func() { rule.Check(t) })
	dirty = t.cleanUp(rule.Effect, o.May)
	result.Took = time.Since(began)
	if why, declined := o.Profile.Declines(rule); declined && result.Status == Fail {
		result.Status, result.Detail = Declined, why+" ("+result.Detail+")"
	}
	if result.Status == Pass || result.Status == Skip {
		result.Exchanges = result.Exchanges[max(len(result.Exchanges)-1, 0):]
	}
	return result, dirty
}

// needs says how a rule may be tried that was skipped.
var needs = map[Effect]string{
	Adds:     "it adds test keys: use --add-keys, or --start",
	Destroys: "it could remove keys, lock the agent or exhaust it: use --start, or --destructive",
}

// judge runs one step of a rule and takes its verdict, unless there is one.
func (t *T) judge(step func()) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case verdict:
			if t.result.Status == Pass {
				t.result.Status, t.result.Detail = v.status, v.detail
			}
			t.unanswered()
		default:
			panic(fmt.Sprintf("%v\n%s", v, debug.Stack()))
		}
	}()
	step()
}

// cleanUp removes what the rule added, and looks whether the agent still serves.
func (t *T) cleanUp(effect, may Effect) (dirty bool) {
	for _, c := range t.conns {
		c.Close()
	}
	for _, name := range t.files {
		_ = os.Remove(name)
	}
	t.pending = nil
	defer t.tellPassphrase()
	exchanges := t.result.Exchanges
	defer func() { t.result.Exchanges = exchanges }()
	t.ctx = context.WithoutCancel(t.ctx) // keys are removed after Ctrl-C, too
	passed := t.result.Status == Pass
	alive := false
	t.judge(func() {
		t.Alive()
		alive = true
	})
	if !alive {
		if passed {
			t.result.Detail = "afterwards the agent serves nobody: " + t.result.Detail
		}
		return true
	}
	if effect == Reads {
		return false
	}
	if t.spoiled && may == Destroys && t.agent.Disposable() {
		return true
	}
	t.judge(func() {
		t.Unlock()
		c := t.Connect()
		for _, blob := range t.added {
			c.Ask(message(removeIdentity, str(blob)))
		}
		listed, ok := parseList(c.Ask(message(requestIdentities)))
		dirty = t.agent.Disposable() && (!ok || len(listed) > 0)
	})
	return dirty
}
