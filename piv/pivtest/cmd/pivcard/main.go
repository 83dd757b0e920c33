// Command pivcard is a virtual PIV card in a real pcscd, to try a program with
// no hardware at all:
//
//	pivcard [-dir DIR] [-control SOCKET] [-connect ADDRESS] [CHARACTER ...]
//
// CHARACTER is yubikey, yubikey-3des, yubikey-4 or government; none: a yubikey and a government. It starts a pcscd of
// its own (as root) and prints the environment variable by which programs find
// it; with -connect it puts one card into the vpcd at that address instead.
// Commands come on the standard input and on the control socket: see help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/keybroker/keybroker/piv/pivtest"
)

func main() {
	dir := flag.String("dir", "", "keep the cards in this directory, and take them up from there")
	control := flag.String("control", "", "take commands on this Unix socket, too")
	connect := flag.String("connect", "", "use the vpcd at this address, such as 127.0.0.1:35963")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, *control, *connect, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pivcard:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, control, connect string, names []string) error {
	if len(names) == 0 {
		names = []string{"yubikey", "government"}
	}
	if err := tooMany(names); err != nil {
		return err
	}
	bench, err := newBench(dir, names)
	if err != nil {
		return err
	}
	if err := plug(bench, connect); err != nil {
		return err
	}
	defer unplug(bench)
	if control != "" {
		l, err := net.Listen("unix", control)
		if err != nil {
			return err
		}
		defer l.Close()
		go serve(l, bench)
	}
	ended := make(chan error, 1)
	go func() { ended <- bench.Work(os.Stdin, os.Stdout) }()
	select {
	case err = <-ended:
		if control == "" || err != nil {
			return err
		}
		<-ctx.Done() // no terminal: the control socket goes on
	case <-ctx.Done():
	}
	return nil
}

// tooMany: each of the two readers has two slots.
func tooMany(names []string) error {
	plain := 0
	for _, n := range names {
		if n == "government" {
			plain++
		}
	}
	if plain > 2 || len(names)-plain > 2 {
		return errors.New("at most two YubiKeys and two government cards")
	}
	return nil
}

// newBench makes the cards. A fresh YubiKey gets a GUID and a key to log in with.
func newBench(dir string, names []string) (*pivtest.Bench, error) {
	b := &pivtest.Bench{}
	for i, name := range names {
		character, ok := pivtest.CharacterNamed(name)
		if !ok {
			return nil, fmt.Errorf("no card %q: yubikey, yubikey-3des, yubikey-4, government", name)
		}
		cfg := pivtest.Config{Character: character}
		if dir != "" {
			cfg.Dir = filepath.Join(dir, fmt.Sprintf("%d-%s", i, name))
		}
		card, err := pivtest.New(cfg)
		if err != nil {
			return nil, err
		}
		if card.GUID() == nil {
			_, err := card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{})
			if err := errors.Join(err, card.Identify()); err != nil {
				return nil, err
			}
		}
		b.Cards = append(b.Cards, card)
	}
	return b, nil
}

// plug puts the cards into slots: YubiKeys into the reader that is called so.
func plug(b *pivtest.Bench, connect string) error {
	if connect != "" {
		if len(b.Cards) > 1 {
			return errors.New("name one card: there is one slot at an address")
		}
		b.Slots = []*pivtest.Slot{pivtest.NewSlot(connect)}
		return b.Slots[0].Insert(context.Background(), b.Cards[0])
	}
	rig, err := pivtest.StartRig(pivtest.RigConfig{})
	if err != nil {
		return err
	}
	b.Rig = rig
	free := map[bool]int{true: 0, false: 2} // the next slot, of Yubico's reader or of the plain one
	for i, c := range b.Cards {
		n := free[c.Character().Yubico]
		free[c.Character().Yubico]++
		b.Slots = append(b.Slots, rig.Slot(n))
		if err := rig.Insert(n, c); err != nil {
			return errors.Join(err, rig.Close())
		}
		fmt.Printf("# card %d: %s in %q, PIN %s\n", i, c.Character().Name, b.Slots[i].Reader, pivtest.DefaultPIN)
	}
	fmt.Printf("export PCSCLITE_CSOCK_NAME=%s\n", rig.Socket)
	return nil
}

func unplug(b *pivtest.Bench) {
	if b.Rig == nil {
		b.Slots[0].Remove()
		return
	}
	if err := b.Rig.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "pivcard:", err)
	}
}

func serve(l net.Listener, b *pivtest.Bench) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			b.Work(conn, conn)
		}()
	}
}
