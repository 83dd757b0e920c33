//go:build unix

package sshadd

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// The test binary is also the program that ssh-add asks by.
func TestMain(m *testing.M) {
	if os.Getenv(Variable) != "" {
		if Answer(os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const secret = "the file's own"

func makeKey(t *testing.T, words ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "FILE", path)
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// config asks for passphrase, and counts.
func config(t *testing.T, passphrase string, asked *int) Config {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if Find() == "" {
		t.Skip("there is no ssh-add")
	}
	return Config{Program: Find(), Dir: t.TempDir(), Askpass: exe, Passphrase: func(context.Context) ([]byte, error) {
		*asked++
		return []byte(passphrase), nil
	}}
}

// What OpenSSH writes and reads, with the comment.
func TestConvert(t *testing.T) {
	keygen := func(options ...string) []string {
		return append([]string{"ssh-keygen", "-q", "-C", "anna@laptop", "-f", "FILE"}, options...)
	}
	for name, words := range map[string][]string{
		"ed25519":  keygen("-t", "ed25519", "-N", ""),
		"rsa":      keygen("-t", "rsa", "-b", "2048", "-N", ""),
		"ecdsa":    keygen("-t", "ecdsa", "-b", "384", "-N", ""),
		"gcm":      keygen("-t", "ed25519", "-a", "1", "-N", secret, "-Z", "aes128-gcm@openssh.com"),
		"chacha20": keygen("-t", "ed25519", "-a", "1", "-N", secret, "-Z", "chacha20-poly1305@openssh.com"),
		"camellia": {"openssl", "genpkey", "-algorithm", "RSA", "-camellia-256-cbc", "-pass", "pass:" + secret, "-out", "FILE"},
	} {
		asked := 0
		file, err := Convert(t.Context(), config(t, secret, &asked), makeKey(t, words...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := ssh.ParseRawPrivateKey(file); err != nil {
			t.Errorf("%s: what came out is no key: %v", name, err)
		}
		if want := strings.Count(strings.Join(words, " "), secret); asked != want {
			t.Errorf("%s: asked %d times, not %d", name, asked, want)
		}
	}
}

// OpenSSL reads BER, in which a length may have zeros before it; Go reads DER.
func TestConvertBER(t *testing.T) {
	file := makeKey(t, "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "FILE")
	block, _ := pem.Decode(file)
	if block == nil || !bytes.HasPrefix(block.Bytes, []byte{0x30, 0x82}) {
		t.Fatal("openssl wrote something else")
	}
	block.Bytes = append([]byte{0x30, 0x83, 0x00}, block.Bytes[2:]...)
	asked := 0
	if _, err := ssh.ParseRawPrivateKey(pem.EncodeToMemory(block)); err == nil {
		t.Error("Go reads it too")
	}
	if _, err := Convert(t.Context(), config(t, "", &asked), pem.EncodeToMemory(block)); err != nil {
		t.Error(err)
	}
}

func TestConvertRefuses(t *testing.T) {
	asked := 0
	locked := makeKey(t, "ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", secret, "-f", "FILE")
	if _, err := Convert(t.Context(), config(t, "wrong", &asked), locked); !errors.Is(err, ErrPassphrase) || asked != 1 {
		t.Errorf("a wrong passphrase: %v, asked %d times", err, asked)
	}
	c := config(t, "", &asked)
	no := errors.New("closed by the person")
	c.Passphrase = func(context.Context) ([]byte, error) { return nil, no }
	if _, err := Convert(t.Context(), c, locked); !errors.Is(err, no) {
		t.Errorf("no passphrase: %v", err)
	}
	if _, err := Convert(t.Context(), c, []byte("no key")); err == nil || !strings.Contains(err.Error(), "(stdin)") {
		t.Errorf("no key: %v", err)
	}
	c.Program = "/nonexistent"
	if _, err := Convert(t.Context(), c, locked); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func privateDir(t *testing.T) string {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Only the process that was started may hand over a key.
func TestOnlyThatProcess(t *testing.T) {
	for pid, taken := range map[int]bool{os.Getpid(): true, os.Getppid(): false} {
		listener, err := platform.Listen(filepath.Join(privateDir(t), "s"))
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan []byte, 1)
		go func() { result <- take(listener, pid) }()
		conn, err := net.Dial("unix", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		add := wire.AddIdentity{KeyType: "ssh-ed25519", Private: ssh.Marshal(struct{ Public, Private []byte }{make([]byte, 32), make([]byte, 64)}), Comment: "c"}
		_ = wire.WriteFrame(conn, add.Marshal())
		_, err = wire.ReadFrame(conn) // an answer, or the end
		listener.Close()
		if key := <-result; (key != nil) != taken || (err == nil) != taken {
			t.Errorf("pid %d: taken %v, %v", pid, key != nil, err)
		}
	}
}

// What carries the passphrase cannot be opened in /proc by another program, as pipes can.
// (ssh-add's own pipe to the program that asks can; the threat model says so.)
func TestNothingToOpen(t *testing.T) {
	asked, looked := 0, 0
	c := config(t, secret, &asked)
	c.Passphrase = func(context.Context) ([]byte, error) {
		for _, pid := range children(t) {
			path := filepath.Join("/proc", pid, "fd", fmt.Sprint(askpassFD))
			if file, err := os.OpenFile(path, os.O_RDWR, 0); err == nil || !errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.EACCES) {
				t.Errorf("%s can be opened, or is not there: %v, %v", path, file, err)
			}
			looked++
		}
		return []byte(secret), nil
	}
	if _, err := Convert(t.Context(), c, makeKey(t, "ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", secret, "-f", "FILE")); err != nil {
		t.Error(err)
	}
	if looked == 0 {
		t.Error("no child was seen")
	}
}

// children are the processes that this one has started and that live.
func children(t *testing.T) []string {
	paths, _ := filepath.Glob("/proc/[0-9]*/status")
	if len(paths) == 0 {
		t.Skip("there is no /proc")
	}
	var pids []string
	for _, path := range paths {
		status, _ := os.ReadFile(path)
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}
