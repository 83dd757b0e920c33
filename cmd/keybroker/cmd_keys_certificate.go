package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keyfile"
	"github.com/keybroker/keybroker/sources/certificates"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
)

func readUserCertificate(ctx context.Context, path string) (ssh.PublicKey, error) {
	data, err := terminal.Interruptible(ctx, func() ([]byte, error) { return readCertificateFile(path) })
	if err != nil {
		return nil, err
	}
	cert, err := certificates.Parse(data)
	if err != nil {
		return nil, problem.With(fmt.Errorf("the certificate %s is refused: %w", path, err), "give the file that ends with -cert.pub")
	}
	return cert, nil
}

func readCertificateFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return keyfile.ReadAll(file)
}

// attach puts a certificate beside the key that it certifies. If name is set, that must
// be the sealed key of that name.
func (a *app) attach(cmd *cobra.Command, store *softkeys.Store, cert ssh.PublicKey, name string) error {
	key, sealed, err := a.keyList().Certified(cmd.Context(), store, cert, name)
	if err != nil {
		return err
	}
	path, err := broker.Certificates(&a.config, keys.NewRing()).Attach(cert, key, sealed)
	if err != nil {
		return err
	}
	says, _ := publickey.CertificateOf(cert)
	fmt.Fprintf(cmd.OutOrStdout(), "%s: certificate %q of %q, for %s.\n", path,
		platform.Escape(says.KeyId, maxCell), cmp.Or(key.Name, platform.Escape(key.Comment, maxCell)), principals(says))
	info := keys.NewInfo(cert, "")
	if until := info.ValidUntil(); !until.IsZero() {
		fmt.Fprintf(cmd.OutOrStdout(), "It is valid until %s.\n", until.Local().Format("2006-01-02 15:04"))
	}
	return nil
}

func principals(cert *publickey.Certificate) string {
	if len(cert.ValidPrincipals) == 0 {
		return "every account"
	}
	return platform.Escape(strings.Join(cert.ValidPrincipals, ", "), maxCell)
}
