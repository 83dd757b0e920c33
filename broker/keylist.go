package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

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

// KeyList lists every key of the person: those of the running broker, or without a
// broker those in files.
type KeyList struct {
	Config *config.Config
	Open   func() (*softkeys.Store, error) // the sealed keys
	Say    io.Writer                       // for remarks to the person
}

// List asks the running broker, which also knows the added keys. Without a broker it
// reads the directory.
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
	said, err := ReadClaims(l.Config)
	if err != nil {
		fmt.Fprintln(l.Say, "keybroker: what is said of the keys cannot be read:", platform.Plain(err))
	}
	return claimed(append(SealedKeys(store), CertifiedKeys(Certificates(l.Config, keys.NewRing(store)))...), said), store.Err()
}

// claimed adds to each key what the person said of it.
func claimed(list []control.Key, said map[string]keys.Claim) []control.Key {
	for i := range list {
		list[i].Claim = said[list[i].Fingerprint]
	}
	return list
}

// Find returns the one key of `keybroker keys list` with this name, fingerprint or
// start of a fingerprint. Comments do not count, because any program that adds a key
// chooses one.
func (l KeyList) Find(ctx context.Context, text string) (control.Key, error) {
	return l.find(ctx, text, false)
}

// FindAlsoByComment is Find for commands that hand out no key: where no key has the name,
// the comment that one key alone has is enough.
func (l KeyList) FindAlsoByComment(ctx context.Context, text string) (control.Key, error) {
	return l.find(ctx, text, true)
}

func (l KeyList) find(ctx context.Context, text string, comments bool) (control.Key, error) {
	list, err := l.List(ctx)
	if err != nil {
		return control.Key{}, err
	}
	list = slices.DeleteFunc(list, func(key control.Key) bool { return key.PublicKey == "" })
	found := keys.Named(list, text, func(key control.Key) (string, string, string) { return key.Name, key.Fingerprint, key.Comment })
	byComment := len(found) > 0 && found[0].Name != text && !keys.IsFingerprintStart(found[0].Fingerprint, text)
	switch {
	case len(found) == 0:
		return control.Key{}, problem.With(fmt.Errorf("no key has the name or fingerprint %s", platform.Escape(text, maxName)), "see the list: keybroker keys list")
	case len(found) > 1:
		return control.Key{}, problem.With(fmt.Errorf("%d keys are called %s", len(found), platform.Escape(text, maxName)), "name one by its fingerprint: keybroker keys list")
	case byComment && !comments:
		return control.Key{}, problem.With(fmt.Errorf("no key has the name or fingerprint %s; any program may have chosen it as a comment", platform.Escape(text, maxName)), "name the key by its fingerprint, if it is yours: %s", found[0].Fingerprint)
	}
	return l.proved(ctx, found[0])
}

// proved opens the vault if the key is not proved yet: the user must not put a public
// key on their hosts that another program wrote.
func (l KeyList) proved(ctx context.Context, key control.Key) (control.Key, error) {
	if !key.Unproved {
		return key, nil
	}
	store, err := l.Open()
	if err != nil {
		return control.Key{}, err
	}
	fmt.Fprintf(l.Say, "The vault was not opened since this public key was read. Open it to prove that %q is your key.\n", key.Name)
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

// Certified finds the key that a certificate is for: first among the sealed keys, then
// among those that the running broker lists.
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
	return keys.Info{}, false, problem.With(fmt.Errorf("the certificate is for the key %s, which is not one of yours", ssh.FingerprintSHA256(certified)), "see your keys: keybroker keys list; keys on cards need the running broker")
}
