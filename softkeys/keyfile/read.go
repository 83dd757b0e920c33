package keyfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/sshadd"
)

// Private reads the key. Its comment comes from the file or the .pub beside it.
// dir is for ssh-add's private socket; askpass is a program that answers
// ssh-add (sshadd.Answer).
func (f *File) Private(ctx context.Context, dir, askpass string) (softkeys.Private, error) {
	r := reader{file: f, dir: dir, askpass: askpass}
	return r.read(ctx)
}

// reader reads one private key file: itself if it can, so that the key stays in
// this process, otherwise with the user's ssh-add, which reads more.
type reader struct {
	file       *File
	dir        string // for ssh-add's private socket
	askpass    string
	passphrase []byte // nil until the person is asked
}

func (r *reader) read(ctx context.Context) (softkeys.Private, error) {
	defer func() { clear(r.passphrase) }()
	private, err := softkeys.ParsePrivate(r.file.content, nil)
	if errors.Is(err, softkeys.ErrPassphraseNeeded) {
		if _, err := r.ask(ctx); err != nil {
			return softkeys.Private{}, err
		}
		private, err = softkeys.ParsePrivate(r.file.content, r.passphrase)
	}
	if _, unsupported := errors.AsType[*softkeys.UnsupportedError](err); unsupported {
		return r.bySSHAdd(ctx, err)
	}
	if err != nil {
		return softkeys.Private{}, err
	}
	return r.withComment(private), nil
}

// withComment adds the comment of the .pub file if the key file has none.
func (r *reader) withComment(private softkeys.Private) softkeys.Private {
	if private.Comment != "" {
		return private
	}
	if public, err := private.Public(); err == nil {
		private.Comment = r.file.publicComment(public.Marshal())
	}
	return private
}

func (r *reader) ask(ctx context.Context) ([]byte, error) {
	if r.passphrase == nil {
		passphrase, err := terminal.ReadPassphrase(ctx, "Passphrase of "+r.file.path+": ")
		if err != nil {
			return nil, err
		}
		r.passphrase = passphrase
	}
	return bytes.Clone(r.passphrase), nil
}

// stdinName is the comment that ssh-add gives a key without one.
const stdinName = "(stdin)"

func (r *reader) bySSHAdd(ctx context.Context, unsupported error) (softkeys.Private, error) {
	program := sshadd.Find()
	if program == "" {
		return softkeys.Private{}, problem.With(unsupported, "install OpenSSH's ssh-add, which reads more kinds of files; or convert a copy of the file: ssh-keygen -p -Z aes256-ctr -f COPY")
	}
	file, err := sshadd.Convert(ctx, sshadd.Config{Program: program, Dir: r.dir, Askpass: r.askpass, Passphrase: r.ask}, r.file.content)
	switch {
	case errors.Is(err, sshadd.ErrPassphrase):
		return softkeys.Private{}, softkeys.ErrPassphraseWrong
	case errors.Is(err, sshadd.ErrSecurityKey):
		return softkeys.Private{}, problem.With(err, "add it to the running broker: ssh-add FILE")
	case errors.Is(err, terminal.ErrInterrupted), errors.Is(err, terminal.ErrNoLine):
		return softkeys.Private{}, err
	case err != nil && problem.Remedy(unsupported) != "":
		return softkeys.Private{}, unsupported
	case err != nil:
		return softkeys.Private{}, fmt.Errorf("%w; and %w", unsupported, err)
	}
	defer clear(file)
	private, err := softkeys.ParsePrivate(file, nil)
	if private.Comment == stdinName {
		private.Comment = ""
	}
	if public, e := private.Public(); e == nil && private.Comment == "" {
		private.Comment = r.file.publicComment(public.Marshal())
	}
	return private, err
}
