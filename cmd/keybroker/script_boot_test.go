//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// mayBoot reports whether the system's systemd can be started on a copy of this system.
func mayBoot() bool {
	known, _ := os.ReadFile("/proc/filesystems")
	return strings.Contains(string(known), "\toverlay\n") && mayManage()
}

// bootSystem starts systemd as the first process of a copy of this system, which is in
// memory. $1 is the directory of the copy, $2 that of the script, and the rest are control
// groups. What the script "inside" prints, is in $2/boot.out.
const bootSystem = `set -e
top=$1 work=$2
shift 2
for group; do echo $$ >"$group/cgroup.procs"; done
mount -t tmpfs tmpfs "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
root=$top/root
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/run/script" "$root/old"
mount --bind "$work" "$root/run/script"
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/keybroker" "$root/var/lib/keybroker"
cp "$(command -v keybroker)" "$root/usr/bin/keybroker"
chmod 755 "$root/usr/bin/keybroker"
mkdir "$root/etc/systemd/system/basic.target.wants"
cat >"$root/etc/systemd/system/script.service" <<END
[Unit]
DefaultDependencies=no
After=sysinit.target dbus.socket
[Service]
Type=oneshot
Environment=HOME=/root GORACE=atexit_sleep_ms=0
ExecStart=/bin/sh -ex /run/script/inside
StandardOutput=append:/run/script/boot.out
StandardError=append:/run/script/boot.out
ExecStopPost=/bin/sh -c 'echo "\$EXIT_STATUS" >/run/script/boot.code; systemctl --force --force poweroff'
END
ln -s ../script.service "$root/etc/systemd/system/basic.target.wants"
for unit in systemd-udevd systemd-udev-trigger systemd-networkd systemd-resolved systemd-timesyncd; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
cd "$root"
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin ` + userManager + ` --system --unit=basic.target --log-target=console --log-level=err --show-status=no </dev/null
`

// cmdBoot is "boot SCRIPT": runs the file as a shell script on a copy of this system that
// systemd has started, with the program installed as /usr/bin/keybroker. Its output is the
// standard output, and it must succeed.
func cmdBoot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: boot SCRIPT")
	}
	r := rigOf(ts)
	ts.Check(os.WriteFile(filepath.Join(r.work, "inside"), []byte(ts.ReadFile(args[0])), 0o644))
	top := filepath.Join(r.work, "copy")
	ts.Check(os.Mkdir(top, 0o700))
	groups, err := makeGroups(fmt.Sprintf("keybroker-boot-%d", os.Getpid()))
	ts.Check(err)
	line := []string{"--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "sh", "-c", bootSystem, "sh", top, r.work}
	cmd := exec.Command("unshare", append(line, groups...)...)
	log := new(strings.Builder)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = []string{"PATH=" + ts.Getenv("PATH")}, r.work, log, log
	p, err := startProcess(cmd)
	ts.Check(err)
	select {
	case <-p.done:
	case <-after(3 * patience): // it opens a vault twice, with the race detector too
		p.kill()
	}
	await(func() bool { removeGroups(groups); return gone(groups) })
	fmt.Fprint(ts.Stdout(), readOr(filepath.Join(r.work, "boot.out")))
	if code := strings.TrimSpace(readOr(filepath.Join(r.work, "boot.code"))); code != "0" {
		ts.Fatalf("exit code %q; systemd said: %s", code, log)
	}
}
