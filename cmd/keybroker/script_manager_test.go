//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

const userManager = "/usr/lib/systemd/systemd"

// A manager of a user has groups for its processes (cgroups(7)), in each hierarchy that
// systemd uses.
var cgroups = []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}

// mayManage reports whether a systemd for a user can be run here.
func mayManage() bool {
	if _, err := os.Stat(userManager); err != nil || !mayMount() {
		return false
	}
	groups, err := makeGroups(fmt.Sprintf("keybroker-try-%d", os.Getpid()))
	removeGroups(groups)
	return err == nil
}

func makeGroups(name string) (list []string, err error) {
	for _, root := range cgroups {
		if _, err := os.Stat(root + "/cgroup.procs"); err != nil {
			continue
		}
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return list, err
		}
		list = append(list, filepath.Join(root, name))
	}
	if len(list) == 0 {
		return nil, errors.New("no control groups")
	}
	return list, nil
}

// removeGroups also removes those that the manager made below. They are empty by now.
func removeGroups(list []string) {
	for _, top := range list {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			_ = os.Remove(dirs[i])
		}
	}
}

// startManager makes the machine look as if systemd had started it, for this process and
// its children alone, and becomes the manager of a user.
const startManager = `mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system || exit
for group; do echo $$ >"$group/cgroup.procs" || exit; done
exec ` + userManager + ` --user --log-target=console`

var managers atomic.Int64 // started so far

// cmdManager is "manager start|stop": a real systemd for the script's person. "inside"
// runs a program where that person has logged in.
func cmdManager(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "start" && args[0] != "stop" {
		ts.Fatalf("usage: manager start|stop")
	}
	r := rigOf(ts)
	if args[0] == "stop" {
		r.manager.end()
		return
	}
	m := &manager{ts: ts, r: r}
	var err error
	m.groups, err = makeGroups(fmt.Sprintf("keybroker-%d-%d", os.Getpid(), managers.Add(1)))
	ts.Check(err)
	ts.Check(os.MkdirAll("/run/systemd", 0o755))
	m.log, err = os.Create(filepath.Join(r.work, "manager.log"))
	ts.Check(err)
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", startManager, "sh"}, m.groups...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = m.environ(), r.work, m.log, m.log
	m.process, err = startProcess(cmd)
	ts.Check(err)
	r.manager = m
	r.onEnd(m.end)
	if !await(func() bool { return m.ended() || m.answers() }) || m.ended() {
		ts.Fatalf("no manager: %s", readOr(m.log.Name()))
	}
}

type manager struct {
	*process
	ts     *testscript.TestScript
	r      *rig
	groups []string
	log    *os.File
	over   bool
}

// environ is what a login gives: no agent yet.
func (m *manager) environ() []string {
	return append(slices.DeleteFunc(environ(m.ts), func(pair string) bool { return strings.HasPrefix(pair, "SSH_AUTH_SOCK=") }), "SHELL="+m.ts.Getenv("SHELL"))
}

func (m *manager) answers() bool {
	cmd := exec.Command("systemctl", "--user", "is-active", "default.target")
	cmd.Env = m.environ()
	return cmd.Run() == nil
}

// end lets the manager end its units, and with them what they run.
func (m *manager) end() {
	if m.over {
		return
	}
	m.over = true
	_ = m.Process.Signal(syscall.SIGTERM)
	<-m.done
	_ = m.log.Close()
	await(func() bool { removeGroups(m.groups); return gone(m.groups) })
}

func gone(paths []string) bool {
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			return false
		}
	}
	return true
}

// cmdInside is "[!] inside PROGRAM [ARG …]": exec where the manager's person is logged in.
// SSH_AUTH_SOCK is not set there.
func cmdInside(ts *testscript.TestScript, neg bool, args []string) {
	m := rigOf(ts).manager
	if m == nil || len(args) == 0 {
		ts.Fatalf("usage: inside PROGRAM [ARG …], after manager start")
	}
	line := append(mountsOf(m.Process.Pid, m.r.work), "env", "-u", "SSH_AUTH_SOCK")
	err := ts.Exec("nsenter", append(line, args...)...)
	if (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
}
