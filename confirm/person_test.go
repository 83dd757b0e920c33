package confirm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/keys"
)

// A question of a source shows the facts and the history exactly when its answer is the
// person's consent to a request.
func TestPersonShowsFactsAndHistory(t *testing.T) {
	use := confirmtest.Login(t).Use
	for name, test := range map[string]struct {
		asked keys.Question
		want  confirm.SecretQuestion
	}{
		"consent":    {keys.Question{Title: "PIN", Use: use, Facts: true, Why: "a rule"}, confirm.SecretQuestion{Title: "PIN", Use: use, Facts: true, Why: "a rule", History: "twice"}},
		"no request": {keys.Question{Title: "PIN", Facts: true, Why: "a rule"}, confirm.SecretQuestion{Title: "PIN"}},
		"passphrase": {keys.Question{Title: "Vault", Text: "text", Prompt: "Passphrase:", Error: "wrong", Use: use},
			confirm.SecretQuestion{Title: "Vault", Text: "text", Prompt: "Passphrase:", Error: "wrong", Use: use}},
	} {
		t.Run(name, func(t *testing.T) {
			screen := confirmtest.New()
			person := confirm.Person{Prompter: screen, Before: func(*keys.Use) string { return "twice" }}
			go func() {
				shown := screen.Next(t)
				if shown.Secret != test.want {
					t.Errorf("shown %+v, not %+v", shown.Secret, test.want)
				}
				shown.Type([]byte("1234"))
			}()
			if secret, err := person.Secret(t.Context(), test.asked); err != nil || string(secret) != "1234" {
				t.Errorf("%q, %v", secret, err)
			}
		})
	}
	screen := confirmtest.New()
	person := confirm.Person{Prompter: screen, Before: func(*keys.Use) string { return "twice" }}
	ctx, end := context.WithCancel(t.Context())
	go func() {
		if n := screen.Next(t).Notice; n == nil || *n != (confirm.Notice{Title: "Touch", Text: "it", Use: use, Why: "a rule", History: "twice"}) {
			t.Errorf("shown %+v", n)
		}
		end()
	}()
	if err := person.Notify(ctx, keys.Notice{Title: "Touch", Text: "it", Use: use, Why: "a rule"}); err != nil {
		t.Error(err)
	}
}

// A closed prompt counts as the person's refusal, with or without a queue. A broken prompt
// does not.
func TestPersonRefuses(t *testing.T) {
	broken := errors.New("broken")
	for name, ask := range map[string]func(confirm.Person) error{
		"secret": func(p confirm.Person) error { _, err := p.Secret(t.Context(), keys.Question{}); return err },
		"notice": func(p confirm.Person) error { return p.Notify(t.Context(), keys.Notice{}) },
	} {
		screen := confirmtest.New()
		for way, prompter := range map[string]confirm.Prompter{"queue": confirm.NewQueue(screen, confirm.QueueConfig{}), "direct": screen} {
			for _, test := range []struct {
				end     func(*confirmtest.Shown)
				cause   error
				refused bool
			}{
				{(*confirmtest.Shown).Close, confirm.ErrClosed, true},
				{func(s *confirmtest.Shown) { s.Fail(broken) }, broken, false},
			} {
				go func() { test.end(screen.Next(t)) }()
				if err := ask(confirm.Person{Prompter: prompter}); !errors.Is(err, test.cause) || errors.Is(err, keys.ErrRefused) != test.refused {
					t.Errorf("%s, %s: %v", name, way, err)
				}
			}
		}
	}
}
