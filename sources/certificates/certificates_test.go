package certificates

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// rig is two keys, work and home, an authority, and the directories.
type rig struct {
	t            *testing.T
	work, home   *keystest.Source
	authority    *keystest.Source
	sealed, dir  string
	certificates *Source
	ring         *keys.Ring
}

func newRig(t *testing.T, plain Order) *rig {
	r := &rig{t: t, work: keystest.New("work"), home: keystest.New("home"), authority: keystest.New("ca"),
		sealed: t.TempDir(), dir: t.TempDir()}
	r.certificates = New(Config{SealedKeys: r.sealed, Dir: r.dir, Plain: plain, Ring: keys.NewRing(r.work, r.home)})
	r.ring = keys.NewRing(r.work, r.home, r.certificates)
	r.write(filepath.Join(r.sealed, "work.pub"), r.work.Info().PublicKey)
	return r
}

func (r *rig) write(path string, public ssh.PublicKey) {
	r.t.Helper()
	if err := os.WriteFile(path, ssh.MarshalAuthorizedKey(public), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// signer lets a test source sign certificates.
type signer struct{ *keystest.Source }

func (s signer) PublicKey() ssh.PublicKey { return s.Info().PublicKey }
func (s signer) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	info := s.Info()
	return s.Source.Sign(context.Background(), &keys.Use{Key: info}, data, info.PublicKey.Type())
}

func (r *rig) certify(key *keystest.Source, change func(*ssh.Certificate)) *ssh.Certificate {
	r.t.Helper()
	now := uint64(time.Now().Unix())
	cert := &ssh.Certificate{Key: key.Info().PublicKey, CertType: ssh.UserCert, KeyId: "anna", ValidPrincipals: []string{"anna"},
		ValidAfter: now - 3600, ValidBefore: now + 3600}
	change(cert)
	if err := cert.SignCert(rand.Reader, signer{r.authority}); err != nil {
		r.t.Fatal(err)
	}
	return cert
}

func same(*ssh.Certificate) {}

// listed is the list in short: "work+cert work home".
func (r *rig) listed() string {
	var names []string
	for _, info := range r.ring.List() {
		name := info.Name
		if _, ok := info.PublicKey.(*ssh.Certificate); ok {
			name += "+cert"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func (r *rig) want(listed string) {
	r.t.Helper()
	if got := r.listed(); got != listed {
		r.t.Errorf("listed %q, not %q", got, listed)
	}
}

func TestTheOrderOfKeyAndCertificate(t *testing.T) {
	for plain, want := range map[Order]string{
		"": "work+cert work home+cert home", PlainAfter: "work+cert work home+cert home",
		PlainBefore: "work work+cert home home+cert", PlainHidden: "work+cert home+cert",
	} {
		r := newRig(t, plain)
		r.want("work home")
		r.write(filepath.Join(r.sealed, "work-cert.pub"), r.certify(r.work, same))
		r.write(filepath.Join(r.dir, "x.pub"), r.certify(r.home, same))
		r.want(want)
	}
}

// TestPlainIsHiddenOnlyBehindAValidOne: else there would be no key at all.
func TestPlainIsHiddenOnlyBehindAValidOne(t *testing.T) {
	r := newRig(t, PlainHidden)
	r.write(filepath.Join(r.sealed, "work-cert.pub"), r.certify(r.work, func(c *ssh.Certificate) { c.ValidBefore = c.ValidAfter + 1 }))
	r.want("work+cert work home")
	if state := r.certificates.List()[0].State; !strings.HasPrefix(state, "expired on 20") {
		t.Error(state)
	}
}

func TestSignsWithThePlainKey(t *testing.T) {
	r := newRig(t, "")
	cert := r.certify(r.work, same)
	r.write(filepath.Join(r.sealed, "work-cert.pub"), cert)
	info, source, ok := r.ring.Find(cert.Marshal())
	if !ok || info.Name != "work" || info.Source != "test" || info.Fingerprint != r.work.Info().Fingerprint {
		t.Fatalf("%+v", info)
	}
	use := &keys.Use{ID: "u", Key: info}
	signature, err := source.Sign(context.Background(), use, []byte("data"), ssh.KeyAlgoED25519)
	if err != nil || cert.Key.Verify([]byte("data"), signature) != nil {
		t.Error(err)
	}
	if used := r.work.Uses()[0]; used.ID != "u" || string(used.Key.Blob) != string(r.work.Info().Blob) {
		t.Errorf("%+v", used)
	}
	_, _, err = source.(keys.Asker).SignAsking(context.Background(), use, "", nil, "")
	if !errors.Is(err, keys.ErrNotAsked) {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(r.sealed, "work-cert.pub")); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Sign(context.Background(), use, nil, ""); !errors.Is(err, keys.ErrNotFound) {
		t.Error(err)
	}
}

// rechecked is a source whose keys were replaced.
type rechecked struct {
	*keystest.Source
	of *[]byte // the blob that it was asked about
}

var errWasReplaced = errors.New("replaced")

func (r rechecked) Recheck(_ context.Context, use *keys.Use) error {
	*r.of = use.Key.Blob
	return errWasReplaced
}

// A signature that does not fit a certificate is the plain key's matter.
func TestRecheckOfTheCertifiedKey(t *testing.T) {
	r := newRig(t, "")
	var of []byte
	source := New(Config{SealedKeys: r.sealed, Dir: r.dir, Ring: keys.NewRing(rechecked{r.work, &of}, r.home)})
	recheck := func(key *keystest.Source, file string) error {
		cert := r.certify(key, same)
		r.write(filepath.Join(r.dir, file), cert)
		return source.Recheck(t.Context(), &keys.Use{Key: keys.NewInfo(cert, "")})
	}
	if err := recheck(r.work, "work.pub"); err != errWasReplaced || string(of) != string(r.work.Info().Blob) {
		t.Error("a source that can look:", err)
	}
	if err := recheck(r.home, "home.pub"); err != nil {
		t.Error("a source that cannot:", err)
	}
	if err := recheck(keystest.New("gone"), "gone.pub"); err != errReplaced {
		t.Error("a key that is gone:", err)
	}
}

// TestRenewed: by renaming a new one over it, and by writing into it, with time
// stamps long past, as a listing that is trusted has them.
func TestRenewed(t *testing.T) {
	r := newRig(t, "")
	path := filepath.Join(r.sealed, "work-cert.pub")
	long := time.Now().Add(-time.Hour)
	age := func() {
		t.Helper()
		for _, name := range []string{r.dir, r.sealed, path} {
			if err := os.Chtimes(name, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	serial := func() uint64 {
		t.Helper()
		infos := r.certificates.List()
		if len(infos) != 1 {
			t.Fatalf("%d are listed", len(infos))
		}
		return infos[0].PublicKey.(*ssh.Certificate).Serial
	}
	r.write(path, r.certify(r.work, func(c *ssh.Certificate) { c.Serial = 1 }))
	age()
	if got := serial(); got != 1 {
		t.Error(got)
	}
	if l := r.certificates.current(); !l.stamps.Unchanged() || l != r.certificates.current() {
		t.Error("the files are read each time")
	}
	r.write(path, r.certify(r.work, func(c *ssh.Certificate) { c.Serial = 2 })) // into the file: the directory does not change
	if got := serial(); got != 2 {
		t.Error("written over:", got)
	}
	age()
	serial()
	r.write(path+".new", r.certify(r.work, func(c *ssh.Certificate) { c.Serial = 3 }))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 3 {
		t.Error("renamed over:", got)
	}
}

func TestFilesThatAreNotUsedSayWhy(t *testing.T) {
	for name, test := range map[string]struct {
		write func(r *rig, path string)
		why   string
	}{
		"sound":       {func(r *rig, path string) { r.write(path, r.certify(r.work, same)) }, ""},
		"another key": {func(r *rig, path string) { r.write(path, r.certify(r.home, same)) }, "for another key than the one beside it"},
		"a host's": {func(r *rig, path string) {
			r.write(path, r.certify(r.work, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }))
		}, "of a host"},
		"of no type": {func(r *rig, path string) {
			r.write(path, r.certify(r.work, func(c *ssh.Certificate) { c.CertType = 7 }))
		}, "unknown type 7"},
		"a plain key": {func(r *rig, path string) { r.write(path, r.work.Info().PublicKey) }, "not a certificate"},
		"text":        {func(_ *rig, path string) { _ = os.WriteFile(path, []byte("text"), 0o600) }, "damaged"},
		"a directory": {func(_ *rig, path string) { _ = os.Mkdir(path, 0o700) }, "not a regular file"},
		"never signed": {func(r *rig, path string) {
			cert := r.certify(r.work, same)
			cert.ValidPrincipals = []string{"root"}
			r.write(path, cert)
		}, "signature of its authority"},
		"options": {func(r *rig, path string) {
			r.write(path, r.certify(r.work, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"force-command": "true"} }))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "")
			test.write(r, filepath.Join(r.sealed, "work-cert.pub"))
			problems := r.certificates.Problems()
			if test.why == "" {
				r.want("work+cert work home")
				if len(problems) > 0 {
					t.Error(problems)
				}
				return
			}
			r.want("work home")
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), test.why) || problem.Remedy(problems[0]) == "" {
				t.Error(problems)
			}
			if all := r.certificates.All(); len(all) != 1 || !strings.Contains(all[0].State, test.why) {
				t.Errorf("%+v", all)
			}
		})
	}
}

func TestAttach(t *testing.T) {
	r := newRig(t, "")
	if _, err := r.certificates.Attach(r.certify(r.home, same), r.work.Info(), true); err == nil || !strings.Contains(err.Error(), "for another key") {
		t.Error(err)
	}
	old := r.certify(r.work, func(c *ssh.Certificate) { c.ValidBefore = c.ValidAfter + 1 })
	if _, err := r.certificates.Attach(old, r.work.Info(), true); err == nil || !strings.Contains(err.Error(), "expired on") {
		t.Error(err)
	}
	r.want("work home")
	for _, sealed := range []bool{true, false} {
		key, want := r.work, filepath.Join(r.sealed, "work-cert.pub")
		if !sealed {
			key, want = r.home, filepath.Join(r.dir, "test-")
		}
		path, err := r.certificates.Attach(r.certify(key, same), key.Info(), sealed)
		if err != nil || !strings.HasPrefix(path, want) {
			t.Error(path, err)
		}
	}
	r.want("work+cert work home+cert home")
}

// TestFilesOpenToOthersAreNotUsed: whoever writes the file chooses what a host is shown.
func TestFilesOpenToOthersAreNotUsed(t *testing.T) {
	r := newRig(t, PlainAfter)
	path := filepath.Join(r.dir, "x.pub")
	r.write(path, r.certify(r.home, same))
	r.want("work home+cert home")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	r.certificates = New(r.certificates.config)
	problems := r.certificates.Problems()
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	if len(problems) != 1 || !strings.Contains(platform.Text(problems[0]), "it may be written by others (mode 0666)\nrun: chmod go-w "+path) {
		t.Errorf("%v", problems)
	}
}

// lender is a test source that lends its key.
type lender struct{ *keystest.Source }

func (l lender) Lend(context.Context, *keys.Use) (*privatekey.Key, error) { return l.Private(), nil }

// A certificate's key is lent where its source lends it.
func TestACertifiedKeyIsLent(t *testing.T) {
	r := newRig(t, PlainAfter)
	r.certificates.config.Ring = keys.NewRing(r.work, lender{r.home})
	for key, lent := range map[*keystest.Source]bool{r.work: false, r.home: true} {
		path := filepath.Join(r.dir, key.Info().Name+"-cert.pub")
		certificate := r.certify(key, same)
		r.write(path, certificate)
		info, ok := r.certificates.Find(certificate.Marshal())
		if !ok {
			t.Fatal("the certificate is not listed")
		}
		private, err := r.certificates.Lend(t.Context(), &keys.Use{Key: info})
		if err != nil || (private != nil) != lent || lent && !private.Fits(key.Info().PublicKey) {
			t.Errorf("%s: %v, %v", key.Info().Name, private, err)
		}
	}
	if _, err := r.certificates.Lend(t.Context(), &keys.Use{Key: r.work.Info()}); !errors.Is(err, keys.ErrNotFound) {
		t.Error(err)
	}
}
