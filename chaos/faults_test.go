//go:build linux

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/unix"
)

// fault is one thing that goes wrong.
type fault struct {
	name     string
	harmless bool // to the sealed key: others are served while it lasts
	begin    func(w *world, rng *rand.Rand) (end func())
}

// faults are those that can be had here. What stands first begins first and ends last:
// a daemon is started again when its disk writes again, and a card comes back when
// pcscd has.
func (w *world) faults() (possible []fault) {
	possible = append(possible,
		fault{"daemon killed", false, endDaemon(syscall.SIGKILL)},
		fault{"daemon restarted", false, endDaemon(syscall.SIGTERM)},
		fault{"agent locked", false, lockAgent},
		fault{"daemon stopped", false, stopDaemon},
		fault{"memory short", false, shortMemory},
		fault{"no descriptors", false, takeDescriptors},
		fault{"keychain locked", true, lockKeychain},
		fault{"keychain killed", true, killKeychain},
		fault{"prompts killed", true, toChildren(syscall.SIGKILL)},
		fault{"prompts stopped", true, toChildren(syscall.SIGSTOP)},
	)
	if w.rig != nil {
		possible = append(possible,
			fault{"card pulled", true, pullCard},
			fault{"pcscd stopped", true, stopPcscd},
			fault{"pcscd killed", true, killPcscd},
		)
	}
	if w.disk != nil {
		possible = append(possible,
			fault{"disk full", false, fillDisk},
			fault{"disk read-only", false, makeReadOnly},
			fault{"disk slow", false, slowDisk},
			fault{"disk hangs", false, freezeDisk},
		)
	}
	if *clockMoves {
		possible = append(possible,
			fault{"clock ahead", true, moveClock(1)},
			fault{"clock behind", true, moveClock(-1)},
		)
	}
	for _, mode := range clientModes() {
		possible = append(possible, fault{"client " + mode, true, startClient(mode)})
	}
	var chosen []fault
	for _, f := range possible {
		if strings.Contains(f.name, *only) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// endDaemon ends the daemon with a signal; a new one is started at the fault's end.
func endDaemon(sig syscall.Signal) func(*world, *rand.Rand) func() {
	return func(w *world, _ *rand.Rand) func() {
		gone := w.daemon.pid()
		w.daemon.signal(sig)
		return func() {
			if w.daemon.pid() != gone { // another fault has started it
				return
			}
			w.daemon.wait()
			w.daemon.start()
		}
	}
}

func stopDaemon(w *world, _ *rand.Rand) func() {
	w.daemon.signal(syscall.SIGSTOP)
	return func() { w.daemon.signal(syscall.SIGCONT) }
}

// lockAgent locks the agent as ssh-add -x does. A daemon that was started anew in the
// meantime is not locked.
func lockAgent(w *world, _ *rand.Rand) func() {
	passphrase := []byte("locked by a fault")
	_ = w.with(func(a agent.ExtendedAgent) error { return a.Lock(passphrase) })
	return func() {
		_ = w.with(func(a agent.ExtendedAgent) error { return a.Unlock(passphrase) })
	}
}

// takeDescriptors leaves the daemon room for one more file.
func takeDescriptors(w *world, _ *rand.Rand) func() {
	var before unix.Rlimit
	pid := w.daemon.pid()
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return func() {} // it has just ended
	}
	few := before
	few.Cur = uint64(w.daemon.measure().files + 1)
	_ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil)
	return func() { _ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil) }
}

func lockKeychain(w *world, _ *rand.Rand) func() {
	w.bus.LockKeyring()
	return func() {
		w.bus.KillKeyring()
		w.bus.StartKeyring()
	}
}

func killKeychain(w *world, _ *rand.Rand) func() {
	w.bus.KillKeyring()
	return w.bus.StartKeyring
}

// toChildren sends a signal to each program that the daemon starts. What was stopped goes
// on at the fault's end, also without its daemon.
func toChildren(sig syscall.Signal) func(*world, *rand.Rand) func() {
	return func(w *world, _ *rand.Rand) func() {
		hit := map[int]int{} // file descriptors of processes, by their number
		stop := repeat(10*time.Millisecond, func() {
			for _, pid := range w.daemon.children() {
				if _, known := hit[pid]; known {
					continue
				}
				if process, err := unix.PidfdOpen(pid, 0); err == nil {
					hit[pid] = process
					_ = unix.PidfdSendSignal(process, sig, nil, 0)
				}
			}
		})
		return func() {
			stop()
			for _, process := range hit {
				_ = unix.PidfdSendSignal(process, unix.SIGCONT, nil, 0)
				unix.Close(process)
			}
		}
	}
}

// repeat calls do again and again until the returned function is called.
func repeat(period time.Duration, do func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			do()
			time.Sleep(period)
		}
	})
	return func() { cancel(); ended.Wait() }
}

func pullCard(w *world, _ *rand.Rand) func() {
	w.rig.Slot(0).Remove()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), recoveryTime)
		defer cancel()
		if err := w.rig.Slot(0).Insert(ctx, w.card); err != nil {
			w.t.Error(err)
		}
	}
}

func stopPcscd(w *world, _ *rand.Rand) func() {
	pid := w.rig.PID()
	_ = unix.Kill(pid, unix.SIGSTOP)
	return func() {
		if w.rig.PID() == pid {
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	}
}

func killPcscd(w *world, _ *rand.Rand) func() {
	if err := w.rig.Stop(syscall.SIGKILL); err != nil {
		w.t.Error(err)
	}
	return func() {
		if err := w.rig.Start(); err != nil {
			w.t.Error(err)
		}
	}
}

// must runs a program of the system.
func (w *world) must(name string, args ...string) {
	w.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		w.t.Error(fmt.Errorf("%s: %w: %s", name, err, out))
	}
}
