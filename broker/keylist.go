package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"golang.org/x/crypto/ssh"
)

// maxName bounds a key's name in a message.
const maxName = 60

// KeyList is every key of the person, as the running broker lists them, or without one
// as the files have them.
type KeyList struct {
	Config *config.Config
	Open   func() (*softkeys.Store, error) // the sealed keys
	Say    io.Writer                       // gets what the person should know meanwhile
}

// List asks the running broker, which also knows the added keys; without
// one it reads the directory.
func (l KeyList) List(ctx context.Context) ([]control.Key, error) {
	list, err := Client(l.Config).Keys(ctx)
	if err == nil || !errors.Is(err, control.ErrNotRunning) {
		return list, err
	}
	store, err := l.Open()
	if err != nil {
		return nil, err
	}
	store.Prove(ctx)
	return append(SealedKeys(store), CertifiedKeys(Certificates(l.Config, keys.NewRing(store)))...), store.Err()
}

// Find finds the one key of all that `keybroker keys list` shows that has
// this name, or this fingerprint or start of one. A comment does not count: any
// program that adds a key chooses it.
func (l KeyList) Find(ctx context.Context, text string) (control.Key, error) {
	list, err := l.List(ctx)
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
		return control.Key{}, problem.With(fmt.Errorf("no key has the name or fingerprint %s", platform.Escape(text, maxName)), "see what there is: keybroker keys list")
	case 1:
		return l.proved(ctx, found[0])
	}
	return control.Key{}, problem.With(fmt.Errorf("%d keys are called %s", len(found), platform.Escape(text, maxName)), "name one by its fingerprint: keybroker keys list")
}

// proved opens the vault for a key that it has not proved yet: a public key that
// another program wrote there must not be put on the user's hosts.
func (l KeyList) proved(ctx context.Context, key control.Key) (control.Key, error) {
	if !key.Unproved {
		return key, nil
	}
	store, err := l.Open()
	if err != nil {
		return control.Key{}, err
	}
	fmt.Fprintf(l.Say, "Nothing has opened the vault since this public key was read. Open it to prove that %q is your key.\n", key.Name)
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

// Certified finds the key that a certificate is for: among the sealed ones, else among those that the
// running broker lists.
func (l KeyList) Certified(ctx context.Context, store *softkeys.Store, cert ssh.PublicKey, name string) (keys.Info, bool, error) {
	certified := publickey.Certified(cert)
	blob := certified.Marshal()
	for _, entry := range store.All() {
		if entry.PublicKey != nil && (name == entry.Name || name == "" && bytes.Equal(entry.Blob, blob)) {
			return entry.Info, true, nil
		}
	}
	if name != "" {
		return keys.Info{}, false, problem.With(fmt.Errorf("there is no sealed key %q", name), "`keybroker keys list` shows the names")
	}
	list, err := l.List(ctx)
	if err != nil {
		return keys.Info{}, false, err
	}
	for _, key := range list {
		public, _, _, _, err := publickey.ParseLine([]byte(key.PublicKey))
		if err == nil && bytes.Equal(public.Marshal(), blob) {
			info := keys.NewInfo(public, key.Comment)
			info.Name, info.Source = key.Name, key.Source
			return info, false, nil
		}
	}
	return keys.Info{}, false, problem.With(fmt.Errorf("the certificate is for the key %s, which is none of yours", ssh.FingerprintSHA256(certified)), "see which there are: keybroker keys list; those of cards need the running broker")
}
