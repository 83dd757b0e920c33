// Package certificates lists OpenSSH user certificates from files. Their keys may
// be anywhere: in sealed files, cards, security keys or tokens. The key signs; its
// certificate is only listed with it.
//
// A file NAME-cert.pub in the directory of sealed keys belongs to the key NAME.
// A file in the directory of certificates belongs to the key that it certifies.
// The next list shows a file that was replaced.
package certificates

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/problem"
)

// Order is the plain key's place in the list.
type Order string

// The orders. OpenSSH offers keys in the order of the list, and a certificate and
// its key as two keys.
const (
	PlainAfter  Order = "after"  // right after its certificates
	PlainBefore Order = "before" // right before them
	PlainHidden Order = "hidden" // not listed while it has a valid certificate
)

// Config configures a Source.
type Config struct {
	SealedKeys string     // directory of NAME.pub and NAME-cert.pub
	Dir        string     // directory of certificates for any key
	Plain      Order      // "" is PlainAfter
	Ring       *keys.Ring // the other sources' keys
	Now        func() time.Time
}

const sourceName = "certificates"

var (
	_ keys.Source    = (*Source)(nil)
	_ keys.Lender    = (*Source)(nil)
	_ keys.Asker     = (*Source)(nil)
	_ keys.Rechecker = (*Source)(nil)
	_ keys.Arranger  = (*Source)(nil)
)

// Source is the keys.Source of the certificates in files.
type Source struct {
	config Config

	mu      sync.Mutex // guards listing; never held over a file
	listing *listing   // nil: not read yet
}

// New returns a source that has read nothing yet.
func New(config Config) *Source {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Source{config: config}
}

// Name implements keys.Source.
func (s *Source) Name() string { return sourceName }

// List implements keys.Source: a certificate is listed while its key is. The
// State of an invalid one says why.
func (s *Source) List() []keys.Info {
	var infos []keys.Info
	for _, f := range s.current().files {
		if info, ok := s.info(f); ok {
			infos = append(infos, info)
		}
	}
	return infos
}

// Find implements keys.Source.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	f := s.current().byBlob[string(blob)]
	if f == nil {
		return keys.Info{}, false
	}
	return s.info(f)
}

// info describes the certificate with its key's name and constraints.
func (s *Source) info(f *file) (keys.Info, bool) {
	if f.certificate == nil {
		return keys.Info{}, false
	}
	plain, _, ok := s.config.Ring.Find(f.plain)
	if !ok {
		return keys.Info{}, false
	}
	info := plain
	info.PublicKey, info.Blob = f.certificate, f.blob
	if why := info.WhyNotValid(s.config.Now()); why != "" {
		info.State = why
	}
	return info, true
}

// Sign implements keys.Source.
func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	plain, source, err := s.plain(use)
	if err != nil {
		return nil, err
	}
	return source.Sign(ctx, plain, data, algorithm)
}

// Lend implements keys.Lender for the keys whose source does.
func (s *Source) Lend(ctx context.Context, use *keys.Use) (*privatekey.Key, error) {
	plain, source, err := s.plain(use)
	if err != nil {
		return nil, err
	}
	lender, ok := source.(keys.Lender)
	if !ok {
		return nil, nil
	}
	return lender.Lend(ctx, plain)
}

// SignAsking implements keys.Asker for the keys whose source does.
func (s *Source) SignAsking(ctx context.Context, use *keys.Use, why string, data []byte, algorithm string) (*ssh.Signature, string, error) {
	plain, source, err := s.plain(use)
	if err != nil {
		return nil, "", err
	}
	asker, ok := source.(keys.Asker)
	if !ok {
		return nil, "", keys.ErrNotAsked
	}
	return asker.SignAsking(ctx, plain, why, data, algorithm)
}

// errReplaced means that the key of a listed certificate is gone.
var errReplaced = problem.New("the key that this certificate is for has been replaced or deleted", "list the keys again and use one of them: ssh-add -L")

// Recheck implements keys.Rechecker for the keys whose source does.
func (s *Source) Recheck(ctx context.Context, use *keys.Use) error {
	plain, source, err := s.plain(use)
	if err != nil {
		return errReplaced
	}
	if rechecker, ok := source.(keys.Rechecker); ok {
		return rechecker.Recheck(ctx, plain)
	}
	return nil
}

// plain returns the same use of the certified key, and that key's source.
func (s *Source) plain(use *keys.Use) (*keys.Use, keys.Source, error) {
	if f := s.current().byBlob[string(use.Key.Blob)]; f != nil {
		if info, source, ok := s.config.Ring.Find(f.plain); ok {
			plain := *use
			plain.Key = info
			return &plain, source, nil
		}
	}
	return nil, nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
}

// Arrange implements keys.Arranger: it puts the certificates beside their keys.
func (s *Source) Arrange(list []keys.Info) []keys.Info {
	byBlob := s.current().byBlob
	if len(byBlob) == 0 {
		return list
	}
	certificates, rest := map[string][]keys.Info{}, make([]keys.Info, 0, len(list))
	for _, info := range list {
		if f := byBlob[string(info.Blob)]; f != nil {
			certificates[string(f.plain)] = append(certificates[string(f.plain)], info)
		} else {
			rest = append(rest, info)
		}
	}
	arranged := make([]keys.Info, 0, len(list))
	for _, info := range rest {
		arranged = append(arranged, s.together(info, certificates[string(info.Blob)])...)
	}
	return arranged
}

func (s *Source) together(plain keys.Info, certificates []keys.Info) []keys.Info {
	switch {
	case s.config.Plain == PlainBefore:
		return slices.Concat([]keys.Info{plain}, certificates)
	case s.config.Plain == PlainHidden && slices.ContainsFunc(certificates, s.valid):
		return certificates
	}
	return slices.Concat(certificates, []keys.Info{plain})
}

func (s *Source) valid(info keys.Info) bool { return info.WhyNotValid(s.config.Now()) == "" }
