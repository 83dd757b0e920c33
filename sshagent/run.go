//go:build unix

package sshagent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/sys/unix"
)

// Descriptors that the agent in the background gets from its starter.
const (
	listenFD = 3
	readyFD  = 4
)

// inBackground is the variable that marks the process as the agent in the background.
// It holds a background as JSON.
const inBackground = "KEYBROKER_SSH_AGENT"

// background is what the starter passes to the agent.
type background struct {
	Socket agentSocket
	Parent int // process that the agent ends with; 0: none
}

// run does what the command line says and returns the exit code.
func (o options) run() (int, error) {
	dropGroup()
	if text := os.Getenv(inBackground); text != "" {
		return o.continueInBackground(text)
	}
	switch {
	case o.version:
		fmt.Fprintf(os.Stderr, "keybroker %s, an ssh-agent as of OpenSSH 10\n", o.release)
		return 0, nil
	case o.kill:
		return 0, o.killAgent()
	case o.clean > 0:
		return 0, cleanStaleSockets(o.clean > 1, true)
	}
	// Report unreadable machine rules while somebody can still read the error.
	if _, err := config.ReadMachine(platform.MachinePolicy()); err != nil {
		return 0, err
	}
	giveBack := platform.KeepDescriptors() // the agent gets none of them, the command gets all
	listener, socket, err := o.listen()
	if err != nil {
		return 0, err
	}
	if o.foreground || o.debug {
		if socket.Path != "" {
			fmt.Print(o.variable("SSH_AUTH_SOCK", socket.Path))
			fmt.Printf("echo Agent pid %d;\n", os.Getpid())
		}
		return o.serve(listener, socket, 0)
	}
	return 0, o.start(listener, socket, giveBack)
}

// dropGroup gives up the group of a setgid program: systems install ssh-agent so to keep
// debuggers away.
func dropGroup() {
	if gid := os.Getgid(); gid != os.Getegid() {
		_ = syscall.Setregid(gid, gid)
	}
}

// start starts the agent in the background, and then becomes the command or prints how
// to reach the agent. Go cannot fork, so the agent is this program started once more
// with the listening socket. giveBack passes the command the files that this program
// was started with.
func (o options) start(listener *net.UnixListener, socket agentSocket, giveBack func()) error {
	program, err := o.program()
	if err != nil {
		socket.remove()
		return err
	}
	pid, err := o.startBackground(listener, socket)
	if err != nil {
		socket.remove()
		return err
	}
	if program == "" {
		fmt.Print(o.variable("SSH_AUTH_SOCK", socket.Path), o.variable("SSH_AGENT_PID", strconv.Itoa(pid)))
		fmt.Printf("echo Agent pid %d;\n", pid)
		return nil
	}
	env := append(os.Environ(), "SSH_AUTH_SOCK="+socket.Path, "SSH_AGENT_PID="+strconv.Itoa(pid))
	giveBack()
	return fmt.Errorf("%s: %w", o.command[0], syscall.Exec(program, o.command, lastOfEach(env)))
}

// program is the path of the command, or "".
func (o options) program() (string, error) {
	if len(o.command) == 0 {
		return "", nil
	}
	return exec.LookPath(o.command[0])
}

func (o options) startBackground(listener *net.UnixListener, socket agentSocket) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	file, err := listener.File()
	if err != nil {
		return 0, err
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	told := background{Socket: socket}
	if len(o.command) > 0 {
		told.Parent = os.Getpid()
	}
	text, err := json.Marshal(told)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{Name}, o.flags...)
	cmd.Env = append(os.Environ(), inBackground+"="+string(text))
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{file, tell} // listenFD and readyFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return 0, err
	}
	// The agent closes the pipe once it serves: from then on signals end it properly.
	if said, err := io.ReadAll(ready); err != nil || len(said) == 0 {
		return 0, fmt.Errorf("the agent did not start: %w", errors.Join(err, cmd.Wait()))
	}
	return cmd.Process.Pid, nil
}

// continueInBackground is the other side of startBackground.
func (o options) continueInBackground(text string) (int, error) {
	os.Unsetenv(inBackground)
	unix.CloseOnExec(listenFD)
	unix.CloseOnExec(readyFD)
	var told background
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return 0, fmt.Errorf("%s: %w", inBackground, err)
	}
	listener, err := inheritedSocket(listenFD)
	if err != nil {
		return 0, err
	}
	o.ready = os.NewFile(readyFD, "ready")
	o.background = true
	return o.serve(listener, told.Socket, told.Parent)
}

// killAgent ends the agent that SSH_AGENT_PID names.
func (o options) killAgent() error {
	text := os.Getenv("SSH_AGENT_PID")
	if text == "" {
		return errors.New("SSH_AGENT_PID not set, cannot kill agent")
	}
	pid, err := strconv.ParseInt(text, 10, 32)
	if err != nil || pid < 2 {
		return fmt.Errorf("SSH_AGENT_PID=%q, which is not a good PID", text)
	}
	if err := syscall.Kill(int(pid), syscall.SIGTERM); err != nil {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	unset := "unset %s;\n"
	if o.isCShell() {
		unset = "unsetenv %s;\n"
	}
	fmt.Printf(unset, "SSH_AUTH_SOCK")
	fmt.Printf(unset, "SSH_AGENT_PID")
	fmt.Printf("echo Agent pid %d killed;\n", pid)
	return nil
}

// isCShell reports whether the shell that reads the output is a csh.
func (o options) isCShell() bool {
	return o.csh || !o.sh && strings.HasSuffix(os.Getenv("SHELL"), "csh")
}

// variable is the shell's line that sets a variable.
func (o options) variable(name, value string) string {
	value = platform.ShellWord(value)
	if o.isCShell() {
		return fmt.Sprintf("setenv %s %s;\n", name, value)
	}
	return fmt.Sprintf("%s=%s; export %[1]s;\n", name, value)
}

// lastOfEach drops the variables that are set again later in the list.
func lastOfEach(env []string) []string {
	last := make(map[string]int, len(env))
	for i, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		last[name] = i
	}
	kept := env[:0]
	for i, pair := range env {
		if name, _, _ := strings.Cut(pair, "="); last[name] == i {
			kept = append(kept, pair)
		}
	}
	return kept
}
