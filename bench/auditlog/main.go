//go:build linux

// Command auditlog measures keybroker with a large audit log, which it makes and removes
// again. docs/performance.md explains the figures.
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

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/audit/audittest"
	"golang.org/x/crypto/ssh/agent"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "auditlog:", err)
		os.Exit(1)
	}
}

type rig struct {
	keybroker string
	home      string
	times     int
	daemon    *exec.Cmd
}

func run() error {
	records := flag.Int("records", 10_000_000, "records of the log; 0.85 GB for a million")
	times := flag.Int("times", 9, "how often each command is run; the median counts")
	parent := flag.String("dir", "", "where the log is made; default: the directory for temporary files")
	kept := flag.String("keep", "", "a directory that keeps the log for the next run, which measures the commands alone")
	keybroker := flag.String("keybroker", "bin/keybroker", "the program to measure")
	flag.Parse()
	path, err := filepath.Abs(*keybroker)
	if err != nil {
		return err
	}
	r := &rig{keybroker: path, home: *kept, times: *times}
	if *kept == "" {
		if r.home, err = os.MkdirTemp(*parent, "keybroker-auditlog-"); err != nil {
			return err
		}
		defer os.RemoveAll(r.home)
	}
	defer r.stop()
	return r.measure(*records)
}

func (r *rig) auditDir() string { return filepath.Join(r.home, "state/keybroker/audit") }

func (r *rig) measure(records int) error {
	fmt.Printf("%d records\n\n| what | median | best | processor time |\n|---|---|---|---|\n", records)
	if _, err := os.Stat(r.auditDir()); err != nil {
		if err := r.make(records); err != nil {
			return err
		}
	}
	if err := r.starts("start of the broker to its first list"); err != nil {
		return err
	}
	if err := r.commands(records); err != nil {
		return err
	}
	began := time.Now()
	report, err := audit.Verify(r.auditDir())
	if err != nil || report.Bad != nil {
		return fmt.Errorf("the log is wrong: %+v, %w", report, err)
	}
	r.rate("log verify", int(report.Records), time.Since(began))
	return nil
}

// make writes the log, and has the broker make its index.
func (r *rig) make(records int) error {
	if err := os.MkdirAll(r.auditDir(), 0o700); err != nil {
		return err
	}
	if err := r.starts("start of the broker to its first list, empty log"); err != nil {
		return err
	}
	if err := os.RemoveAll(r.auditDir()); err != nil {
		return err
	}
	began := time.Now()
	if err := audittest.Generate(audittest.Log{Dir: r.auditDir(), Records: records, Until: time.Now().Add(-time.Minute), Every: 3 * time.Second, Keys: 10, Hosts: 100}); err != nil {
		return err
	}
	r.rate("the log is made", records, time.Since(began))
	return r.build(records)
}

// commands measures the commands that read the log.
func (r *rig) commands(records int) error {
	if err := r.start(); err != nil {
		return err
	}
	for _, words := range []string{"keys list", "keys list --usage", "keys list --unused 90d", "log -n 10", "log -n 10 --decision refused", "log --since 1h", "why", "why " + audittest.ID(records/200*100+99), "doctor", "status"} {
		if err := r.command(words, words != "doctor"); err != nil {
			return err
		}
	}
	return r.stop()
}

// build has the broker make the index, which is missing.
func (r *rig) build(records int) error {
	began := time.Now()
	if err := r.start(); err != nil {
		return err
	}
	list := time.Now()
	if err := r.list(); err != nil {
		return err
	}
	fmt.Printf("| first list while the index is built | %s | | |\n", time.Since(list).Round(time.Millisecond))
	for _, err := os.Stat(filepath.Join(r.auditDir(), "index.jsonl")); err != nil; _, err = os.Stat(filepath.Join(r.auditDir(), "index.jsonl")) {
		time.Sleep(50 * time.Millisecond)
		for _, word := range []string{"pause", "resume"} { // the next record vouches for the index
			cmd := exec.Command(r.keybroker, word)
			cmd.Env = r.environ()
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
		}
	}
	r.rate("the index is built by the broker", records, time.Since(began))
	return r.stop()
}

func (r *rig) rate(what string, records int, took time.Duration) {
	fmt.Printf("| %s | %s | | %.0f records/s |\n", what, took.Round(time.Millisecond), float64(records)/took.Seconds())
}

func (r *rig) environ() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.home, "SSH_AUTH_SOCK=" + r.socket(), "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "XDG_RUNTIME_DIR=" + filepath.Join(r.home, "run")}
	for _, name := range []string{"STATE", "DATA", "CONFIG"} {
		env = append(env, "XDG_"+name+"_HOME="+filepath.Join(r.home, strings.ToLower(name)))
	}
	return env
}

func (r *rig) socket() string { return filepath.Join(r.home, "run/keybroker/agent.sock") }

func (r *rig) start() error {
	if err := os.MkdirAll(filepath.Join(r.home, "run"), 0o700); err != nil {
		return err
	}
	r.daemon = exec.Command(r.keybroker, "daemon")
	r.daemon.Env = r.environ()
	if err := r.daemon.Start(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond / 4) {
		if r.list() == nil {
			return nil
		}
	}
	return fmt.Errorf("the broker does not answer")
}

func (r *rig) list() error {
	conn, err := net.Dial("unix", r.socket())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = agent.NewClient(conn).List()
	return err
}

func (r *rig) stop() error {
	if r.daemon == nil {
		return nil
	}
	daemon := r.daemon
	r.daemon = nil
	if err := daemon.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return daemon.Wait()
}

func (r *rig) starts(what string) error {
	return r.row(what, func() (took, processor time.Duration, err error) {
		began := time.Now()
		err = r.start()
		took = time.Since(began)
		if err == nil {
			err = r.stop()
		}
		return took, 0, err
	})
}

func (r *rig) command(words string, succeeds bool) error {
	return r.row("`keybroker "+words+"`", func() (took, processor time.Duration, err error) {
		cmd := exec.Command(r.keybroker, strings.Fields(words)...)
		cmd.Env = r.environ()
		began := time.Now()
		out, err := cmd.CombinedOutput()
		took = time.Since(began)
		if err != nil && succeeds {
			return 0, 0, fmt.Errorf("%s: %w: %s", words, err, out)
		}
		return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	})
}

// row prints what once took, from the start to the end and of the processor. The latter
// is what a machine without other work needs at most.
func (r *rig) row(what string, once func() (took, processor time.Duration, err error)) error {
	var times, processors []time.Duration
	for range r.times {
		took, processor, err := once()
		if err != nil {
			return err
		}
		times, processors = append(times, took), append(processors, processor)
	}
	slices.Sort(times)
	slices.Sort(processors)
	text := ""
	if p := processors[len(processors)/2]; p > 0 {
		text = p.Round(time.Millisecond).String()
	}
	fmt.Printf("| %s | %s | %s | %s |\n", what, times[len(times)/2].Round(time.Millisecond/10), times[0].Round(time.Millisecond/10), text)
	return nil
}
