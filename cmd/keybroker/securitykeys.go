package main

import (
	"context"
	"errors"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/sources/fido"
)

// asking has a source of security keys ask the person as everything else does.
// before says what was before a use.
func asking(config fido.Config, prompter confirm.Prompter, before func(*keys.Use) string) fido.Config {
	config.AskPIN = func(ctx context.Context, use *keys.Use, title, text string) ([]byte, error) {
		return prompter.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "PIN:", Use: use, Facts: true, History: before(use)})
	}
	config.Notify = func(ctx context.Context, use *keys.Use, title, text string) error {
		err := prompter.Notify(ctx, confirm.Notice{Title: title, Text: text, Use: use, History: before(use)})
		if errors.Is(err, confirm.ErrClosed) {
			return fido.ErrRefused
		}
		return err
	}
	return config
}

// noHistory is for where nothing is written of what was before.
func noHistory(*keys.Use) string { return "" }
