package pivtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ReaderYubico is a reader's name by which programs know a YubiKey.
const ReaderYubico = "Yubico YubiKey OTP+FIDO+CCID"

// ReaderPlain is a reader for any card.
const ReaderPlain = "Virtual PCD"

// vpcdPort is the first port of the slots, in the rig's own network.
const vpcdPort = 35963

// slotsEach is compiled into Debian's vpcd.
const slotsEach = 2

// vpcdDriver is where Debian's vsmartcard-vpcd has the driver.
const vpcdDriver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

// startTime is how long pcscd may take to start or to look at all slots.
const startTime = 20 * time.Second

// RigConfig is what StartRig makes.
type RigConfig struct {
	// Readers are readers' names, all different, each with two slots.
	// None: ReaderYubico and ReaderPlain.
	Readers []string
	// Dir is where the rig's files go: it is made, and removed at the end.
	// "": one of its own. libpcsclite keeps the first PCSCLITE_CSOCK_NAME that it
	// reads, so rigs for one process's own calls, one after the other, share a Dir.
	Dir string
}

// A Rig is a real pcscd of its own: it has its socket in a directory of its
// own, no other drivers than vpcd, and a network of its own: vpcd listens on
// all addresses, and whoever reaches it is a card.
// Programs reach it by the environment variable PCSCLITE_CSOCK_NAME.
type Rig struct {
	// Socket is the path of pcscd's socket.
	Socket string

	dir   string
	slots []*Slot

	mu     sync.Mutex // of daemon, which the slots ask for
	daemon *daemon
}

// StartRig starts pcscd with empty slots. It needs Linux, the packages pcscd,
// vsmartcard-vpcd and iproute2, and root.
func StartRig(cfg RigConfig) (*Rig, error) {
	if len(cfg.Readers) == 0 {
		cfg.Readers = []string{ReaderYubico, ReaderPlain}
	}
	dir, err := makeDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("pivtest: start rig: %w", err)
	}
	r := &Rig{dir: dir, Socket: filepath.Join(dir, "ipc", "pcscd.comm")}
	err = r.prepare(cfg.Readers)
	if err == nil {
		err = r.Start()
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// makeDir has a short name by default: a socket's path has 107 bytes at most.
// Other users may reach the socket, as they may pcscd's own.
func makeDir(dir string) (string, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "pivrig")
	} else {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// prepare makes the directories, the slots and reader.conf.
func (r *Rig) prepare(readers []string) error {
	for _, sub := range []string{"ipc", "conf", "none"} {
		if err := os.Mkdir(filepath.Join(r.dir, sub), 0o755); err != nil {
			return fmt.Errorf("pivtest: start rig: %w", err)
		}
	}
	driver, err := os.ReadFile(vpcdDriver)
	if err != nil {
		return fmt.Errorf("pivtest: no reader driver: %w\nrun `make deps`, which installs the package vsmartcard-vpcd", err)
	}
	var conf strings.Builder
	for i, name := range readers {
		if slices.Contains(readers[:i], name) {
			return fmt.Errorf("pivtest: two readers called %q: pcscd would not tell them apart", name)
		}
		// Each reader needs a driver of its own path: the driver keeps its slots in globals.
		path := filepath.Join(r.dir, fmt.Sprintf("libifdvpcd%d.so", i))
		if err := os.WriteFile(path, driver, 0o755); err != nil {
			return fmt.Errorf("pivtest: start rig: %w", err)
		}
		port := vpcdPort + i*slotsEach
		fmt.Fprintf(&conf, "FRIENDLYNAME %q\nDEVICENAME /dev/null:%d\nLIBPATH %s\nCHANNELID %d\n\n", name, port, path, port)
		for n := range slotsEach {
			r.slots = append(r.slots, &Slot{Reader: fmt.Sprintf("%s 00 %02X", name, n), dial: r.dialer(port + n)})
		}
	}
	return os.WriteFile(filepath.Join(r.dir, "conf", "reader.conf"), []byte(conf.String()), 0o644)
}

// Slot is slot number i: 0 and 1 are the first reader's, 2 and 3 the next one's.
func (r *Rig) Slot(i int) *Slot { return r.slots[i] }

// Slots is the number of slots.
func (r *Rig) Slots() int { return len(r.slots) }

// Insert puts a card into slot i and waits until pcscd tells its clients.
func (r *Rig) Insert(i int, card *Card) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	before := card.Counts().PowerOns
	if err := r.slots[i].Insert(ctx, card); err != nil {
		return err
	}
	// Once by the connection, once by pcscd, which then knows that the card
	// before is gone.
	if err := poll(ctx, func() bool { return card.Counts().PowerOns >= before+2 }); err != nil {
		return err
	}
	return r.waitFor(ctx, i, true)
}

// Remove pulls the card out of slot i, if there is one, and waits until pcscd
// tells its clients.
func (r *Rig) Remove(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	r.slots[i].Remove()
	return r.waitFor(ctx, i, false)
}

func (r *Rig) waitFor(ctx context.Context, i int, want bool) error {
	var err error
	waited := poll(ctx, func() bool {
		var seen bool
		seen, err = r.cardSeen(r.slots[i].Reader)
		return err == nil && seen == want
	})
	return errors.Join(waited, err)
}

// Env is this process's environment with the rig's socket.
func (r *Rig) Env() []string { return append(os.Environ(), "PCSCLITE_CSOCK_NAME="+r.Socket) }

// Close pulls the cards and stops pcscd; nothing is left behind.
func (r *Rig) Close() error {
	for _, s := range r.slots {
		s.Remove()
	}
	err := r.Stop(syscall.SIGTERM)
	for _, s := range r.slots {
		s.wait()
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// poll waits until it is so.
func poll(ctx context.Context, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("pivtest: waited too long for pcscd: %w", context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
