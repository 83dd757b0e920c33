//go:build linux

// Command lifecycle measures an inventory of many hosts beside a shell loop, xargs and
// parallel-ssh that only print each host's authorized_keys. All log in to a few real sshd
// on loopback under many names, with the same ssh. docs/performance.md explains the figures.
//
// It exits with 0 whatever the figures are, and with 1 if it could not measure.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform/platformtest"
)

const servers = 4

type rig struct {
	dir     string
	hosts   int
	at      int // hosts at once
	program string
	running []*exec.Cmd
}

func main() {
	r := rig{}
	flag.IntVar(&r.hosts, "hosts", 200, "number of hosts")
	flag.IntVar(&r.at, "parallel", 20, "hosts at once")
	flag.StringVar(&r.program, "keybroker-lifecycle", "bin/keybroker-lifecycle", "the program to measure")
	rounds := flag.Int("rounds", 3, "turns of each")
	flag.Parse()
	if err := r.all(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/lifecycle:", err)
		os.Exit(1)
	}
}

func (r *rig) all(rounds int) error {
	release, err := platformtest.SSHDDir()
	if err != nil {
		return err
	}
	defer release()
	defer r.close()
	if err := r.setUp(); err != nil {
		return err
	}
	return r.measure(rounds)
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string, mode os.FileMode) error {
	return os.WriteFile(r.path(name), []byte(text), mode)
}

func (r *rig) setUp() (err error) {
	if r.program, err = filepath.Abs(r.program); err != nil {
		return err
	}
	if r.dir, err = os.MkdirTemp("", "kbb"); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "home/.ssh", "state", "config", "run"} {
		if err := os.MkdirAll(r.path(dir), 0o700); err != nil {
			return err
		}
	}
	if err := r.keygen("id"); err != nil {
		return err
	}
	public, err := os.ReadFile(r.path("id.pub"))
	if err != nil {
		return err
	}
	var config, known, list strings.Builder
	for n := range servers {
		port, host, err := r.serve(n, string(public))
		if err != nil {
			return err
		}
		for i := n; i < r.hosts; i += servers {
			fmt.Fprintf(&config, "Host h%03d\n  HostName 127.0.0.1\n  Port %d\n  HostKeyAlias h%03d\n", i, port, i)
			fmt.Fprintf(&known, "h%03d %s", i, host)
			fmt.Fprintf(&list, "h%03d\n", i)
		}
	}
	fmt.Fprintf(&config, "Host *\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  IdentityFile %s\n  IdentityAgent none\n  BatchMode yes\n", r.path("known_hosts"), r.path("id"))
	return firstError(
		r.write("ssh_config", config.String(), 0o600), r.write("known_hosts", known.String(), 0o600), r.write("list", list.String(), 0o600),
		r.write("bin/ssh", "#!/bin/sh\nexec /usr/bin/ssh -F "+r.path("ssh_config")+" \"$@\"\n", 0o700))
}

func (r *rig) keygen(name string) error {
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", r.path(name)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh-keygen: %w: %s", err, out)
	}
	return nil
}

// serve starts one sshd and returns its port and host key.
func (r *rig) serve(n int, public string) (port int, host string, err error) {
	name := fmt.Sprintf("host_key%d", n)
	if err := r.keygen(name); err != nil {
		return 0, "", err
	}
	key, err := os.ReadFile(r.path(name + ".pub"))
	if err != nil {
		return 0, "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, "", err
	}
	port = listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	config := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nMaxStartups 200\nSubsystem sftp internal-sftp\n", port, r.path(name), r.path("authorized_keys"))
	if err := firstError(r.write("authorized_keys", public, 0o600), r.write(fmt.Sprintf("sshd%d", n), config, 0o600)); err != nil {
		return 0, "", err
	}
	sshd := exec.Command("/usr/sbin/sshd", "-D", "-f", r.path(fmt.Sprintf("sshd%d", n)), "-E", r.path(fmt.Sprintf("log%d", n)))
	if err := sshd.Start(); err != nil {
		return 0, "", err
	}
	r.running = append(r.running, sshd)
	for range 100 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return port, string(key), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 0, "", fmt.Errorf("sshd does not start: see %s", r.path(fmt.Sprintf("log%d", n)))
}

func (r *rig) close() {
	for _, sshd := range r.running {
		_ = sshd.Process.Kill()
		_ = sshd.Wait()
	}
	os.RemoveAll(r.dir)
}

// way is one way to read all hosts.
type way struct {
	name, command string
	times         []time.Duration
}

// measure lets the ways take turns, so that a busy machine is the same for all.
func (r *rig) measure(rounds int) error {
	cat := "cat " + r.path("authorized_keys")
	ways := []*way{
		{name: fmt.Sprintf("keybroker inventory, %d at once", r.at), command: fmt.Sprintf("%s inventory --hosts-from list --parallel %d --quiet; [ $? -lt 2 ]", r.program, r.at)},
		{name: fmt.Sprintf("parallel-ssh -p %d, cat", r.at), command: fmt.Sprintf("parallel-ssh -p %d -h list -o out '%s' >/dev/null", r.at, cat)},
		{name: fmt.Sprintf("xargs -P %d ssh, cat", r.at), command: fmt.Sprintf("xargs -P %d -I H ssh H '%s' <list >/dev/null", r.at, cat)},
		{name: "a shell loop of ssh, cat", command: fmt.Sprintf("while read h; do ssh -n $h '%s'; done <list >/dev/null", cat)},
	}
	for range rounds {
		for _, w := range ways {
			took, err := r.run(w.command)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			w.times = append(w.times, took)
		}
	}
	ours := median(ways[0].times)
	fmt.Printf("%-36s %10s %s\n", fmt.Sprintf("%d hosts", r.hosts), "seconds", "times the inventory's")
	for _, w := range ways {
		fmt.Printf("%-36s %10.1f %.2f\n", w.name, median(w.times).Seconds(), median(w.times).Seconds()/ours.Seconds())
	}
	return nil
}

func (r *rig) run(command string) (time.Duration, error) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+r.path("bin")+":"+os.Getenv("PATH"), "HOME="+r.path("home"), "XDG_STATE_HOME="+r.path("state"),
		"XDG_CONFIG_HOME="+r.path("config"), "XDG_RUNTIME_DIR="+r.path("run"), "SSH_AUTH_SOCK=")
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %.2000s", err, out)
	}
	return time.Since(began), nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
