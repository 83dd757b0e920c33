package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/windows"
)

const (
	// patience bounds every wait for an event. No test asserts a time.
	patience = 60 * time.Second
	// asProgram makes the test binary the program itself.
	asProgram = "KEYBROKER_TEST_PROGRAM"
	// windowClass is that of the window in package session.
	windowClass = "keybroker session"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// windowsRig is a broker in the directories of this user, which no variable
// moves on Windows. So it runs in a wine prefix that holds no other one.
type windowsRig struct {
	*testing.T
	paths  platform.Paths
	daemon *exec.Cmd
}

const windowsConfig = `
[confirm]
prompt = "none"
[[rule]]
key = "work"
purpose = "login"
action = "allow"
[[socket]]
name = "tool"
keys = ["other"]
`

func newWindowsRig(t *testing.T) *windowsRig {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("not in wine: it would work in this user's own directories")
	}
	paths, err := platform.DefaultPaths()
	if err != nil {
		t.Fatal(err)
	}
	r := &windowsRig{T: t, paths: paths}
	for _, dir := range r.directories() {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s is there already\nset WINEPREFIX to a prefix of the tests' own", dir)
		}
	}
	t.Cleanup(r.removeAll)
	r.write(paths.ConfigFile, windowsConfig)
	return r
}

func (r *windowsRig) directories() []string {
	return []string{filepath.Dir(r.paths.ConfigFile), r.paths.DataDir, filepath.Dir(r.paths.MachinePolicy)}
}

// removeAll goes one by one: wine 8 cannot do what os.RemoveAll asks for.
func (r *windowsRig) removeAll() {
	var all []string
	for _, dir := range r.directories() {
		filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				all = append(all, path)
			}
			return nil
		})
	}
	for _, path := range slices.Backward(all) {
		if err := os.Remove(path); err != nil {
			r.Error(err)
		}
	}
}

func (r *windowsRig) write(path, text string) {
	r.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		r.Fatal(err)
	}
}

func (r *windowsRig) command(args ...string) *exec.Cmd {
	r.Helper()
	exe, err := os.Executable()
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// start runs the daemon until the test ends, or stop.
func (r *windowsRig) start() {
	r.Helper()
	r.daemon = r.command("daemon")
	var output bytes.Buffer
	r.daemon.Stdout, r.daemon.Stderr = &output, &output
	r.daemon.WaitDelay = time.Second // a program that wine starts for it may keep its output open
	if err := r.daemon.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		r.stop()
		if r.Failed() {
			r.Logf("the daemon said:\n%s", &output)
		}
	})
	r.await("the broker", func() bool { return r.command("status").Run() == nil })
}

func (r *windowsRig) stop() {
	_ = r.daemon.Process.Kill()
	_ = r.daemon.Wait()
}

func (r *windowsRig) await(what string, done func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("waited in vain for %s", what)
		}
	}
}

// run wants an exit code, and texts in what the command says.
func (r *windowsRig) run(code int, input, args string, want ...string) {
	r.Helper()
	cmd := r.command(strings.Fields(args)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		r.Errorf("keybroker %s: exit code %d, %v; want %d\n%s", args, got, err, code, out)
	}
	for _, text := range want {
		if !strings.Contains(oneSpace(string(out)), oneSpace(text)) {
			r.Errorf("keybroker %s does not say %q:\n%s", args, text, out)
		}
	}
}

// oneSpace leaves one space of many: tables are as wide as they need to be.
func oneSpace(text string) string { return strings.Join(strings.Fields(text), " ") }

// client connects as a program does that knows nothing of ours. The handle is
// overlapped, so that Close ends a Read.
func (r *windowsRig) client(path string) (sshagent.Agent, io.Closer) {
	r.Helper()
	pipe, err := os.OpenFile(path, os.O_RDWR|windows.O_FILE_FLAG_OVERLAPPED, 0)
	if err != nil {
		r.Fatal(err)
	}
	return sshagent.NewClient(pipe), pipe
}

func loginData(key *sshagent.Key) []byte {
	return ssh.Marshal(struct {
		Session               []byte
		Number                byte
		User, Service, Method string
		Signs                 bool
		Algorithm             string
		Key                   []byte
	}{bytes.Repeat([]byte{7}, 32), 50, "anna", "ssh-connection", "publickey", true, key.Format, key.Blob})
}

// signWith lists the keys, signs data and verifies the signature.
func signWith(agent sshagent.Agent, data func(*sshagent.Key) []byte) error {
	list, err := agent.List()
	if err != nil || len(list) != 1 {
		return fmt.Errorf("%d keys listed, %v", len(list), err)
	}
	text := data(list[0])
	signature, err := agent.Sign(list[0], text)
	if err != nil {
		return err
	}
	return list[0].Verify(text, signature)
}

func (r *windowsRig) sign() error {
	r.Helper()
	agent, pipe := r.client(r.paths.AgentSocket)
	defer pipe.Close()
	return signWith(agent, loginData)
}

func (r *windowsRig) mustSign(when string) {
	r.Helper()
	if err := r.sign(); err != nil {
		r.Errorf("%s: %v", when, err)
	}
}

// TestWindowsBroker takes a broker through a day.
func TestWindowsBroker(t *testing.T) {
	r := newWindowsRig(t)
	r.start()
	r.run(cli.ExitDone, "", "keys generate work", "ssh-ed25519 ")
	r.run(cli.ExitDone, "", "keys list", "work", "softkeys")
	r.run(cli.ExitDone, "", "status", "running", `\\.\pipe\openssh-ssh-agent`, "sealed by     keychain")
	r.mustSign("a rule allows it")
	r.run(cli.ExitDone, "", "log", "allowed", "login as anna", "work")

	agent, pipe := r.client(r.paths.AgentSocket)
	if err := signWith(agent, func(*sshagent.Key) []byte { return []byte("anything") }); err == nil {
		t.Error("signed, and nobody was asked")
	}
	pipe.Close()
	r.run(cli.ExitDone, "", "why", "sign", "unknown", "refused")
	agent, pipe = r.client(r.paths.Socket("tool"))
	if list, err := agent.List(); err != nil || len(list) != 0 {
		t.Errorf("the socket of its own shows %v, %v", list, err)
	}
	pipe.Close()
	r.run(cli.ExitDone, "", "grants list", "There are no grants")

	r.run(cli.ExitDone, "", "pause")
	if r.sign() == nil {
		t.Error("signed while paused")
	}
	r.run(cli.ExitDone, "", "why", "paused")
	r.run(cli.ExitDone, "", "resume")
	r.mustSign("resumed")

	r.run(cli.ExitDone, "secret\n", "lock")
	if err := r.sign(); err == nil || !strings.Contains(err.Error(), "0 keys listed") {
		t.Errorf("locked: %v", err)
	}
	r.run(cli.ExitFailed, "wrong\n", "unlock")
	r.run(cli.ExitDone, "secret\n", "unlock")
	r.mustSign("unlocked")
	r.run(cli.ExitDone, "", "log verify")
	r.run(cli.ExitDone, "", "doctor", "Windows' own ssh asks the broker", "1 key listed", "dpapi", "what no rule allows is refused")
	r.run(cli.ExitDone, "", "env --shell powershell", `$env:SSH_AUTH_SOCK = '\\.\pipe\openssh-ssh-agent'`)

	r.stop()
	r.run(cli.ExitNotRunning, "", "status", "not running")
	r.start()
	r.mustSign("the secret lies in a file that DPAPI sealed")
}

func TestWindowsClientsTogether(t *testing.T) {
	r := newWindowsRig(t)
	r.start()
	r.run(cli.ExitDone, "", "keys generate work")
	results := make(chan error)
	const clients = 50
	for range clients {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			conn, err := platform.Dial(ctx, r.paths.AgentSocket)
			if err == nil {
				err = errors.Join(signWith(sshagent.NewClient(conn), loginData), conn.Close())
			}
			results <- err
		}()
	}
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestWindowsSecondBroker(t *testing.T) {
	r := newWindowsRig(t)
	r.start()
	r.run(cli.ExitFailed, "", "daemon", "another agent serves it", "Stop-Service ssh-agent")
	r.run(cli.ExitDone, "", "status", "running")
}

// TestWindowsScreenLock locks the screen for the broker's window.
func TestWindowsScreenLock(t *testing.T) {
	r := newWindowsRig(t)
	r.start()
	r.run(cli.ExitDone, "", "keys generate work")
	r.mustSign("a rule allows it") // so that there is something to drop
	name, err := windows.UTF16PtrFromString(windowClass)
	if err != nil {
		t.Fatal(err)
	}
	r.await("the note", func() bool {
		tellWindow(name) // it may not be there yet
		out, _ := r.command("log", "--json", "--decision", "note").Output()
		return strings.Contains(string(out), "the screen was locked (Windows)")
	})
	r.run(cli.ExitDone, "", "status", "screen        locked")
}

// TestWindowsConstraints adds keys with what Microsoft's agent refuses: ssh-add -t, -c and
// -h. Nobody can be asked here, so that what is confirmed is refused.
func TestWindowsConstraints(t *testing.T) {
	r := newWindowsRig(t)
	r.write(r.paths.ConfigFile, strings.Replace(windowsConfig, `key = "work"`, `key = "*"`, 1))
	r.start()
	agent, pipe := r.client(r.paths.AgentSocket)
	defer pipe.Close()
	host, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewPublicKey(host)
	if err != nil {
		t.Fatal(err)
	}
	hop := ssh.Marshal(struct{ User, Host, Reserved string }{})
	end := append(ssh.Marshal(struct{ User, Host, Reserved, Key string }{"", "git.example.com", "", string(hostKey.Marshal())}), 0)
	constraint := ssh.Marshal(struct{ From, To, Reserved string }{string(hop), string(end), ""})
	for _, c := range []struct {
		name, want string // "": it signs
		key        sshagent.AddedKey
	}{
		{"none", "", sshagent.AddedKey{}},
		{"-t", "", sshagent.AddedKey{LifetimeSecs: 600}},
		{"-c", "added with ssh-add -c", sshagent.AddedKey{ConfirmBeforeUse: true}},
		{"-h", "destination", sshagent.AddedKey{ConstraintExtensions: []sshagent.ConstraintExtension{
			{ExtensionName: "restrict-destination-v00@openssh.com", ExtensionDetails: ssh.Marshal(struct{ One string }{string(constraint)})}}}},
	} {
		c.key.PrivateKey, c.key.Comment = private, c.name
		if err := errors.Join(agent.RemoveAll(), agent.Add(c.key)); err != nil {
			t.Errorf("ssh-add %s: %v", c.name, err)
			continue
		}
		signed := signKey(agent, hostKey)
		if (signed == nil) != (c.want == "") {
			t.Errorf("ssh-add %s: signing says %v", c.name, signed)
		}
		if c.want != "" {
			r.run(cli.ExitDone, "", "why", c.want)
		}
	}
}

// signKey signs a login with a key that need not be listed.
func signKey(agent sshagent.Agent, key ssh.PublicKey) error {
	text := loginData(&sshagent.Key{Format: key.Type(), Blob: key.Marshal()})
	signature, err := agent.Sign(key, text)
	if err != nil {
		return err
	}
	return key.Verify(text, signature)
}

// TestWindowsMachineDirectory: an empty directory of this user keeps the owner's file out.
func TestWindowsMachineDirectory(t *testing.T) {
	r := newWindowsRig(t)
	r.run(cli.ExitDone, "", "policy check")
	if err := os.Mkdir(filepath.Dir(r.paths.MachinePolicy), 0o700); err != nil {
		t.Fatal(err)
	}
	r.run(cli.ExitUsage, "", "daemon", "the machine's rules in", "owns it, not the administrators", "as administrator: takeown")
}

// TestWindowsPageantAndCygwin shows them in the status; packaging/windows/putty-test has
// PuTTY ask, and package platform's tests the rest.
func TestWindowsPageantAndCygwin(t *testing.T) {
	r := newWindowsRig(t)
	file, conf := filepath.Join(r.paths.DataDir, "agent.sock"), filepath.Join(r.paths.DataDir, "pageant.conf")
	r.write(filepath.Join(r.paths.DataDir, "a"), "")
	r.write(r.paths.ConfigFile, windowsConfig+fmt.Sprintf("[windows]\ncygwin_socket = '%s'\nopenssh_config = '%s'\n", file, conf))
	r.start()
	r.run(cli.ExitDone, "", "keys generate work")
	r.run(cli.ExitDone, "", "status", `\\.\pipe\pageant.`, `the window "Pageant"`, file)
	named, err := os.ReadFile(conf)
	pipeName, ok := strings.CutPrefix(strings.TrimSpace(string(named)), "IdentityAgent ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", named, err)
	}
	agent, pipe := r.client(pipeName)
	defer pipe.Close()
	if err := signWith(agent, loginData); err != nil {
		t.Errorf("by Pageant's pipe: %v", err)
	}
}

// TestWindowsMachineRules: in wine every file is this user's, so that the rules
// of the machine's owner can only be refused.
func TestWindowsMachineRules(t *testing.T) {
	r := newWindowsRig(t)
	r.run(cli.ExitDone, "", "policy check")
	r.write(r.paths.MachinePolicy, "[[rule]]\naction = \"allow\"\n")
	r.run(cli.ExitUsage, "", "daemon", "the machine's rules in", "owns it, not the administrators", "as administrator: takeown")
	if err := errors.Join(os.Remove(r.paths.MachinePolicy), os.Remove(filepath.Dir(r.paths.MachinePolicy))); err != nil {
		t.Fatal(err)
	}
	r.run(cli.ExitDone, "", "policy check")
	r.start()
}
