//go:build linux

package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// quarantine is the edit of most tests.
func quarantine(key ssh.PublicKey) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) {
		f := authorized.Parse(old)
		f.Quarantine(key.Marshal(), "t-1")
		return f.Bytes(), nil
	}
}

func restore(key ssh.PublicKey) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) {
		f := authorized.Parse(old)
		f.Restore(key.Marshal(), "t-1")
		return f.Bytes(), nil
	}
}

func add(key ssh.PublicKey) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) {
		f := authorized.Parse(old)
		if len(f.With(key.Marshal())) > 0 {
			return old, nil
		}
		_, err := f.Append(line(key))
		return f.Bytes(), err
	}
}

// Whatever the file looks like, the key is refused after the edit and nothing else of the
// file has changed, and the way back leads to the very bytes.
func TestEditKeepsTheRest(t *testing.T) {
	s := newServer(t)
	h := s.dial()
	victim, login := s.newKey("victim"), line(s.login)
	v := line(victim)
	base64 := strings.Fields(v)[1]
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "# line %d\n", i)
	}
	for name, text := range map[string]string{
		"plain":            login + "\n" + v + " anna@old\n",
		"options":          login + "\n" + `from="127.0.0.0/8,::1",environment="A=x \" # y",no-pty ` + v + " anna, \"old\"\n",
		"command":          login + "\n" + `command="echo \"a b\" # c" ` + v + "\n",
		"comments":         "# one\n\n" + login + "\n \t# two\n" + v + "\n#" + v + "\n",
		"CRLF":             login + "\r\n" + v + " anna\r\n" + "# x\r\n",
		"CRLF, no comment": login + "\r\n" + v + "\r\n",
		"BOM":              "\ufeff# \n" + login + "\n" + v + "\n",
		"no end":           login + "\n" + v,
		"no end, comment":  login + "\n" + v + " anna",
		"twice":            login + "\n" + `from="203.0.113.1" ` + v + "\n" + v + " again\n",
		"indented":         login + "\n\t " + v + "\n",
		"form feeds":       login + "\nssh-ed25519 " + base64[:20] + "\v\f" + base64[20:] + " odd\n",
		"10,000 lines":     many.String() + login + "\n" + v + "\n" + many.String(),
		"8 KiB lines":      login + "\n" + `environment="A=` + strings.Repeat("x", 8192) + `" ` + v + " " + strings.Repeat("c", 8192) + "\n# " + strings.Repeat("d", 70_000) + "\n",
		"unknown type":     login + "\nssh-future AAAACnNzaC1mdXR1cmU= f\n" + v + "\n",
		"zero bytes":       login + "\n" + v + " a\x00b\n\x00\n",
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.write("home/.ssh/authorized_keys", text)
			if p, err := h.Probe(t.Context(), victim); err != nil || !p.Accepted {
				t.Fatalf("before: %+v %v", p, err)
			}
			edited, err := h.Edit(t.Context(), s.keys, quarantine(victim))
			must(t, err)
			if edited.Way != Replaced || string(edited.New) != s.read() || edited.SHA256[1] != sum([]byte(s.read())) {
				t.Errorf("%s, %q is there, %q was read back", edited.Way, s.read(), edited.New)
			}
			if p, err := h.Probe(t.Context(), victim, s.login); err != nil || p.Accepted || p.LetIn != authorized.Fingerprint(s.login.Marshal()) {
				t.Errorf("after: %+v %v", p, err)
			}
			rest := func(text string) (kept []string) {
				for one := range strings.Lines(text) {
					if !bytes.Contains([]byte(one), []byte(base64[30:])) {
						kept = append(kept, one)
					}
				}
				return kept
			}
			if got, want := rest(s.read()), rest(text); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("other lines differ: %.300q, want %.300q", got, want)
			}
			_, err = h.Edit(t.Context(), s.keys, restore(victim))
			must(t, err)
			if s.read() != text {
				t.Errorf("restored to %.300q, want %.300q", s.read(), text)
			}
			s.noTemps()
		})
	}
}

// cutWays are the files on which an edit goes one of its ways.
var cutWays = map[string]struct {
	prepare func(*server)
	change  func(ssh.PublicKey) func([]byte) ([]byte, error)
	way     string
}{
	"replace":  {func(*server) {}, quarantine, Replaced},
	"one byte": {func(s *server) { must(s.t, os.Link(s.keys, s.path("other-name"))) }, quarantine, InPlace},
	"append":   {func(s *server) { must(s.t, os.Link(s.keys, s.path("other-name"))) }, add, InPlace},
	"new file": {func(s *server) { must(s.t, os.Remove(s.keys)) }, add, Replaced},
}

// The connection is cut, as by kill -9 or a pulled cable, after every packet of an edit:
// the file is the old one or the new one, and the next run leaves nothing beside it.
func TestEditCutAtEveryPacket(t *testing.T) {
	for name, c := range cutWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWatchedServer(t)
			direct := s.dialer()
			direct.SSH = s.path("direct") // the same packets with nothing before them
			must(t, os.WriteFile(direct.SSH, fmt.Appendf(nil, "#!/bin/sh\ncase $* in *-G*) exec ssh \"$@\";; esac\necho debug1: Server host key: ssh-ed25519 SHA256:ofATest >&2\nexec %s\n", s.path("sftp.sh")), 0o700))
			victim := s.newKey("victim")
			outside := s.path("outside") // how sshd lets the login in while there is no file
			must(t, os.WriteFile(outside, []byte(line(s.login)+"\n"), 0o600))
			s.write("sshd_config", "AuthorizedKeysFile "+s.keys+" "+outside+"\n"+s.text("sshd_config"))
			old := "# " + name + "\n" + line(s.login) + "\n" + line(victim) + "\n"
			if name == "append" {
				old = line(s.login)
			}
			reset := func() {
				os.RemoveAll(filepath.Dir(s.keys))
				os.Remove(s.path("other-name"))
				must(t, os.Mkdir(filepath.Dir(s.keys), 0o700))
				must(t, os.WriteFile(s.keys, []byte(old), 0o600))
				c.prepare(s)
			}
			edit := func(dialer Dialer) (Edited, error) {
				h, err := dialer.Dial(t.Context(), me(t)+"@"+s.name)
				if err != nil {
					return Edited{}, err
				}
				defer h.Close()
				return h.Edit(t.Context(), s.keys, c.change(victim))
			}
			reset()
			before, _ := os.ReadFile(s.keys)
			edited, err := edit(s.dialer())
			if err != nil || edited.Way != c.way {
				t.Fatalf("%+v %v", edited, err)
			}
			after, total := s.read(), s.packets()
			if total < 10 || after == string(before) {
				t.Fatalf("only %d packets", total)
			}
			for n := 1; n < total; n++ {
				reset()
				s.cutAfter(n)
				dialer := direct
				if n%9 == 0 {
					dialer = s.dialer()
				}
				_, err := edit(dialer)
				now, _ := os.ReadFile(s.keys)
				if string(now) != string(before) && string(now) != after {
					t.Errorf("cut after %d of %d packets: %q", n, total, now)
				}
				if err == nil && string(now) != after {
					t.Errorf("cut after %d packets: no error, but %q", n, now)
				}
				s.calm()
				if _, err := edit(direct); err != nil || s.read() != after {
					t.Errorf("the run after the cut at %d: %v, %q", n, err, s.read())
				}
				s.noTemps()
			}
		})
	}
}

func (s *server) text(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	must(s.t, err)
	return string(data)
}

// A second editor appends a line every hundredth of a second. No line of its is lost.
func TestEditBesideAnotherEditor(t *testing.T) {
	s := newServer(t)
	dialer := s.dialer()
	dialer.Settle = DefaultSettle
	h := s.dialBy(dialer)
	victim := s.newKey("victim")
	s.write("home/.ssh/authorized_keys", line(s.login)+"\n"+line(victim)+"\n")
	var written atomic.Int64
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		for ticker := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			file, err := os.OpenFile(s.keys, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(file, "# other editor %d.\n", written.Add(1))
			file.Close()
		}
	})
	for range 20 {
		for _, change := range []func([]byte) ([]byte, error){quarantine(victim), restore(victim)} {
			if _, err := h.Edit(t.Context(), s.keys, change); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	group.Wait()
	for i := range written.Load() {
		if want := fmt.Sprintf("# other editor %d.\n", i+1); strings.Count(s.read(), want) != 1 {
			t.Errorf("%q is there %d times", want, strings.Count(s.read(), want))
		}
	}
	if len(authorized.Parse([]byte(s.read())).With(victim.Marshal())) != 1 {
		t.Errorf("the key is not restored: %q", s.read())
	}
	s.noTemps()
}

// Somebody else writes at the worst moments.
func TestEditMetAnotherEditor(t *testing.T) {
	s := newWatchedServer(t)
	h := s.dial()
	victim, theirs := s.newKey("victim"), "# theirs"
	start := line(s.login) + "\n" + line(victim) + "\n"
	for name, c := range map[string]struct {
		packet, script string
		again          bool
	}{
		"appended before the last look":   {"fsync@openssh.com", "echo '# theirs' >> KEYS", true},
		"appended after the last look":    {"posix-rename@openssh.com", "echo '# theirs' >> KEYS", false},
		"replaced before the last look":   {"fsync@openssh.com", "(cat KEYS; echo '# theirs') > KEYS.new; mv KEYS.new KEYS", true},
		"rewritten after the last look":   {"posix-rename@openssh.com", "echo '# theirs' > KEYS.add; cat KEYS KEYS.add > KEYS.new; cat KEYS.new > KEYS; rm KEYS.*", false},
		"temporary file of a killed run":  {"fsync@openssh.com", "touch $(dirname KEYS)/.kb-XYZ; echo '# theirs' >> KEYS", true},
		"line taken out before that look": {"fsync@openssh.com", "echo '# theirs' > KEYS; grep . AUTH >> KEYS", true},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.write("home/.ssh/authorized_keys", start)
			s.write("auth", start)
			once := s.path("once")
			must(t, os.WriteFile(once, nil, 0o600))
			script := strings.NewReplacer("KEYS", s.keys, "AUTH", s.path("auth")).Replace(c.script)
			s.before(c.packet, "[ -e "+once+" ] || exit; rm "+once+"; "+script)
			edited, err := h.Edit(t.Context(), s.keys, quarantine(victim))
			s.calm()
			if err != nil || (edited.Again > 0) != c.again {
				t.Errorf("again %d, %v", edited.Again, err)
			}
			if _, err := os.Stat(once); err == nil {
				t.Error("nobody else wrote")
			}
			if now := authorized.Parse([]byte(s.read())); strings.Count(s.read(), theirs) != 1 || len(now.With(victim.Marshal())) != 0 || len(now.With(s.login.Marshal())) != 1 {
				t.Errorf("%q", s.read())
			}
			_, err = h.Edit(t.Context(), s.keys, restore(victim))
			must(t, err)
			s.noTemps()
		})
	}
}

// A program that opened the file before it was replaced writes to the old one later.
func TestEditMetAStalledEditor(t *testing.T) {
	s := newWatchedServer(t)
	dialer := s.dialer()
	dialer.Settle = 3 * time.Second // the shell below has that long
	h := s.dialBy(dialer)
	victim := s.newKey("victim")
	s.write("home/.ssh/authorized_keys", line(s.login)+"\n"+line(victim)+"\n")
	s.before("posix-rename@openssh.com", "exec 3>>"+s.keys+"; (sleep 0.2; echo '# theirs' >&3) </dev/null >/dev/null 2>&1 &")
	if edited, err := h.Edit(t.Context(), s.keys, quarantine(victim)); err != nil || edited.Way != Replaced {
		t.Errorf("%+v, %v", edited, err)
	}
	if now := s.read(); strings.Count(now, "# theirs") != 1 {
		t.Errorf("%q", now)
	}
}

// Links, modes and disks on which a file cannot be replaced.
func TestEditWhereReplacingIsWrong(t *testing.T) {
	type situation struct {
		prepare func(s *server)
		change  func(ssh.PublicKey) func([]byte) ([]byte, error)
		way     string
		kind    Kind // of the error
		check   func(s *server)
	}
	for name, c := range map[string]situation{
		"symbolic link": {
			prepare: func(s *server) {
				must(s.t, os.Rename(s.keys, s.path("dotfile")))
				must(s.t, os.Symlink(s.path("dotfile"), s.keys))
			},
			change: quarantine, way: Replaced,
			check: func(s *server) {
				if target, err := os.Readlink(s.keys); err != nil || target != s.path("dotfile") {
					s.t.Errorf("the link leads to %q, %v", target, err)
				}
			},
		},
		"hard link": {
			prepare: func(s *server) { must(s.t, os.Link(s.keys, s.path("other-name"))) }, change: quarantine, way: InPlace,
			check: func(s *server) {
				if s.text("other-name") != s.read() {
					s.t.Error("the links have parted")
				}
			},
		},
		"directory read-only, a byte":    {prepare: func(s *server) { must(s.t, os.Chmod(filepath.Dir(s.keys), 0o500)) }, change: quarantine, way: InPlace},
		"directory read-only, an append": {prepare: func(s *server) { must(s.t, os.Chmod(filepath.Dir(s.keys), 0o500)) }, change: add, way: InPlace},
		"file read-only":                 {prepare: func(s *server) { must(s.t, os.Chmod(s.keys, 0o400)) }, change: quarantine, way: Replaced},
		"both read-only": {prepare: func(s *server) {
			must(s.t, os.Chmod(s.keys, 0o400))
			must(s.t, os.Chmod(filepath.Dir(s.keys), 0o500))
		}, change: quarantine, kind: NotWritable},
		"unreadable":     {prepare: func(s *server) { must(s.t, os.Chmod(s.keys, 0o200)) }, change: quarantine, kind: NotWritable},
		"group-writable": {prepare: func(s *server) { must(s.t, os.Chmod(s.keys, 0o664)) }, change: quarantine, way: Replaced},
		"mode 0600":      {prepare: func(*server) {}, change: quarantine, way: Replaced},
		"no directory": {prepare: func(s *server) { must(s.t, os.RemoveAll(filepath.Dir(s.keys))) }, change: add, way: Replaced,
			check: func(s *server) {
				if info, err := os.Stat(filepath.Dir(s.keys)); err != nil || info.Mode().Perm() != 0o700 {
					s.t.Errorf("%v %v", info, err)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWatchedServer(t)
			victim := s.newKey("victim")
			old := line(s.login) + "\n"
			if name != "no directory" && !strings.Contains(name, "append") {
				old += line(victim) + "\n"
			}
			s.write("home/.ssh/authorized_keys", old)
			h := s.dial()
			c.prepare(s)
			before, _ := os.Stat(s.keys)
			edited, err := h.Edit(t.Context(), s.keys, c.change(victim))
			if KindOf(err) != c.kind || edited.Way != c.way && c.kind == "" {
				t.Fatalf("%+v, %v (%s)", edited, err, KindOf(err))
			}
			after, statErr := os.Stat(s.keys)
			must(t, statErr)
			if before != nil && after.Mode() != before.Mode() {
				t.Errorf("the mode is %v now, not %v", after.Mode(), before.Mode())
			}
			must(t, os.Chmod(filepath.Dir(s.keys), 0o700))
			must(t, os.Chmod(s.keys, 0o600))
			switch {
			case c.kind != "" && (s.read() != old || problem.Remedy(err) == ""):
				t.Errorf("%v, without a remedy or with a change: %q", err, s.read())
			case c.kind == "" && s.read() != string(edited.New):
				t.Errorf("%q", s.read())
			}
			if c.check != nil {
				c.check(s)
			}
			s.noTemps()
		})
	}
}

// On a full disk a file cannot be replaced, but a byte can be written, and a line appended
// within the last block. What does not fit leaves the file as it was.
func TestEditOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	s := newServer(t)
	victim, other := s.newKey("victim"), s.newKey("other")
	home := filepath.Dir(s.keys)
	if err := syscall.Mount("tmpfs", home, "tmpfs", 0, "mode=700,size=128k"); errors.Is(err, fs.ErrPermission) {
		t.Skip("root may not mount here (a container)")
	} else {
		must(t, err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(home, syscall.MNT_DETACH)) })
	start := line(s.login) + "\n" + line(victim) + "\n"
	s.write("home/.ssh/authorized_keys", start)
	h := s.dial()
	ballast, err := os.Create(filepath.Join(home, "ballast"))
	must(t, err)
	for err == nil {
		_, err = ballast.Write(make([]byte, 512))
	}
	ballast.Close()

	edited, err := h.Edit(t.Context(), s.keys, quarantine(victim))
	if err != nil || edited.Way != InPlace || !strings.Contains(edited.Why, errFull.Error()) {
		t.Fatalf("a byte: %+v %v", edited, err)
	}
	if p, err := h.Probe(t.Context(), victim, s.login); err != nil || p.Accepted {
		t.Errorf("%+v %v", p, err)
	}
	edited, err = h.Edit(t.Context(), s.keys, restore(victim))
	if err != nil || edited.Way != InPlace || s.read() != start {
		t.Errorf("back: %+v %v %q", edited, err, s.read())
	}
	edited, err = h.Edit(t.Context(), s.keys, add(other))
	if err != nil || edited.Way != InPlace || s.read() != start+line(other)+"\n" {
		t.Errorf("an append: %+v %v %q", edited, err, s.read())
	}
	before := s.read()
	_, err = h.Edit(t.Context(), s.keys, func(old []byte) ([]byte, error) {
		f := authorized.Parse(old)
		_, err := f.Append(line(s.newKey("long")) + " " + strings.Repeat("x", 9000))
		return f.Bytes(), err
	})
	if KindOf(err) != DiskFull || s.read() != before {
		t.Errorf("too long: %v, %d bytes", err, len(s.read()))
	}
	s.noTemps()
}
