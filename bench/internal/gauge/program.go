//go:build linux

package gauge

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
	giveUpTime = 10 * time.Second // how long to wait for a program's answer
	stopTime   = 5 * time.Second  // how long to wait for its end before it is killed
	// pollTime is the time between two tries to connect to a program that starts:
	// short compared with the milliseconds of a start.
	pollTime = 100 * time.Microsecond
	// listenTime is how long systemd-socket-activate may take from its socket to its wait.
	listenTime = 20 * time.Millisecond
	// firstBytes holds the list of a program that has just started: the keys of some cards.
	firstBytes = 16 << 10
)

// Kind is one of the compared programs.
type Kind struct {
	Name    string
	Prepare func(dir string) error
	Command func(dir string) *exec.Cmd
	Socket  string // below dir

	activated bool // the command waits for a connection before it starts the program
}

// With adds to the program's environment.
func (k Kind) With(env ...string) Kind {
	command := k.Command
	k.Command = func(dir string) *exec.Cmd {
		cmd := command(dir)
		cmd.Env = append(cmd.Env, env...)
		return cmd
	}
	return k
}

// ByFirstConnection has systemd-socket-activate listen in the program's place, and start
// it for the first connection.
func (k Kind) ByFirstConnection() Kind {
	prepare, command := k.Prepare, k.Command
	k.activated = true
	k.Prepare = func(dir string) error {
		return errors.Join(prepare(dir), os.MkdirAll(filepath.Dir(filepath.Join(dir, k.Socket)), 0o700))
	}
	k.Command = func(dir string) *exec.Cmd {
		program := command(dir)
		args := []string{"--fdname=agent", "--listen=" + filepath.Join(dir, k.Socket)}
		for _, pair := range program.Env {
			args = append(args, "--setenv="+pair)
		}
		return exec.Command("systemd-socket-activate", append(args, program.Args...)...)
	}
	return k
}

// SSHAgent is OpenSSH's.
func SSHAgent(path string) Kind {
	return Kind{
		Name: "ssh-agent", Socket: "agent.sock",
		Prepare: func(string) error { return nil },
		Command: func(dir string) *exec.Cmd { return exec.Command(path, "-D", "-a", filepath.Join(dir, "agent.sock")) },
	}
}

// Keybroker has one allow rule. So the measure includes the decision by rules and the
// record in the audit log, but no person. config comes before the rule.
func Keybroker(path, config string) Kind {
	return AskingKeybroker(path, config+"\n[[rule]]\nname = \"bench\"\naction = \"allow\"\n")
}

// AskingKeybroker has only the rules of config.
func AskingKeybroker(path, config string) Kind {
	return Kind{
		Name: "keybroker", Socket: "run/keybroker/agent.sock",
		Prepare: func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "config", "keybroker"), 0o700); err != nil {
				return err
			}
			if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "config", "keybroker", "config.toml"), []byte(config), 0o600)
		},
		Command: func(dir string) *exec.Cmd {
			cmd := exec.Command(path, "daemon")
			cmd.Env = xdg(dir)
			return cmd
		},
	}
}

func xdg(dir string) (env []string) {
	for name, sub := range map[string]string{"CONFIG_HOME": "config", "DATA_HOME": "data", "STATE_HOME": "state", "RUNTIME_DIR": "run"} {
		env = append(env, "XDG_"+name+"="+filepath.Join(dir, sub))
	}
	return env
}

// lastWords is how much of the output of a program that crashed is printed: the
// stack of one goroutine and more.
const lastWords = 8 << 10

// Program is a running program with a separate directory.
type Program struct {
	Kind   Kind
	Socket string
	Took   time.Duration // from its start, or from the first connection, to its first answer

	dir   string
	cmd   *exec.Cmd
	log   strings.Builder
	ended chan struct{}
}

// Start returns when the program has answered its first request.
func Start(k Kind) (*Program, error) {
	dir, err := os.MkdirTemp("", "keybroker-bench-")
	if err != nil {
		return nil, err
	}
	a := &Program{Kind: k, dir: dir, Socket: filepath.Join(dir, k.Socket), ended: make(chan struct{})}
	err = k.Prepare(dir)
	if err == nil {
		err = a.launch()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return a, nil
}

func (a *Program) launch() error {
	a.cmd = a.Kind.Command(a.dir)
	a.cmd.Env = append(a.cmd.Env, "HOME="+a.dir, "PATH="+os.Getenv("PATH"), "LC_ALL=C")
	a.cmd.Stderr = &a.log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	begin := time.Now()
	if err := a.cmd.Start(); err != nil {
		return err
	}
	go func() { _ = a.cmd.Wait(); close(a.ended) }()
	if a.Kind.activated {
		a.awaitSocket()
		begin = time.Now()
	}
	for time.Since(begin) < giveUpTime {
		if err := a.answers(); err == nil {
			a.Took = time.Since(begin)
			return nil
		}
		select {
		case <-a.ended:
			return fmt.Errorf("it ended at once:\n%s", a.log.String())
		case <-time.After(pollTime):
		}
	}
	a.Stop()
	return fmt.Errorf("no answer within %v", giveUpTime)
}

// awaitSocket returns when something listens, or has ended, or after giveUpTime.
func (a *Program) awaitSocket() {
	for begin := time.Now(); time.Since(begin) < giveUpTime; {
		if _, err := os.Stat(a.Socket); err == nil {
			break
		}
		select {
		case <-a.ended:
			return
		case <-time.After(pollTime):
		}
	}
	time.Sleep(listenTime)
}

// answers asks for the list of keys on a new connection.
func (a *Program) answers() error {
	c, err := Dial(a.Socket, make([]byte, firstBytes))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Ask(ListRequest)
	return err
}

// Restart ends the program and starts it again with its files.
func (a *Program) Restart() error {
	a.end()
	a.ended, a.log = make(chan struct{}), strings.Builder{}
	return a.launch()
}

// Dir is the program's home directory.
func (a *Program) Dir() string { return a.dir }

// Stop ends the program and removes its files. If the program has ended before, that is
// an error: Stop prints its last output.
func (a *Program) Stop() {
	select {
	case <-a.ended:
		text := a.log.String()
		fmt.Fprintf(os.Stderr, "%s ended by itself: %v\n%s\n", a.cmd.Path, a.cmd.ProcessState, text[max(0, len(text)-lastWords):])
	default:
	}
	a.end()
	os.RemoveAll(a.dir)
}

func (a *Program) end() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.ended:
	case <-time.After(stopTime):
		_ = a.cmd.Process.Kill()
		<-a.ended
	}
}

// PID is the number of its process.
func (a *Program) PID() int { return a.cmd.Process.Pid }

// Beside starts another program with the same environment. It ends with this thread.
func (a *Program) Beside(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.SysProcAttr = a.cmd.Env, &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	return cmd
}

// Resident is the memory of the process in KiB, as the kernel counts it.
func (a *Program) Resident() (float64, error) { return Resident(a.PID()) }

// Resident is the memory of a process in KiB, as the kernel counts it.
func Resident(pid int) (float64, error) { return status(pid, "VmRSS") }

// Own is the memory in KiB that the process alone has: no file holds it.
func (a *Program) Own() (float64, error) { return status(a.PID(), "RssAnon") }

// WakeUps is how often the process's threads that live now were switched to.
func (a *Program) WakeUps() (float64, error) {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(a.PID()) + "/task")
	var all float64
	for _, thread := range threads {
		for _, field := range []string{"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"} {
			switches, err := status(a.PID(), field, "task", thread.Name())
			if err != nil {
				return 0, err
			}
			all += switches
		}
	}
	return all, err
}

// Threads is how many threads the process has.
func (a *Program) Threads() (float64, error) { return status(a.PID(), "Threads") }

// Files is how many files the process has open.
func (a *Program) Files() (float64, error) {
	open, err := os.ReadDir("/proc/" + strconv.Itoa(a.PID()) + "/fd")
	return float64(len(open)), err
}

// status reads a field of a process, or of a thread below it ("task", "17").
func status(pid int, field string, below ...string) (float64, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), filepath.Join(below...))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		}
	}
	return 0, errors.New("no " + field + " in its status")
}
