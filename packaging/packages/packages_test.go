//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/broker/config"
)

func need(t *testing.T, program, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s (package %s)", program, debianPackage)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// stubs builds three programs that stand in for the real ones, and returns their directory.
func stubs(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, program := range programs {
		build := exec.Command("go", "build", "-buildmode=pie", "-ldflags=-s -w -bindnow", "-o", filepath.Join(dir, program), "./packaging/packages/testdata/stub")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return dir
}

// packageOf makes one kind of package in dir, and returns its file.
func packageOf(t *testing.T, kind, programs, dir string) string {
	t.Helper()
	if err := run([]string{"-version", "v1.2.3", "-only", kind, "-programs", programs, dir}); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*."+kind))
	if len(files) != 1 {
		t.Fatalf("%s: %q", kind, files)
	}
	return files[0]
}

// A Debian package has what it should, as root's and with modes that let nobody else
// change a file or read a program; lintian has nothing to say; and a second one, made from
// other directories, is the same.
func TestDeb(t *testing.T) {
	need(t, "dpkg-deb", "dpkg")
	t.Chdir("../..")
	t.Setenv("SOURCE_DATE_EPOCH", "1764000000")
	programs := stubs(t)
	deb := packageOf(t, "deb", programs, t.TempDir())

	listed := output(t, "dpkg-deb", "--contents", deb)
	for _, want := range []string{
		`-rwx--x--x root/root .* \./usr/bin/keybroker`,
		`-rwx--x--x root/root .* \./usr/bin/keybroker-desktop`,
		`-rwx--x--x root/root .* \./usr/bin/keybroker-lifecycle`,
		`-rw-r--r-- root/root .* \./etc/keybroker/policy\.toml`,
		`drwxr-xr-x root/root .* \./etc/keybroker/`,
		`-rw-r--r-- root/root .* \./usr/lib/systemd/user/keybroker\.service`,
		`-rw-r--r-- root/root .* \./usr/share/man/man1/keybroker\.1\.gz`,
		`-rw-r--r-- root/root .* \./usr/share/man/man5/keybroker-policy\.5\.gz`,
		`-rw-r--r-- root/root .* \./usr/share/bash-completion/completions/keybroker`,
		`-rw-r--r-- root/root .* \./usr/share/icons/hicolor/scalable/apps/keybroker\.svg`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(listed) {
			t.Errorf("no %s in\n%s", want, listed)
		}
	}
	for line := range strings.Lines(listed) {
		if owned := strings.Contains(line, " root/root "); !owned || line[5] == 'w' || line[8] == 'w' || line[3] == 's' || line[6] == 's' {
			t.Errorf("not root's alone: %s", line)
		}
	}
	control := t.TempDir()
	output(t, "dpkg-deb", "--control", deb, control)
	for _, script := range []string{"preinst", "postinst", "prerm", "postrm", "config", "triggers"} {
		if _, err := os.Stat(filepath.Join(control, script)); err == nil {
			t.Errorf("it has a script: %s", script)
		}
	}
	if conffiles, _ := os.ReadFile(filepath.Join(control, "conffiles")); string(conffiles) != "/etc/keybroker/policy.toml\n" {
		t.Errorf("conffiles: %q", conffiles)
	}
	sameAgain(t, deb, packageOf(t, "deb", stubs(t), t.TempDir()))

	need(t, "lintian", "lintian")
	lintian := exec.Command("lintian", "--allow-root", "--fail-on=error,warning", deb)
	lintian.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // it leaves its databases behind
	if out, err := lintian.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// The other packages have the same files with the same modes.
func TestRPMAndAPK(t *testing.T) {
	need(t, "rpm", "rpm")
	t.Chdir("../..")
	t.Setenv("SOURCE_DATE_EPOCH", "1764000000")
	programs := stubs(t)
	rpm := packageOf(t, "rpm", programs, t.TempDir())
	listed := output(t, "rpm", "-qp", "--queryformat", `[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\n]`, rpm)
	for _, want := range []string{
		"-rwx--x--x root:root  /usr/bin/keybroker\n", "-rwx--x--x root:root  /usr/bin/keybroker-desktop\n", "-rwx--x--x root:root  /usr/bin/keybroker-lifecycle\n",
		"drwxr-xr-x root:root  /etc/keybroker\n", "drwxr-xr-x root:root  /usr/share/licenses/keybroker\n",
		"-rw-r--r-- root:root cn /etc/keybroker/policy.toml\n", "-rw-r--r-- root:root  /usr/share/man/man1/keybroker.1.gz\n",
	} {
		if !strings.Contains(listed, want) {
			t.Errorf("no %q in\n%s", want, listed)
		}
	}
	if scripts := output(t, "rpm", "-qp", "--scripts", rpm); scripts != "" {
		t.Errorf("it has scripts:\n%s", scripts)
	}
	if said := output(t, "rpm", "-K", "--nosignature", rpm); !strings.Contains(said, "digests OK") {
		t.Error(said)
	}
	sameAgain(t, rpm, packageOf(t, "rpm", stubs(t), t.TempDir()))

	apk := packageOf(t, "apk", programs, t.TempDir())
	listed = output(t, "tar", "--ignore-zeros", "-tvzf", apk)
	for _, want := range []string{`-rwx--x--x .*usr/bin/keybroker`, `-rw-r--r-- .*etc/keybroker/policy\.toml`, `.*\.PKGINFO`} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(listed) {
			t.Errorf("no %s in\n%s", want, listed)
		}
	}
	for _, script := range []string{".pre-install", ".post-install", ".pre-upgrade", ".post-upgrade", ".trigger"} {
		if strings.Contains(listed, script) {
			t.Errorf("it has a script: %s", script)
		}
	}
	sameAgain(t, apk, packageOf(t, "apk", stubs(t), t.TempDir()))
}

// The installer for Windows makes the directory of the machine's rules, which users cannot
// write, keeps those rules, and is the same when it is made again.
func TestMSI(t *testing.T) {
	need(t, "wixl", "wixl")
	need(t, "msiinfo", "msitools")
	t.Chdir("../..")
	t.Setenv("SOURCE_DATE_EPOCH", "1764000000")
	programs := t.TempDir()
	for _, program := range []string{"keybroker.exe", "keybroker-desktop.exe", "keybroker-lifecycle.exe"} {
		if err := os.WriteFile(filepath.Join(programs, program), []byte("stands in for "+program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	make := func() (x64, arm64 string) {
		dir := t.TempDir()
		if err := run([]string{"-version", "v1.2.3", "-only", "msi", "-programs", programs, dir}); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "keybroker_1.2.3_windows_amd64.msi"), filepath.Join(dir, "keybroker_1.2.3_windows_arm64.msi")
	}
	x64, arm64 := make()
	for table, want := range map[string]string{
		"MsiLockPermissionsEx":   "machine\tMACHINEDIR\tCreateFolder\t" + machineDirectory,
		"CreateFolder":           "MACHINEDIR\tMachine",
		"Component":              "\tMACHINEDIR\t400\t\tpolicy.toml",
		"Environment":            "path\t=-*PATH\t[~];[INSTALLDIR]\tPrograms",
		"InstallExecuteSequence": "WriteEnvironmentStrings\t\t5200",
	} {
		if rows := output(t, "msiinfo", "export", x64, table); !strings.Contains(rows, want) {
			t.Errorf("%s: no %q in %q", table, want, rows)
		}
	}
	if about := output(t, "msiinfo", "suminfo", arm64); !strings.Contains(about, "Template: Arm64;1033") {
		t.Error(about)
	}
	for _, name := range []string{"keybroker/keybroker.exe", "keybroker/keybroker-desktop.exe", "keybroker/keybroker-lifecycle.exe", "keybroker/policy.toml"} {
		if list := output(t, "msiextract", "-l", x64); !strings.Contains(list, name) {
			t.Errorf("no %s in %s", name, list)
		}
	}
	time.Sleep(1100 * time.Millisecond) // times in it have a second's precision
	again64, again := make()
	sameAgain(t, x64, again64)
	sameAgain(t, arm64, again)
}

func sameAgain(t *testing.T, first, second string) {
	t.Helper()
	a, errA := os.ReadFile(first)
	b, errB := os.ReadFile(second)
	if errA != nil || errB != nil || sha256.Sum256(a) != sha256.Sum256(b) {
		t.Errorf("%s is another one when it is made again: %v %v", filepath.Base(first), errA, errB)
	}
}

// Each form of a version sorts as the version does.
func TestVersions(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1764000000")
	rising := []struct{ text, tilde, alpine string }{
		{"v1.2.3-rc.1", "1.2.3~rc.1", "1.2.3_rc1"},
		{"v1.2.3", "1.2.3", "1.2.3"},
		{"v1.2.4-0.20261128004700-8849caf29a1b", "1.2.4~0.20261128004700.8849caf29a1b", "1.2.4_pre20261128004700"},
		{"v1.2.4-0.20261128004701-1111111f29a1+dirty", "1.2.4~0.20261128004701.1111111f29a1+dirty", "1.2.4_pre20261128004701"},
		{"v1.2.4", "1.2.4", "1.2.4"},
	}
	for i, c := range rising {
		v, err := parseVersion(c.text)
		if err != nil {
			t.Fatal(err)
		}
		alpine, err := v.alpine()
		if v.tilde() != c.tilde || alpine != c.alpine || err != nil {
			t.Errorf("%s: %q %q %v", c.text, v.tilde(), alpine, err)
		}
		if i > 0 && exec.Command("dpkg", "--compare-versions", rising[i-1].tilde, "lt", c.tilde).Run() != nil {
			t.Errorf("dpkg does not put %s before %s", rising[i-1].tilde, c.tilde)
		}
	}
	for _, text := range []string{"dev", "1.2.3", "v1.2", "v1.2.3 -X main.x=y", "v1.2.3-a_b"} {
		if _, err := parseVersion(text); err == nil || !strings.Contains(err.Error(), "is no version like v1.2.3") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The default rules of the machine's owner change nothing, and their examples are right.
func TestDefaultPolicy(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only files of root count as the machine owner's")
	}
	text, err := os.ReadFile("../policy.toml")
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for line := range strings.Lines(string(text)) {
		if bare := strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "); strings.HasPrefix(bare, "[") || strings.Contains(bare, " = ") {
			fmt.Fprint(&examples, bare)
		}
	}
	read := func(text string) *config.Machine {
		file := filepath.Join(t.TempDir(), "policy.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := config.ReadMachine(file)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := read(string(text)); len(m.Rules) != 0 || m.Limits.Allow != nil {
		t.Errorf("it has %d rules and limits %v", len(m.Rules), m.Limits)
	}
	if m := read(examples.String()); len(m.Rules) != 1 || m.Limits.Allow == nil || *m.Limits.Allow {
		t.Errorf("its examples have %d rules and limits %v:\n%s", len(m.Rules), m.Limits, examples.String())
	}
}
