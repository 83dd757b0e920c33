//go:build unix

package inventory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/hosts"
)

const sftpServer = "/usr/lib/openssh/sftp-server"

// fleet is directories that look like hosts: a program in the place of ssh runs the real
// sftp-server in them. The scripts of cmd/keybroker have real sshds.
type fleet struct {
	t   *testing.T
	dir string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	if _, err := os.Stat(sftpServer); err != nil {
		t.Skip("no sftp-server here")
	}
	f := &fleet{t, t.TempDir()}
	f.write("ssh", `#!/bin/sh
for target; do :; done
case " $* " in
*" -G "*) printf 'hostname 127.0.0.1\nuser anna\nport 22\n'; exit ;;
*" sftp "*) for word; do [ "$word" = sftp ] || target=$word; done ;;
esac
echo "debug1: Server host key: ssh-ed25519 SHA256:$target" >&2
cd "`+f.dir+`/$target" && exec `+sftpServer+`
`)
	if err := os.Chmod(filepath.Join(f.dir, "ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write("sshd_config", "StrictModes no\nInclude conf.d/*.conf\nPermitRootLogin yes\nMatch User x\nPermitUserEnvironment yes\n")
	f.write("conf.d/first.conf", "PermitRootLogin no\n")
	return f
}

func (f *fleet) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) fifo(name string) {
	f.t.Helper()
	f.write(name, "")
	path := filepath.Join(f.dir, name)
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) remote(targets ...string) Remote {
	return Remote{Dialer: hosts.Dialer{SSH: filepath.Join(f.dir, "ssh"), SSHDConfig: filepath.Join(f.dir, "sshd_config")}, Targets: targets}
}

func (f *fleet) read(o Remote) lifecycle.Inventory {
	f.t.Helper()
	c := newCollection()
	if err := readHosts(context.Background(), c, o); err != nil {
		f.t.Fatal(err)
	}
	return c.inventory()
}

func TestHosts(t *testing.T) {
	f := newFleet(t)
	key := string(mustRead(t, keyGen(t, t.TempDir(), "k", "-t", "ed25519")+".pub"))
	f.write("good/.ssh/authorized_keys", key)
	f.write("odd/.ssh/authorized_keys", "\x00\xff\x1b[2J"+strings.Repeat("A", 100_000)+"\n"+key+"\r\n"+key)
	keyGen(t, filepath.Join(f.dir, "odd/.ssh"), "id_clear", "-t", "rsa", "-b", "2048")
	keyGen(t, filepath.Join(f.dir, "odd/.ssh"), "id_pem", "-t", "ecdsa", "-m", "PEM", "-N", "secret")
	f.fifo("odd/.ssh/fifo")
	if err := os.Symlink("/dev/zero", filepath.Join(f.dir, "odd/.ssh/zero")); err != nil {
		t.Fatal(err)
	}
	f.write("none/x", "")
	inv := f.read(f.remote("good", "odd", "none", "absent"))

	var copies []string
	for _, file := range inv.Copies {
		copies = append(copies, fmt.Sprint(file.Host.Name, " ", file.Path, " ", file.Clear, " ", file.Fingerprint != ""))
	}
	slices.Sort(copies)
	if want := []string{"odd .ssh/id_clear true true", "odd .ssh/id_pem false true"}; !slices.Equal(copies, want) {
		t.Errorf("private keys: %q", copies)
	}
	if len(inv.Places) != 3 || len(inv.Hosts) != 3 || NotReached(&inv) != 1 {
		t.Errorf("%d places on %d hosts, %d not reached: %+v", len(inv.Places), len(inv.Hosts), NotReached(&inv), inv.Unseen)
	}
	kinds := map[string]int{}
	for _, finding := range inv.Findings {
		kinds[finding.Kind]++
	}
	if kinds["modes-not-checked"] != 3 || kinds["root-by-password"] != 0 || kinds["user-environment"] != 0 || kinds["duplicate-line"] != 1 {
		t.Errorf("findings: %v", kinds)
	}
}

// What a server holds back ends with a reason, and keeps nobody else from being read.
func TestAHostThatDoesNotAnswer(t *testing.T) {
	f := newFleet(t)
	f.fifo("slow/.ssh/authorized_keys") // its sftp-server waits for a writer without end
	f.write("good/.ssh/authorized_keys", string(mustRead(t, keyGen(t, t.TempDir(), "k", "-t", "ed25519")+".pub")))
	remote := f.remote("slow", "good")
	remote.Parallel, remote.Patience = 1, time.Second
	inv := f.read(remote)
	if len(inv.Places) != 1 || NotReached(&inv) != 1 {
		t.Fatalf("%+v", inv)
	}
	for _, u := range inv.Unseen {
		if u.What == whatHost && (u.Host.Name != "slow" || !strings.Contains(u.Why, "it did not answer all requests within 1s")) {
			t.Errorf("%+v", u)
		}
	}
}

func TestInterruptedRunGoesOn(t *testing.T) {
	f := newFleet(t)
	key := string(mustRead(t, keyGen(t, t.TempDir(), "k", "-t", "ed25519")+".pub"))
	var targets []string
	for i := range 6 {
		name := fmt.Sprint("h", i)
		targets = append(targets, name)
		f.write(name+"/.ssh/authorized_keys", key)
	}
	state := t.TempDir()
	begun, err := BeginRun(state, targets)
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(context.Background())
	remote := f.remote(targets...)
	remote.Parallel, remote.Keep = 1, func(result HostResult) {
		begun.Keep(result)
		if result.Target == "h2" {
			interrupt()
		}
	}
	if err := readHosts(ctx, newCollection(), remote); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := begun.file.WriteString(`{"target":"cut o`); err != nil {
		t.Fatal(err)
	}
	if err := begun.Leave(); err != nil {
		t.Fatal(err)
	}

	resumed, err := ResumeRun(state)
	if err != nil || !slices.Equal(resumed.Targets, targets) || len(resumed.Have) != 3 {
		t.Fatalf("%v: %d of %v", err, len(resumed.Have), resumed.Targets)
	}
	remote.Targets, remote.Have = resumed.Targets, resumed.Have
	var again []string
	remote.Keep = func(result HostResult) { again = append(again, result.Target); resumed.Keep(result) }
	inv := f.read(remote)
	if len(inv.Places) != 6 || !slices.Equal(again, []string{"h3", "h4", "h5"}) {
		t.Errorf("%d places, read again: %v", len(inv.Places), again)
	}
	if err := resumed.End(); err != nil {
		t.Error(err)
	}
	if _, err := ResumeRun(state); err == nil {
		t.Error("a finished run goes on")
	}
}

func TestMachine(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
	ssh, other, outside := filepath.Join(home, ".ssh"), filepath.Join(home, "keys"), t.TempDir()
	for _, dir := range []string{ssh, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	named := keyGen(t, other, "named", "-t", "ed25519")
	signing := keyGen(t, outside, "signing", "-t", "ed25519")
	keyGen(t, filepath.Join(outside), "unseen", "-t", "ed25519")
	link(outside, filepath.Join(ssh, "elsewhere"))
	link(named, filepath.Join(ssh, "link"))
	link("/dev/zero", filepath.Join(ssh, "zero"))
	link("loop", filepath.Join(ssh, "loop"))
	if err := syscall.Mkfifo(filepath.Join(ssh, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	rfc := run(t, "ssh-keygen", "-e", "-m", "RFC4716", "-f", keyGen(t, outside, "rfc", "-t", "ed25519")+".pub")
	write(filepath.Join(ssh, "rfc.txt"), rfc)
	write(filepath.Join(ssh, "config"), "IdentityFile ~/keys/named\nIdentityFile ~/keys/%h\nInclude more\nInclude config\n")
	write(filepath.Join(ssh, "more"), "Host *\n  StrictHostKeyChecking=no\nHost web1\n  UserKnownHostsFile /dev/null\n")
	weak := string(mustRead(t, keyGen(t, outside, "host1", "-t", "rsa", "-b", "1024")+".pub"))
	one := string(mustRead(t, keyGen(t, outside, "host2", "-t", "ed25519")+".pub"))
	two := string(mustRead(t, keyGen(t, outside, "host3", "-t", "ed25519")+".pub"))
	write(filepath.Join(ssh, "known_hosts"), "web1 "+weak+"web2 "+one+"web2 "+two+"@revoked web2 "+one+"broken\n")
	write(filepath.Join(home, ".gitconfig"), "[gpg]\nformat = ssh\n[user]\nsigningkey = "+signing+".pub\n")

	c := newCollection()
	readMachine(context.Background(), c, home, nil)
	inv := c.inventory()
	if len(inv.Copies) != 1 || inv.Copies[0].Path != named || inv.Copies[0].Fingerprint != fingerprintOf(t, named+".pub") {
		t.Errorf("private keys: %+v", inv.Copies)
	}
	signs := 0
	for _, key := range inv.Keys {
		if key.Signs {
			signs++
			if key.Fingerprint != fingerprintOf(t, signing+".pub") {
				t.Errorf("git signs with %+v", key)
			}
		}
	}
	if signs != 1 || len(inv.Keys) != 3 { // named, signing, RFC 4716
		t.Errorf("git signs with %d of %d keys", signs, len(inv.Keys))
	}
	var kinds, unseen []string
	for _, finding := range inv.Findings {
		kinds = append(kinds, finding.Kind)
	}
	for _, u := range inv.Unseen {
		unseen = append(unseen, filepath.Base(u.What))
	}
	slices.Sort(kinds)
	slices.Sort(unseen)
	if want := []string{"host-keys-not-checked", "host-keys-not-kept", "two-host-keys", "weak-host-key"}; !slices.Equal(kinds, want) {
		t.Errorf("findings: %q", kinds)
	}
	if want := []string{"%h", "elsewhere", "known_hosts", "loop"}; !slices.Equal(unseen, want) {
		t.Errorf("not seen: %q", unseen)
	}
}

func TestPrivateKeysInGit(t *testing.T) {
	home, tree := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", tree, "-c", "user.email=a@b", "-c", "user.name=a"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	git("init", "-q")
	for _, name := range []string{"committed", "loose", "ignored"} {
		keyGen(t, tree, name, "-t", "ed25519", "-N", "secret")
	}
	if err := os.WriteFile(filepath.Join(tree, ".gitignore"), []byte("ignored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	git("add", "committed")
	// What a repository says runs nothing.
	mark := filepath.Join(home, "ran")
	git("config", "core.fsmonitor", "touch "+mark)
	c := newCollection()
	readMachine(context.Background(), c, home, []string{tree})
	severities := map[string]lifecycle.Severity{}
	for _, f := range c.inventory().Findings {
		severities[filepath.Base(f.Path)+" "+f.Kind] = f.Severity
	}
	if len(severities) != 2 || severities["committed private-key-in-git"] != lifecycle.Serious || severities["loose private-key-in-git"] != lifecycle.Warning {
		t.Errorf("%v", severities)
	}
	if exists(mark) {
		t.Error("the repository's program ran")
	}
}
