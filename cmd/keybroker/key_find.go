package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// findKey finds the one key that is called text, of all that `keybroker keys
// list` shows: by its name, its fingerprint, the start of one (from 8
// characters on), or its comment.
func (a *app) findKey(ctx context.Context, text string) (control.Key, error) {
	list, err := a.listKeys(ctx)
	if err != nil {
		return control.Key{}, err
	}
	var found []control.Key
	for _, called := range []func(control.Key) bool{
		func(k control.Key) bool { return k.Name == text || k.Fingerprint == text },
		func(k control.Key) bool { return k.Comment == text || startsFingerprint(k.Fingerprint, text) },
	} {
		for _, key := range list {
			if key.PublicKey != "" && called(key) {
				found = append(found, key)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return control.Key{}, fmt.Errorf("%d keys are called %s\nname one by its fingerprint: keybroker keys list", len(found), platform.Escape(text, maxCell))
		}
	}
	return control.Key{}, fmt.Errorf("there is no key %s\nsee what there is: keybroker keys list", platform.Escape(text, maxCell))
}

// minFingerprint is how much of a fingerprint names a key, "SHA256:" included.
const minFingerprint = len("SHA256:") + 8

func startsFingerprint(fingerprint, text string) bool {
	return len(text) >= minFingerprint && strings.HasPrefix(fingerprint, text)
}

// completeKeys completes what findKey takes: names, and fingerprints of keys
// that have none.
func (a *app) completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.load() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := a.listKeys(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, key := range list {
		name, about := key.Name, key.Type
		if name == "" {
			name, about = key.Fingerprint, key.Comment
		}
		names = append(names, cobra.CompletionWithDesc(name, platform.Escape(about, maxCell)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
