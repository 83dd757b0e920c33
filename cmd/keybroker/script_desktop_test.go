//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"image/color"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/desktop/desktoptest"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
	"github.com/rogpeppe/go-internal/testscript"
)

// desktop is a screen that nobody sees, with what a person has on it.
type desktop struct {
	bus      *dbus.Conn
	programs map[string]*process
}

// desktopPrograms are started in this order, and ended the other way.
var desktopPrograms = []struct {
	name string
	args []string
}{
	{"xfwm4", []string{"--compositor=off"}},
	{"xfce4-notifyd", nil},
	{"xfce4-panel", []string{"--disable-wm-check"}},
}

var notifyd = "/usr/lib/" // where Debian has xfce4-notifyd, below the machine's triplet

// cmdDesktop is
//
//	desktop start            a screen, a bus, a window manager, a panel, notifications
//	desktop bare             a screen and a bus, and nothing on them
//	desktop run|kill PROGRAM one of its programs
//	desktop gone             the bus is killed, as at the end of a session
func cmdDesktop(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: desktop start|bare|gone | desktop run|kill PROGRAM")
	case args[0] == "start" || args[0] == "bare":
		startDesktop(ts, r)
		for _, p := range desktopPrograms {
			if args[0] == "start" {
				r.desktop.run(ts, p.name)
			}
		}
	case args[0] == "gone":
		var pid uint32
		ts.Check(r.desktop.bus.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, "org.freedesktop.DBus").Store(&pid))
		ts.Check(syscall.Kill(int(pid), syscall.SIGKILL))
	case args[0] == "run":
		r.desktop.run(ts, args[1])
	case args[0] == "kill":
		r.desktop.programs[args[1]].kill()
	}
}

func startDesktop(ts *testscript.TestScript, r *rig) {
	r.bus = softkeystest.StartBus(r.t, true)
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", r.bus.Address)
	read, write, err := os.Pipe()
	ts.Check(err)
	cmd := exec.Command(desktoptest.Program(r.t, "Xvfb"), "-displayfd", "3", "-nolisten", "tcp", "-screen", "0", "900x600x24")
	cmd.ExtraFiles = []*os.File{write}
	x, err := startProcess(cmd)
	ts.Check(err)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	ts.Check(err)
	ts.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	conn, err := dbus.Connect(r.bus.Address)
	ts.Check(err)
	r.desktop = &desktop{bus: conn, programs: map[string]*process{}}
	r.onEnd(func() {
		for _, p := range r.desktop.programs {
			p.kill()
		}
		conn.Close()
		x.stop()
	})
}

func (d *desktop) run(ts *testscript.TestScript, name string) {
	path := filepath.Join("/usr/bin", name)
	if name == "xfce4-notifyd" {
		found, _ := filepath.Glob(notifyd + "*/xfce4/notifyd/" + name)
		if len(found) == 0 {
			ts.Fatalf("there is no %s: make deps", name)
		}
		path = found[0]
	}
	var args []string
	for _, p := range desktopPrograms {
		if p.name == name {
			args = p.args
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(environ(ts), "GTK_A11Y=none", "NO_AT_BRIDGE=1")
	log, err := os.OpenFile(filepath.Join(ts.Getenv("WORK"), "desktop.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd)
	ts.Check(err)
	d.programs[name] = p
	if name == "xfce4-notifyd" && !await(d.notifies) { // a notification before that is lost
		ts.Fatalf("no notification daemon\n%s", readOr(log.Name()))
	}
}

// notifies reports whether somebody shows notifications.
func (d *desktop) notifies() (owned bool) {
	err := d.bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.Notifications").Store(&owned)
	return err == nil && owned
}

// cmdTray is
//
//	[!] tray start [flag …]   keybroker tray, in the background; with ! it must fail
//	tray stop                 by SIGTERM
//	tray click PATTERN        on the line of its menu, over D-Bus
//	tray size MIB             prints its resident memory, which must not be more
//
// Its standard error is appended to tray.log.
func cmdTray(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	switch {
	case len(args) == 0:
		ts.Fatalf("usage: tray start|stop|click|size")
	case args[0] == "start":
		buildBeside(ts, desktopProgram)
		startTray(ts, r, neg, args[1:])
	case args[0] == "stop":
		ts.Check(r.tray.Process.Signal(os.Interrupt))
		awaitTrayEnd(ts)
	case args[0] == "click":
		clickTray(ts, r, args[1])
	case args[0] == "size":
		size := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(readOr(fmt.Sprintf("/proc/%d/status", r.tray.Process.Pid)))
		kib, err := strconv.Atoi(size[1])
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "tray process: %.1f MiB resident\n", float64(kib)/1024)
		if most, err := strconv.Atoi(args[1]); err != nil || kib > most<<10 {
			ts.Fatalf("%d KiB are more than %s MiB", kib, args[1])
		}
	}
}

func startTray(ts *testscript.TestScript, r *rig, neg bool, flags []string) {
	log, err := os.OpenFile(filepath.Join(r.work, "tray.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command(commandPath(ts, "keybroker"), append([]string{"tray"}, flags...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = environ(ts), r.work, log, log
	p, err := startProcess(cmd)
	ts.Check(err)
	if neg {
		<-p.done
		if p.ProcessState.Success() {
			ts.Fatalf("it did not fail")
		}
		return
	}
	r.tray = p
	r.onEnd(p.kill)
	if !await(func() bool { return p.ended() || strings.Contains(trayMenu(r), "keybroker") }) || p.ended() {
		ts.Fatalf("the tray shows no menu\n%s", readOr(log.Name()))
	}
}

// menuNode is com.canonical.dbusmenu's (ia{sv}av).
type menuNode struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

func (r *rig) trayObject() dbus.BusObject {
	return r.desktop.bus.Object(fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", r.tray.Process.Pid), "/StatusNotifierItem/menu")
}

// trayLines are the lines that the menu shows, those of submenus indented.
func trayLines(r *rig) (lines []string, ids []int32) {
	var revision uint32
	var root menuNode
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.trayObject().CallWithContext(ctx, "com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		return []string{err.Error()}, []int32{-1}
	}
	var walk func(node menuNode, indent string)
	walk = func(node menuNode, indent string) {
		for _, child := range node.Children {
			var one menuNode
			if dbus.Store([]any{child.Value()}, &one) != nil {
				continue
			}
			label, _ := one.Props["label"].Value().(string)
			shown, said := one.Props["visible"].Value().(bool)
			if said && !shown || label == "" {
				continue
			}
			if enabled, said := one.Props["enabled"].Value().(bool); said && !enabled {
				label += " (grey)"
			}
			if on, _ := one.Props["toggle-state"].Value().(int32); on == 1 {
				label += " (ticked)"
			}
			lines, ids = append(lines, indent+label), append(ids, one.ID)
			walk(one, indent+"  ")
		}
	}
	walk(root, "")
	return lines, ids
}

func trayMenu(r *rig) string {
	lines, _ := trayLines(r)
	return strings.Join(lines, "\n")
}

func clickTray(ts *testscript.TestScript, r *rig, pattern string) {
	lines, ids := trayLines(r)
	for i, line := range lines {
		if regexp.MustCompile(pattern).MatchString(line) {
			ts.Check(r.trayObject().Call("com.canonical.dbusmenu.Event", 0, ids[i], "clicked", dbus.MakeVariant(""), uint32(0)).Err)
			return
		}
	}
	ts.Fatalf("no line matches %s:\n%s", pattern, strings.Join(lines, "\n"))
}

// cmdScreen is
//
//	screen shot FILE     a picture of it
//	screen click COLOUR  a click, by the mouse, in the middle of what has this colour ("3b82d0")
//	screen key NAME …    keys that are pressed
func cmdScreen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: screen shot FILE | screen click COLOUR | screen key NAME …")
	}
	switch args[0] {
	case "shot":
		ts.Check(ts.Exec("import", "-window", "root", ts.MkAbs(args[1])))
	case "click":
		var at image.Point
		look := func() (found bool) { at, found = findColour(ts, args[1]); return found }
		found := await(look)
		if !found { // the tray looks at a panel's list for the last time 43 s after it came, and it is slow to come
			found = await(look)
		}
		if !found {
			ts.Fatalf("there is nothing of the colour %s on the screen\n%s\n%s", args[1],
				readOr(filepath.Join(ts.Getenv("WORK"), "desktop.log")), readOr(filepath.Join(ts.Getenv("WORK"), "tray.log")))
		}
		ts.Check(ts.Exec("xdotool", "mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y), "click", "1"))
	case "key":
		ts.Check(ts.Exec("xdotool", append([]string{"key", "--delay", "100"}, args[1:]...)...))
	}
}

func findColour(ts *testscript.TestScript, colour string) (middle image.Point, found bool) {
	path := filepath.Join(ts.Getenv("WORK"), "look.png")
	ts.Check(ts.Exec("import", "-window", "root", path))
	file, err := os.Open(path)
	ts.Check(err)
	defer file.Close()
	picture, _, err := image.Decode(file)
	ts.Check(err)
	n, want := 0, color.RGBA{A: 255}
	_, err = fmt.Sscanf(colour, "%02x%02x%02x", &want.R, &want.G, &want.B)
	ts.Check(err)
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			if color.RGBAModel.Convert(picture.At(x, y)) == want {
				middle, n = middle.Add(image.Pt(x, y)), n+1
			}
		}
	}
	if n == 0 {
		return image.Point{}, false
	}
	return middle.Div(n), true
}

func awaitTrayEnd(ts *testscript.TestScript) {
	tray := rigOf(ts).tray
	select {
	case <-tray.done:
	case <-after(patience):
		ts.Fatalf("the tray does not end")
	}
	if !tray.ProcessState.Success() {
		ts.Fatalf("the tray ended with %s\n%s", tray.ProcessState, readOr(filepath.Join(ts.Getenv("WORK"), "tray.log")))
	}
}

func hasWindow(ts *testscript.TestScript, class string) bool {
	cmd := exec.Command("xdotool", "search", "--onlyvisible", "--class", class)
	cmd.Env = environ(ts)
	return cmd.Run() == nil
}
