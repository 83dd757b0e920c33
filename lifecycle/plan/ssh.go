package plan

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/hosts"
	"golang.org/x/crypto/ssh"
)

// doorsAtOnce is how many keys one login tries. sshd hangs up after six (MaxAuthTries),
// and the keys that are asked about count.
const doorsAtOnce = 3

// defaultFile is where sshd looks when it is not told otherwise, below the account's
// home directory.
const defaultFile = ".ssh/authorized_keys"

// OverSSH reaches places by the system's ssh.
func OverSSH(dialer hosts.Dialer, parallel int) func(context.Context, []Place, func(context.Context, int, Server, error)) error {
	return func(ctx context.Context, places []Place, do func(context.Context, int, Server, error)) error {
		at := map[string][]int{}
		var targets []string
		for i, place := range places {
			if len(at[place.Target]) == 0 {
				targets = append(targets, place.Target)
			}
			at[place.Target] = append(at[place.Target], i)
		}
		reached := func(ctx context.Context, host *hosts.Host) error {
			for _, i := range at[host.Target()] {
				do(ctx, i, &sshServer{host}, nil)
			}
			return nil
		}
		failed := func(target string, err error) {
			for _, i := range at[target] {
				do(ctx, i, nil, stopUnlessLater(err))
			}
		}
		return dialer.ForEach(ctx, targets, parallel, reached, failed)
	}
}

// stopUnlessLater tells failures that pass from those that a person must mend.
func stopUnlessLater(err error) error {
	switch hosts.KindOf(err) {
	case hosts.BadTarget, hosts.HostKeyChanged, hosts.HostKeyUnknown, hosts.NoSFTP, hosts.Noise, hosts.NotWritable:
		return stop(err)
	}
	return err
}

type sshServer struct{ host *hosts.Host }

func (s *sshServer) Identity() lifecycle.Host    { return s.host.Identity() }
func (s *sshServer) Account() string             { return s.host.Account() }
func (s *sshServer) Version() authorized.Version { return s.host.Version() }

func (s *sshServer) Files(ctx context.Context) ([]File, []lifecycle.Unseen, error) {
	found, unseen, err := s.host.Files(ctx)
	if err != nil {
		return nil, unseen, err
	}
	var files []File
	in, _, _ := cutLast(s.host.LetInBy(), ":")
	for _, file := range found {
		if file.Path == in { // what the server did is surer than what its configuration says
			files = slices.Insert(files, 0, File{file.Path, file.Data})
		} else {
			files = append(files, File{file.Path, file.Data})
		}
	}
	if len(files) == 0 && len(unseen) == 0 {
		files = []File{{Path: defaultFile}}
	}
	return files, unseen, nil
}

func (s *sshServer) Edit(ctx context.Context, path string, change func([]byte) ([]byte, error)) (Edited, error) {
	edited, err := s.host.Edit(ctx, path, change)
	return Edited{edited.SHA256[0], edited.SHA256[1]}, stopUnlessLater(err)
}

// Ask asks first, and lets another key in afterwards. The key that opened the way back
// comes first: it is known to get in.
func (s *sshServer) Ask(ctx context.Context, about lifecycle.Key, letIn []lifecycle.Key) (Answer, error) {
	key := publicKey(about)
	if key == nil {
		return Answer{}, stop(errors.New("the key has a type that this program cannot ask about"))
	}
	doors := publicKeys(letIn, s.host.LetIn())
	var answer Answer
	for {
		some := doors[:min(doorsAtOnce, len(doors))]
		doors = doors[len(some):]
		probed, err := s.host.Probe(ctx, key, some...)
		if err != nil && hosts.KindOf(err) != hosts.PermissionDenied && hosts.KindOf(err) != hosts.TooManyKeys {
			return Answer{}, err
		}
		answer = Answer{About: probed.Probe, LetIn: probed.LetIn, LetInBy: probed.LetInBy, Together: probed.Together}
		if answer.LetIn != "" || len(doors) == 0 {
			break
		}
	}
	answer.Sessions = s.host.Sessions(ctx)
	if answer.About.Accepted {
		var err error
		if answer.Stranger, err = s.lies(ctx); err != nil {
			return Answer{}, err
		}
	}
	return answer, nil
}

// lies asks about a key that nobody has.
func (s *sshServer) lies(ctx context.Context) (bool, error) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return false, err
	}
	stranger, err := ssh.NewPublicKey(public)
	if err != nil {
		return false, err
	}
	probed, err := s.host.Probe(ctx, stranger)
	return probed.Accepted, err
}

// publicKeys returns those that can be offered, with the key first whose fingerprint it is.
func publicKeys(list []lifecycle.Key, first string) (public []ssh.PublicKey) {
	for _, key := range list {
		parsed := publicKey(key)
		if parsed == nil {
			continue
		}
		if key.Fingerprint == first {
			public = slices.Insert(public, 0, parsed)
		} else {
			public = append(public, parsed)
		}
	}
	return public
}
