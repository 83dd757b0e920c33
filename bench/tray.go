//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// trayPoll is how often a tray that starts is asked for its menu.
const trayPoll = 50 * time.Millisecond

// beside is the memory in MiB of a broker's tray; of a kind without one, the
// broker's own.
func (b *bench) beside(a *agent) (float64, error) {
	if !a.kind.tray {
		return atRest(a)
	}
	bus := a.Beside("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address")
	out, err := bus.StdoutPipe()
	if err == nil {
		err = bus.Start()
	}
	if err != nil {
		return 0, err
	}
	defer end(bus)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, err
	}
	tray := a.Beside(a.kind.path, "tray")
	tray.Env = append(tray.Env, "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(address))
	if err := tray.Start(); err != nil {
		return 0, err
	}
	defer end(tray)
	if err := menuShown(tray); err != nil {
		return 0, err
	}
	time.Sleep(settleTime)
	kib, err := gauge.Resident(tray.Process.Pid)
	return kib / 1024, err
}

// menuShown asks for the menu, as a panel does, until it is there.
func menuShown(tray *exec.Cmd) error {
	name := fmt.Sprintf("--dest=org.kde.StatusNotifierItem-%d-1", tray.Process.Pid)
	for give := time.Now().Add(showTime); time.Now().Before(give); time.Sleep(trayPoll) {
		menu := exec.Command("dbus-send", "--session", "--print-reply", name, "/StatusNotifierItem/menu",
			"com.canonical.dbusmenu.GetLayout", "int32:0", "int32:-1", "array:string:")
		menu.Env = tray.Env
		if out, err := menu.Output(); err == nil && strings.Contains(string(out), `"keybroker: `) { // and how it does
			return nil
		}
	}
	return errors.New("the tray shows no menu")
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}
