package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// findKey finds the one key of all that `keybroker keys list` shows that has
// this name, or this fingerprint or start of one. A comment does not count: any
// program that adds a key chooses it.
func (a *app) findKey(ctx context.Context, text string) (control.Key, error) {
	list, err := a.listKeys(ctx)
	if err != nil {
		return control.Key{}, err
	}
	var found []control.Key
	for _, key := range list {
		if key.PublicKey != "" && (key.Name == text || startsFingerprint(key.Fingerprint, text)) {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return control.Key{}, fmt.Errorf("no key has the name or fingerprint %s\nsee what there is: keybroker keys list", platform.Escape(text, maxCell))
	case 1:
		return a.proved(ctx, found[0])
	}
	return control.Key{}, fmt.Errorf("%d keys are called %s\nname one by its fingerprint: keybroker keys list", len(found), platform.Escape(text, maxCell))
}

// proved opens the vault for a key that it has not proved yet: a public key that
// another program wrote there must not be put on the user's hosts.
func (a *app) proved(ctx context.Context, key control.Key) (control.Key, error) {
	if !key.Unproved {
		return key, nil
	}
	store, err := a.store()
	if err != nil {
		return control.Key{}, err
	}
	fmt.Fprintf(os.Stderr, "Nothing has opened the vault since this public key was read. Open it to prove that %q is your key.\n", key.Name)
	line, err := store.Export(ctx, key.Name, pubformat.OpenSSH)
	if err != nil {
		return control.Key{}, err
	}
	public, comment, err := pubformat.Parse(line)
	if err != nil {
		return control.Key{}, err
	}
	info := keys.NewInfo(public, comment)
	info.Name, info.Source = key.Name, key.Source
	return control.KeyOf(info), nil
}

// minFingerprint is how much of a fingerprint names a key. 20 characters are
// 120 bits: nobody makes another key that begins so.
const minFingerprint = len("SHA256:") + 20

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
