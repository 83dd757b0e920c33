// Package pkcs11 holds the keys of PKCS#11 tokens. A provider is a library that
// anybody may have written, so each runs in a separate process, OpenSSH's
// ssh-pkcs11-helper. A provider that crashes or hangs does not affect other keys,
// and none sees the memory of this process.
package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	// maxProviders bounds the helper processes.
	maxProviders = 16
	// maxKeys bounds the keys of one token; known tokens hold some dozens.
	maxKeys = 256
	// maxNamed bounds the unusable keys and certificates that a message names.
	maxNamed = 4
)

// Config says which libraries may be loaded, and by which helper.
type Config struct {
	Allowed string // patterns of libraries, as in ssh-agent -P; "": none
	Helper  string // path of ssh-pkcs11-helper; "": SSH_PKCS11_HELPER, or the system's path
	Log     *slog.Logger
}

var (
	_ keys.Source      = (*Source)(nil)
	_ keys.Remover     = (*Source)(nil)
	_ keys.TokenSource = (*Source)(nil)
)

// Source holds the keys of the tokens that were loaded.
type Source struct {
	config Config

	mu        sync.Mutex // guards what follows; never held over a helper
	providers []*provider
	loading   map[string]bool // by path
	closed    bool
}

// provider is one library with its helper and its keys.
type provider struct {
	name   string // that it was loaded by; perhaps a link
	path   string // of the file
	helper *helper
	limits keys.ActiveLimits
	timer  *time.Timer
	keys   []key
}

// key is one entry of the list.
type key struct {
	info  keys.Info
	plain []byte // blob of the key that signs, also for a certificate
}

// New returns an empty source.
func New(config Config) *Source {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{config: config, loading: map[string]bool{}}
}

// Name implements keys.Source.
func (s *Source) Name() string { return "pkcs11" }

// AddToken implements keys.TokenSource. It refuses a provider that is already
// loaded, as OpenSSH does: its keys keep their constraints.
func (s *Source) AddToken(ctx context.Context, token keys.Token) ([]keys.Info, error) {
	path, err := keys.AllowedLibrary(token.Provider, s.config.Allowed)
	if err != nil {
		return nil, err
	}
	if err := s.begin(path); err != nil {
		return nil, err
	}
	defer s.end(path)
	newDialect, err := s.config.dialect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	helper, err := startHelper(s.config)
	if err != nil {
		return nil, err
	}
	helper.newDialect = newDialect
	p := &provider{name: token.Provider, path: path, helper: helper}
	go helper.serve(func() { s.drop(p, "its helper has ended") })
	infos, err := s.load(ctx, p, token)
	if err != nil {
		helper.kill()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return infos, nil
}

func (s *Source) load(ctx context.Context, p *provider, token keys.Token) ([]keys.Info, error) {
	found, unusable, err := p.helper.load(ctx, p.path, token.PIN)
	if err != nil {
		return nil, err
	}
	p.keys = entries(found, token, p.path)
	unused := inWords(append(unusable, unmatched(token.Certificates, p.keys)...))
	if len(p.keys) == 0 {
		return nil, problem.With(fmt.Errorf("no key of the token can be used%s", unused), "check the PIN, and the certificates: ssh-add -C")
	}
	if unused != "" {
		s.config.Log.Warn("some keys or certificates of a token are not used"+unused, "provider", p.path)
	}
	return s.put(p, token.Limits)
}

// begin keeps two clients from loading the same provider at once.
func (s *Source) begin(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errors.New("closed")
	case s.loading[path], s.findLocked(path) != nil:
		return problem.With(fmt.Errorf("%s is loaded already", path), "forget it first: ssh-add -e %s", platform.ShellWord(path))
	case len(s.providers)+len(s.loading) >= maxProviders:
		return problem.With(fmt.Errorf("%d providers are loaded", maxProviders), "forget one first: ssh-add -e")
	}
	s.loading[path] = true
	return nil
}

func (s *Source) end(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.loading, path)
}

// entries returns the keys to list: each key's certificates, then the key.
func entries(found []tokenKey, token keys.Token, path string) []key {
	var list []key
	for _, one := range found {
		plain := one.public.Marshal()
		comment := one.label
		if comment == "" {
			comment = path
		}
		add := func(public ssh.PublicKey) {
			info := keys.NewInfo(public, comment)
			info.Source = "pkcs11"
			list = append(list, key{info: info, plain: plain})
		}
		for _, cert := range token.Certificates {
			if bytes.Equal(publickey.Certified(cert).Marshal(), plain) {
				add(cert)
			}
		}
		if !token.CertificatesOnly {
			add(one.public)
		}
	}
	return list
}

// unmatched describes the certificates that are for none of the keys.
func unmatched(certificates []ssh.PublicKey, list []key) (names []string) {
	for _, cert := range certificates {
		if !slices.ContainsFunc(list, func(k key) bool { return bytes.Equal(k.info.Blob, cert.Marshal()) }) {
			certified, _ := publickey.CertificateOf(cert)
			names = append(names, fmt.Sprintf("the certificate %.64q (%s), which is for none of its keys", certified.KeyId, cert.Type()))
		}
	}
	return names
}

// inWords returns the list as the end of a sentence; "" if it is empty.
func inWords(list []string) string {
	if len(list) == 0 {
		return ""
	}
	words := ": " + strings.Join(list[:min(len(list), maxNamed)], "; ")
	if more := len(list) - maxNamed; more > 0 {
		words += fmt.Sprintf("; and %d more", more)
	}
	return words
}

func (s *Source) put(p *provider, limits keys.Limits) ([]keys.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errors.New("closed")
	case p.helper.ended():
		return nil, errHelper
	}
	p.limits = limits.Begin(time.Now())
	for i := range p.keys {
		p.limits.Mark(&p.keys[i].info)
	}
	if limits.Lifetime > 0 {
		p.timer = time.AfterFunc(limits.Lifetime, func() { s.drop(p, "") })
	}
	s.providers = append(s.providers, p)
	return p.infos(), nil
}

// RemoveToken implements keys.TokenSource.
func (s *Source) RemoveToken(name string) error {
	path, err := keys.RealLibrary(name)
	gone := errors.Is(err, fs.ErrNotExist)
	if err != nil && !gone {
		return err
	}
	s.mu.Lock()
	p := s.findLocked(path)
	if gone { // its keys stay until they are forgotten, whatever has become of the file
		p = s.findNamedLocked(name)
	}
	s.mu.Unlock()
	if p == nil && gone {
		return err
	}
	if p == nil {
		return problem.With(fmt.Errorf("no keys of %s are listed: %w", path, keys.ErrNotFound), "see which are: keybroker keys list")
	}
	s.drop(p, "")
	return nil
}

func (s *Source) findLocked(path string) *provider {
	for _, p := range s.providers {
		if p.path == path {
			return p
		}
	}
	return nil
}

// findNamedLocked finds a provider by the name that it was loaded by, or by its path.
func (s *Source) findNamedLocked(name string) *provider {
	for _, p := range s.providers {
		if p.name == name || p.path == name {
			return p
		}
	}
	return nil
}

// drop forgets a provider and ends its helper. why goes to the log; "" logs nothing.
func (s *Source) drop(p *provider, why string) {
	s.mu.Lock()
	i := slices.Index(s.providers, p)
	if i >= 0 {
		s.providers = slices.Delete(s.providers, i, i+1)
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	s.mu.Unlock()
	if i >= 0 && why != "" {
		s.config.Log.Warn("the keys of a token are no longer listed", "provider", p.path, "why", why, "remedy", "load them again: ssh-add -s")
	}
	p.helper.kill()
}

// Close ends every helper.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	all := slices.Clone(s.providers)
	s.mu.Unlock()
	for _, p := range all {
		s.drop(p, "")
	}
}

func (p *provider) infos() []keys.Info {
	list := make([]keys.Info, len(p.keys))
	for i, k := range p.keys {
		list[i] = k.info
	}
	return list
}
