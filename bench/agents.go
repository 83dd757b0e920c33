//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	giveUpTime = 10 * time.Second // then a program that does not answer is given up
	stopTime   = 5 * time.Second  // then it is killed
	// pollTime is how long to wait before the next try to connect to a program
	// that starts: short beside the milliseconds that a start takes.
	pollTime = 100 * time.Microsecond
)

// kind is one of the programs that are compared.
type kind struct {
	name    string
	prepare func(dir string) error
	command func(dir string) *exec.Cmd
	socket  string // below dir
	idle    int    // idle connections to hold open
}

func sshAgentKind(path string) kind {
	return kind{
		name: "ssh-agent", socket: "agent.sock",
		idle:    1_000, // 10,000 take it minutes: each request costs a poll over all of them
		prepare: func(string) error { return nil },
		command: func(dir string) *exec.Cmd { return exec.Command(path, "-D", "-a", filepath.Join(dir, "agent.sock")) },
	}
}

// keybrokerKind has one rule that allows; so what is measured includes the
// decision by the rules and the record in the audit log, but no person.
func keybrokerKind(path, durability string) kind {
	return keybrokerWith(path, "[audit]\ndurability = \""+durability+"\"\n\n[[rule]]\nname = \"bench\"\naction = \"allow\"\n")
}

func keybrokerWith(path, config string, env ...string) kind {
	return kind{
		name: "keybroker", socket: "run/keybroker/agent.sock",
		idle: idleSize,
		prepare: func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "config", "keybroker"), 0o700); err != nil {
				return err
			}
			if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "config", "keybroker", "config.toml"), []byte(config), 0o600)
		},
		command: func(dir string) *exec.Cmd {
			cmd := exec.Command(path, "daemon")
			cmd.Env = append(cmd.Env, env...)
			for name, sub := range map[string]string{"CONFIG_HOME": "config", "DATA_HOME": "data", "STATE_HOME": "state", "RUNTIME_DIR": "run"} {
				cmd.Env = append(cmd.Env, "XDG_"+name+"="+filepath.Join(dir, sub))
			}
			return cmd
		},
	}
}

// agent is one running program, in a directory of its own.
type agent struct {
	kind   kind
	dir    string
	socket string
	cmd    *exec.Cmd
	log    strings.Builder
	ended  chan struct{}
	took   time.Duration // from its start to its first answer
}

// start returns when the program has answered its first request.
func start(k kind) (*agent, error) {
	dir, err := os.MkdirTemp("", "keybroker-bench-")
	if err != nil {
		return nil, err
	}
	a := &agent{kind: k, dir: dir, socket: filepath.Join(dir, k.socket), ended: make(chan struct{})}
	err = k.prepare(dir)
	if err == nil {
		err = a.launch()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return a, nil
}

func (a *agent) launch() error {
	a.cmd = a.kind.command(a.dir)
	a.cmd.Env = append(a.cmd.Env, "HOME="+a.dir, "PATH="+os.Getenv("PATH"), "LC_ALL=C")
	a.cmd.Stderr = &a.log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	begin := time.Now()
	if err := a.cmd.Start(); err != nil {
		return err
	}
	go func() { _ = a.cmd.Wait(); close(a.ended) }()
	for time.Since(begin) < giveUpTime {
		if err := a.answers(); err == nil {
			a.took = time.Since(begin)
			return nil
		}
		select {
		case <-a.ended:
			return fmt.Errorf("it ended at once:\n%s", a.log.String())
		case <-time.After(pollTime):
		}
	}
	a.stop()
	return fmt.Errorf("no answer within %v", giveUpTime)
}

// answers asks for the list of keys on a connection of its own.
func (a *agent) answers() error {
	c, err := dial(a.socket, make([]byte, 512)) // it holds no keys yet
	if err != nil {
		return err
	}
	defer c.close()
	_, err = c.ask(listRequest)
	return err
}

func (a *agent) stop() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.ended:
	case <-time.After(stopTime):
		_ = a.cmd.Process.Kill()
		<-a.ended
	}
	os.RemoveAll(a.dir)
}

// resident is the memory of the process in KiB, as the kernel counts it.
func (a *agent) resident() (float64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(a.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		}
	}
	return 0, errors.New("no VmRSS in its status")
}
