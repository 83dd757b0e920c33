package sshsig

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signer makes a key, and returns its file and the line of its public half.
func signer(t *testing.T, name string) (path, line string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return path, strings.TrimSpace(string(public))
}

func TestVerify(t *testing.T) {
	ctx, data := t.Context(), []byte("what is signed\n")
	path, line := signer(t, "anna")
	_, other := signer(t, "eve")
	signature, err := Sign(ctx, "", data, path, "space")
	if err != nil {
		t.Fatal(err)
	}
	then := time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		data, signature, signers, namespace string
		at                                  time.Time
		want                                string // "": it is good
	}{
		"good":                        {string(data), string(signature), "anna " + line, "space", time.Time{}, ""},
		"other data":                  {"other", string(signature), "anna " + line, "space", time.Time{}, ErrOtherData.Error()},
		"another signer":              {string(data), string(signature), "eve " + other, "space", time.Time{}, ErrNoSigner.Error()},
		"no signers":                  {string(data), string(signature), "", "space", time.Time{}, ErrNoSigner.Error()},
		"another namespace":           {string(data), string(signature), "anna " + line, "file", time.Time{}, `it was made for "space"`},
		"a namespace of the line":     {string(data), string(signature), `anna namespaces="space" ` + line, "space", time.Time{}, ""},
		"not of the line":             {string(data), string(signature), `anna namespaces="file" ` + line, "space", time.Time{}, "the file of signers does not let"},
		"the line is over":            {string(data), string(signature), `anna valid-before="20210101Z" ` + line, "space", time.Time{}, ErrNoSigner.Error()},
		"and was valid then":          {string(data), string(signature), `anna valid-before="20210101Z" ` + line, "space", then, ""},
		"no signature":                {string(data), "hello", "anna " + line, "space", time.Time{}, "it is not a signature"},
		"a damaged one":               {string(data), "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAA\n-----END SSH SIGNATURE-----\n", "anna " + line, "space", time.Time{}, "the signature is damaged"},
		"an enormous one":             {string(data), strings.Repeat("x", maxSignature+1), "anna " + line, "space", time.Time{}, "it has more than"},
		"signers with a hostile name": {string(data), string(signature), "-ofile " + line, "space", time.Time{}, ""},
	} {
		signed, err := Verify(ctx, []byte(c.data), []byte(c.signature), []byte(c.signers+"\n"), c.namespace, c.at)
		switch {
		case c.want == "" && (err != nil || signed.Principal == "" || !strings.HasPrefix(signed.Fingerprint, "SHA256:")):
			t.Errorf("%s: %+v, %v", name, signed, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := SignWithKey(ctx, filepath.Join(t.TempDir(), "no.sock"), data, line, "space"); err == nil || errors.Is(err, exec.ErrNotFound) {
		t.Errorf("with no agent: %v", err)
	}
}
