package collect

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform/platformtest"
	"golang.org/x/crypto/ssh"
)

const (
	victim = 54321 // user ids that nobody has
	other  = 54322
)

// A user can have any number of files where sshd takes a pattern, and long ones that take no disk.
func TestFilesOfAnAccountHaveALimit(t *testing.T) {
	dir := t.TempDir()
	for n := range maxFiles + 1 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := readFiles([]string{dir + "/*"}, authorized.ParseVersion("SSH-2.0-OpenSSH_10.1"))
	if len(files) != maxFiles+1 || files[maxFiles-1].err != nil || files[maxFiles].err == nil {
		t.Errorf("%d files, %v", len(files), files[len(files)-1].err)
	}
	long := filepath.Join(dir, "0")
	if err := os.Truncate(long, 100); err != nil {
		t.Fatal(err)
	}
	if read := readFile(long, 100); read.err != nil || len(read.data) != 100 {
		t.Errorf("%d bytes, %v", len(read.data), read.err)
	}
	if read := readFile(long, 99); read.err == nil || read.data != nil {
		t.Errorf("beyond the limit: %d bytes, %v", len(read.data), read.err)
	}
}

// server is a machine with accounts and a configuration of sshd.
type server struct {
	dir     string
	options Options
}

func newServer(t *testing.T) *server {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("/tmp", "kb-collect-") // users must get there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	release, err := platformtest.SSHDDir() // sshd -T asks for it, too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	s := &server{dir: dir}
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir+"/host")
	s.write(t, "sshd_config", "HostKey "+dir+"/host\nPort 2222\nAuthorizedKeysFile .ssh/authorized_keys "+dir+"/central/%u\nMatch User ca\nTrustedUserCAKeys "+dir+"/host.pub\n", 0)
	s.write(t, "passwd", fmt.Sprintf("victim:x:%d:%d::%s/victim:/bin/sh\nother:x:%d:%d::%s/other:/usr/sbin/nologin\nca:x:%d:%d::/nonexistent:/bin/sh\n", victim, victim, dir, other, other, dir, other, other), 0)
	s.options = Options{SSHD: []string{"/usr/sbin/sshd", "-f", dir + "/sshd_config"}, Accounts: []string{"cat", dir + "/passwd"}, Journal: []string{"false"}}
	return s
}

// write makes a file of a user, with its directories.
func (s *server) write(t *testing.T, name, text string, uid int) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	dir := s.dir
	for part := range strings.SplitSeq(filepath.Dir(name), "/") {
		if dir = filepath.Join(dir, part); os.Mkdir(dir, 0o755) == nil {
			os.Chown(dir, uid, uid)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chown(path, uid, uid)
	return path
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func newLine(t *testing.T, comment string) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment + "\n"
}

func (s *server) collect(t *testing.T) lifecycle.Inventory {
	t.Helper()
	inventory, err := Machine(t.Context(), s.options)
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}

func comments(i lifecycle.Inventory) (list []string) {
	for _, place := range i.Places {
		list = append(list, place.Account+" "+place.Comment)
	}
	slices.Sort(list)
	return list
}

func TestEveryAccountIsRead(t *testing.T) {
	s := newServer(t)
	s.write(t, "victim/.ssh/authorized_keys", newLine(t, "a b")+"# comment\n"+"restrict "+newLine(t, "c")+"nonsense\n", victim)
	os.Chmod(s.write(t, "central/other", newLine(t, "central"), 0), 0o644)
	i := s.collect(t)
	if got := fmt.Sprint(comments(i)); got != "[other central victim a b victim c]" {
		t.Error(got)
	}
	if p := i.Places[1]; p.Line != 3 || fmt.Sprint(p.Options) != "[restrict]" || p.File != s.dir+"/victim/.ssh/authorized_keys" || p.FileTime.IsZero() {
		t.Errorf("%+v", p)
	}
	if want := strings.Fields(run(t, "ssh-keygen", "-lf", s.dir+"/host.pub"))[1]; i.Hosts[0].Key != want || i.Hosts[0].Port != 2222 {
		t.Errorf("%+v, want %s", i.Hosts, want)
	}
	if len(i.Accounts) != 3 || len(i.Keys) != 3 {
		t.Errorf("%+v, %+v", i.Accounts, i.Keys)
	}
	if u := unseenOf(i, "ca"); !strings.Contains(u, "TrustedUserCAKeys") || strings.Contains(unseenOf(i, "victim"), "TrustedUserCAKeys") {
		t.Error(u)
	}
}

func unseenOf(i lifecycle.Inventory, account string) (text string) {
	for _, u := range i.Unseen {
		if u.Account == account {
			text += u.What + ": " + u.Why + "\n"
		}
	}
	return text
}

// A user's link gives nothing that the user could not read (CVE-2026-11837), and a file
// that never ends holds nobody up.
func TestLinksAreFollowedWithTheRightsOfTheUser(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(t *testing.T, s *server)
		want  string
		why   string
	}{
		"file of root": {func(t *testing.T, s *server) {
			os.Symlink(s.write(t, "secret", newLine(t, "secret"), 0), s.dir+"/victim/.ssh/authorized_keys")
		}, "[]", "permission denied"},
		"directory of root": {func(t *testing.T, s *server) {
			s.write(t, "hidden/authorized_keys", newLine(t, "secret"), 0)
			os.Chmod(s.dir+"/hidden", 0o700)
			os.Chmod(s.dir+"/hidden/authorized_keys", 0o644)
			os.Remove(s.dir + "/victim/.ssh")
			os.Symlink(s.dir+"/hidden", s.dir+"/victim/.ssh")
		}, "[]", "permission denied"},
		"file of another user": {func(t *testing.T, s *server) {
			os.Symlink(s.write(t, "other/private", newLine(t, "secret"), other), s.dir+"/victim/.ssh/authorized_keys")
		}, "[]", "permission denied"},
		"hard link to a file of root": {func(t *testing.T, s *server) {
			os.Link(s.write(t, "secret", newLine(t, "secret"), 0), s.dir+"/victim/.ssh/authorized_keys")
		}, "[]", "permission denied"},
		"pipe": {func(t *testing.T, s *server) {
			syscall.Mkfifo(s.dir+"/victim/.ssh/authorized_keys", 0o644)
		}, "[]", "not a regular file"},
		"device": {func(t *testing.T, s *server) {
			os.Symlink("/dev/zero", s.dir+"/victim/.ssh/authorized_keys")
		}, "[]", "not a regular file"},
		// As sshd does.
		"own file": {func(t *testing.T, s *server) {
			os.Symlink(s.write(t, "victim/dotfiles/keys", newLine(t, "own"), victim), s.dir+"/victim/.ssh/authorized_keys")
		}, "[victim own]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.write(t, "victim/.ssh/x", "", victim)
			os.Remove(s.dir + "/victim/.ssh/x")
			c.plant(t, s)
			i := s.collect(t)
			if got := fmt.Sprint(comments(i)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if why := unseenOf(i, "victim"); !strings.Contains(why, c.why) {
				t.Errorf("unseen: %q", why)
			}
			if _, err := os.ReadFile("/etc/shadow"); err != nil {
				t.Errorf("the process has lost its own rights: %v", err)
			}
		})
	}
}

// A real journald keeps what a process named sshd logs: of root, and of a user who
// would make a key look used.
func TestJournal(t *testing.T) {
	s := newServer(t)
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("no mount namespace: %s", out)
	}
	if mounted, _ := os.ReadDir("/sys/fs/cgroup"); len(mounted) == 0 { // as in a chroot
		t.Skip("systemd-journald needs control groups, at /sys/fs/cgroup")
	}
	const key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
	script := `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/log/journal /run/systemd/journal
/lib/systemd/systemd-journald & journald=$!
until [ -S /run/systemd/journal/dev-log ]; do sleep 0.05; done
cp /usr/bin/logger /run/sshd
say() { { echo "$1"; sleep 0.3; } | $2 /run/sshd -u /run/systemd/journal/dev-log -t sshd; }
say "Accepted publickey for root from 10.0.0.1 port 5 ssh2: ED25519 ` + key + `"
say "Accepted publickey for root from 10.0.0.1 port 6 ssh2: ED25519 ` + key + `"
say "Accepted publickey for root from 6.6.6.6 port 5 ssh2: ED25519 ` + key + `" "setpriv --reuid=nobody --clear-groups"
say "Accepted publickey for root from 10.0.0.2 port 5 ssh2: ED25519-CERT ` + key + ` ID ` + key + ` (serial 0) CA ED25519 SHA256:x"
say "Failed publickey for root from 10.0.0.3 port 5 ssh2: ED25519 ` + key + `"
kill $journald
wait $journald || true
cp -r /run/log/journal ` + s.dir + `/journal
`
	cmd := exec.Command("unshare", "-m", "sh", "-c", script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.options.Journal = []string{"journalctl", "--directory=" + s.dir + "/journal"}
	i := s.collect(t)
	if len(i.Sightings) != 1 || i.Sightings[0].Count != 2 || i.Sightings[0].From != "10.0.0.1" || i.Sightings[0].Fingerprint != key || i.Sightings[0].Account != "root" {
		t.Errorf("%+v, unseen %+v", i.Sightings, i.Unseen)
	}
	if len(i.Watches) != 1 || i.Watches[0].Since.After(i.Sightings[0].First) || !i.Watches[0].Until.Equal(i.Taken) {
		t.Errorf("%+v", i.Watches)
	}
	before := time.Now()
	s.options.Since = func(lifecycle.Host) (time.Time, error) { return before, nil }
	if i = s.collect(t); len(i.Sightings) != 0 || len(i.Watches) != 1 || i.Watches[0].Since != before {
		t.Errorf("what was read before is read again: %+v, %+v", i.Sightings, i.Watches)
	}
	s.write(t, "sshd_config", "HostKey "+s.dir+"/host\nMatch User other\nLogLevel ERROR\n", 0)
	if i = s.collect(t); len(i.Watches) != 0 || !strings.Contains(unseenOf(i, ""), "sshd does not log who was let in") {
		t.Errorf("%+v, %+v", i.Watches, i.Unseen)
	}
}

// Where journald left out messages of sshd, nobody watched.
func TestGapsAreNotWatched(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	j := journal{since: start, uses: map[use]*lifecycle.Sighting{}}
	add := func(minute int, transport, message string) {
		j.add(entry{Time: fmt.Sprint(start.Add(time.Duration(minute) * time.Minute).UnixMicro()), Message: []byte(`"` + message + `"`), ID: suppressed, Trusted: transport})
	}
	add(1, "driver", "Suppressed 12 messages from nginx.service")
	add(2, "syslog", "Suppressed 12 messages from ssh.service") // forged: it would hide what was seen
	if _, watches := j.result(start.Add(time.Hour)); len(watches) != 1 {
		t.Errorf("%+v", watches)
	}
	add(3, "driver", "Suppressed 12 messages from ssh.service")
	_, watches := j.result(start.Add(time.Hour))
	if len(watches) != 2 || !watches[1].Since.Equal(start.Add(3*time.Minute)) || !watches[0].Until.Before(watches[1].Since) {
		t.Errorf("%+v", watches)
	}
}
