//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybroker/keybroker/desktop/waylandtest"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/keybroker/keybroker/platform/apart"
	"github.com/keybroker/keybroker/platform/confine"
	"github.com/keybroker/keybroker/platform/platformtest"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/platform/session/sessiontest"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
	"github.com/keybroker/keybroker/sshagent"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// patience bounds every wait for an event; a busy machine with the race
// detector is slow. No test asserts a time.
const patience = 60 * time.Second

// The scripts in testdata/script drive the real command line against real
// programs. Those need root say so.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"keybroker": main, sshagent.Name: main, "cardhold": holdCard, "plainclient": plainClient, "liar": liar, "unconfined": unconfined, "rehashed": rehashMain})
}

// suite is a run of the tests that looks for left-over processes at its end.
type suite struct{ *testing.M }

func (s suite) Run() int { return apart.Run(s.run) }

func (s suite) run() int {
	// What a child leaves behind becomes ours, so that it can be found.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "no subreaper:", err)
		return 1
	}
	release, err := platformtest.SSHDDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, "no directory for sshd:", err)
		return 1
	}
	defer release()
	code := s.M.Run()
	if left := childrenLeft(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: processes were left behind:\n%s\n", strings.Join(left, "\n"))
		return 1
	}
	return code
}

func TestScripts(t *testing.T) {
	var dir atomic.Value // of all scripts: testscript leaves it behind where only some run
	t.Cleanup(func() {
		if dir, ok := dir.Load().(string); ok {
			os.Remove(dir)
		}
	})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			dir.Store(filepath.Dir(env.WorkDir))
			return setup(env)
		},
		Cmds:                commands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"agent":        cmdAgent,
	"answer":       cmdAnswer,
	"approver":     cmdApprover,
	"as":           cmdAs,
	"await":        cmdAwait,
	"boot":         cmdBoot,
	"build":        cmdBuild,
	"bus":          cmdBus,
	"card":         cmdCard,
	"cardroot":     cmdCardRoot,
	"cardread":     cmdCardRead,
	"cardseen":     cmdCardSeen,
	"code":         cmdCode,
	"control":      cmdControl,
	"daemon":       cmdDaemon,
	"desktop":      cmdDesktop,
	"flood":        cmdFlood,
	"forge":        cmdForge,
	"follower":     cmdFollower,
	"garbage":      cmdGarbage,
	"hands":        cmdHands,
	"inside":       cmdInside,
	"keyring":      cmdKeyring,
	"logind":       cmdLogind,
	"manager":      cmdManager,
	"memory":       cmdMemory,
	"nosecrets":    cmdNoSecrets,
	"safedir":      cmdSafeDir,
	"other":        cmdOther,
	"page":         cmdPage,
	"ownterminals": cmdOwnTerminals,
	"person":       cmdPerson,
	"quantum":      cmdQuantum,
	"rehash":       cmdRehash,
	"rules":        cmdRules,
	"screen":       cmdScreen,
	"screensaver":  cmdScreenSaver,
	"signal":       cmdSignal,
	"sshd":         cmdSSHD,
	"storm":        cmdStorm,
	"sway":         cmdSway,
	"tmpfs":        cmdTmpfs,
	"tmux":         cmdTmux,
	"fits":         cmdFits,
	"tray":         cmdTray,
	"lifecycle":    cmdLifecycle,
	"type":         cmdType,
	"unopened":     cmdUnopened,
	"version":      cmdVersion,
	"until":        cmdUntil,
	"vault":        cmdVault,
	"x11":          cmdX11,
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "race":
		info, _ := debug.ReadBuildInfo()
		return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}), nil
	case "erases":
		return secret.Erases(), nil
	case "landlock":
		return confine.Now().Landlock > 0, nil
	case "cards":
		return piv.CompiledIn && pivtest.Missing() == nil, nil
	case "mount":
		return mayMount(), nil
	case "cgroups": // a chroot may lack them
		mounted, _ := os.ReadDir("/sys/fs/cgroup")
		return len(mounted) > 0, nil
	case "boot":
		return mayBoot(), nil
	case "manager":
		return mayManage(), nil
	case "fuse":
		return unix.Access("/dev/fuse", unix.R_OK|unix.W_OK) == nil && (os.Geteuid() != 0 || mayMount()), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// rig is what one script has started; it ends with the script.
type rig struct {
	t       testing.TB
	work    string
	daemon  *daemonProcess // nil: none runs
	ends    []func()       // run after the daemon's end, the last one first
	run     string         // the runtime directory: short, for a socket's path
	bus     *softkeystest.Bus
	desktop *desktop // nil: there is none
	tray    *process
	logind  *sessiontest.Logind
	saver   *sessiontest.ScreenSaver
	bench   *pivtest.Bench
	manager *manager // nil: there is none

	screenServer *process          // of the desktop
	sway         *waylandtest.Sway // nil: the desktop is not of Wayland
	namespace    int               // a process that holds terminals of the script's own; 0: none does
	personLeaves func()            // nil: nobody sits there
	trayEnds     func()
	others       map[string]int // process ids of other agents, by name
}

type rigKey struct{}

func rigOf(ts *testscript.TestScript) *rig { return ts.Value(rigKey{}).(*rig) }

// setup gives a script its own home, directories, configuration and programs.
func setup(env *testscript.Env) error {
	run, err := os.MkdirTemp("", "kb")
	if err != nil {
		return err
	}
	r := &rig{t: env.T().(testing.TB), work: env.WorkDir, run: run}
	env.Values[rigKey{}] = r
	env.Defer(r.close)
	me, err := user.Current()
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	for name, value := range map[string]string{
		"HOME": home, "USER": me.Username, "XDG_RUNTIME_DIR": run,
		"XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "XDG_DATA_HOME": filepath.Join(env.WorkDir, "data"),
		"XDG_STATE_HOME": filepath.Join(env.WorkDir, "state"),
		"SSH_AUTH_SOCK":  filepath.Join(run, "keybroker", "agent.sock"), "RUN": filepath.Join(run, "keybroker"),
		"SSH_ASKPASS": filepath.Join(env.WorkDir, "bin", "askpass"), "SSH": "ssh -F " + filepath.Join(home, ".ssh", "config"),
		"DISPLAY": "", "WAYLAND_DISPLAY": "", "DBUS_SESSION_BUS_ADDRESS": "", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + filepath.Join(run, "no-bus"),
		"SHELL": "/bin/sh", "LC_ALL": "C.UTF-8", "LIBRARY": "/usr/lib/softhsm/libsofthsm2.so",
		"PCSCLITE_CSOCK_NAME": filepath.Join(run, "no-pcscd"), // never the machine's own cards
		"GODEBUG":             os.Getenv("GODEBUG"), "GIT_CONFIG_NOSYSTEM": "1", "GORACE": "atexit_sleep_ms=0", "TZ": "UTC",
	} {
		env.Setenv(name, value)
	}
	return writeHome(env.WorkDir, home)
}

// header is the part of the configuration that is the same for every script.
const header = `[softkeys]
seal = "passphrase"
passphrase_file = "WORK/passphrase"
[confirm]
prompt = "askpass"
`

// askpass plays the person: it answers as the file "answer" says, and keeps
// what it was asked. With "wait" it never answers; with "later" it does when
// there is a file of that name. Secrets are the lines of the file "secret": the
// last one is given again and again. A notice stays until there is a file "refuse".
const askpass = `#!/bin/sh
cd "$HOME/.." || exit 255
echo $$ >asking
if [ "$SSH_ASKPASS_PROMPT" = none ]; then
	printf '%s\n--\n' "$1" >>noticed
	until [ -e refuse ]; do sleep 0.02; done
	exit 0
fi
printf '%s\n--\n' "$1" >>asked
if [ -z "$SSH_ASKPASS_PROMPT" ]; then
	until [ -s secret ]; do sleep 0.02; done
	head -n 1 secret
	[ "$(wc -l <secret)" -le 1 ] || sed -i 1d secret
	exit 0
fi
read -r answer <answer
case $answer in
allow) exit 0 ;;
deny) exit 1 ;;
yes|no) echo $answer; exit 0 ;;
crash) kill -9 $$ ;;
later) until [ -e later ]; do sleep 0.02; done; exit 0 ;;
esac
exec tail -f /dev/null
`

const passphrase = "the passphrase of the vault"

func writeHome(work, home string) error {
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		return err
	}
	for _, file := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"config/keybroker/config.toml", header + readOr(filepath.Join(work, "rules.toml")), 0o600},
		{"bin/askpass", askpass, 0o700},
		{"answer", "deny\n", 0o600},
		{"passphrase", passphrase + "\n", 0o600},
		{"home/.ssh/config", sshConfig, 0o600},
		{"home/.ssh/known_hosts", "", 0o600},
		{"authorized_keys", "", 0o600},
	} {
		path := filepath.Join(work, file.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if old, err := os.ReadFile(path); err == nil { // the script brings its own
			file.text = string(old)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(file.text, "WORK", work)), file.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, file.mode); err != nil {
			return err
		}
	}
	return nil
}

func readOr(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func (r *rig) onEnd(do func()) { r.ends = append(r.ends, do) }

// close ends the daemon first: what it uses must outlive it.
func (r *rig) close() {
	if r.daemon != nil {
		r.daemon.kill()
	}
	for _, end := range slices.Backward(r.ends) {
		end()
	}
	if !await(func() bool { return os.RemoveAll(r.run) == nil && isGoneFor(r.run, 20*time.Millisecond) }) {
		files, _ := filepath.Glob(filepath.Join(r.run, "*"))
		r.t.Errorf("something still writes into the runtime directory: %v", files)
	}
}

// isGoneFor reports whether path does not come back: a program that is just ending may
// make it again.
func isGoneFor(path string, while time.Duration) bool {
	time.Sleep(while)
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
