package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// machineDirectory lets administrators and the system change the directory of the
// machine's rules, and users read it. What others can change, the broker refuses
// (platform.OwnedByRoot). Below %ProgramData% every user may make a directory, so the
// installer makes it first.
const machineDirectory = "O:BAG:BAD:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)"

// tables are what wixl cannot write, in the form of an exported table (.idt).
var tables = map[string]string{
	"MsiLockPermissionsEx": "MsiLockPermissionsEx\tLockObject\tTable\tSDDLText\tCondition\r\ns72\ts72\ts32\ts0\tS255\r\nMsiLockPermissionsEx\tMsiLockPermissionsEx\r\n" +
		"machine\tMACHINEDIR\tCreateFolder\t" + machineDirectory + "\t\r\n",
	"Environment": "Environment\tName\tValue\tComponent_\r\ns72\tl255\tL255\ts72\r\nEnvironment\tEnvironment\r\n" +
		"path\t=-*PATH\t[~];[INSTALLDIR]\tPrograms\r\n",
}

// Attributes of a component (msidbComponentAttributes…): the machine's rules stay when the
// program goes, and are never replaced.
const (
	permanent      = 16
	neverOverwrite = 128
	bits64         = 256
)

var changes = []string{
	fmt.Sprintf("UPDATE `Component` SET `Attributes`=%d WHERE `Component`='Machine'", permanent|neverOverwrite|bits64),
	"INSERT INTO `InstallExecuteSequence` (`Action`,`Condition`,`Sequence`) VALUES ('RemoveEnvironmentStrings','',3300)",
	"INSERT INTO `InstallExecuteSequence` (`Action`,`Condition`,`Sequence`) VALUES ('WriteEnvironmentStrings','',5200)",
}

func (r *release) msis() error {
	for arch, template := range map[string]string{"amd64": "x64;1033", "arm64": "Arm64;1033"} {
		if err := r.msi(target{os: "windows", arch: arch}, template); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) msi(t target, template string) error {
	built, err := r.programsFor(t)
	if err != nil {
		return err
	}
	dir := filepath.Join(r.work, "msi", t.arch) // a copy: files in it get the time of the commit
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(built)); err != nil {
		return err
	}
	policy, err := os.ReadFile("packaging/policy.toml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.toml"), policy, 0o644); err != nil {
		return err
	}
	if err := r.evenOut(dir); err != nil {
		return err
	}
	file := filepath.Join(r.out, "keybroker_"+r.version.plain()+"_"+t.String()+".msi")
	began := time.Now()
	if err := r.wixl(t, dir, file, template); err != nil {
		return err
	}
	return r.setTimes(file, began)
}

func (r *release) wixl(t target, dir, file, template string) error {
	product, pack := r.guid("product", t), r.guid("package", t)
	source, err := filepath.Abs("packaging/windows/keybroker.wxs")
	if err != nil {
		return err
	}
	wixl := exec.Command("wixl", "--arch", "x64", "--output", file, // it knows no arm64: the template names it
		"-D", "Version="+r.version.core, "-D", "ProductCode="+product, "-D", "PackageCode="+pack, "-D", "Programs=.", "-D", "Policy=policy.toml", source)
	wixl.Dir = dir // it takes no absolute paths of files
	if err := quiet(wixl); err != nil {
		return err
	}
	for name, rows := range tables {
		idt := filepath.Join(r.work, name+".idt")
		if err := os.WriteFile(idt, []byte(rows), 0o644); err != nil {
			return err
		}
	}
	return quiet(exec.Command("msibuild", file,
		"-i", filepath.Join(r.work, "MsiLockPermissionsEx.idt"), "-i", filepath.Join(r.work, "Environment.idt"),
		"-q", changes[0], "-q", changes[1], "-q", changes[2],
		"-s", "keybroker "+r.version.plain(), "The keybroker developers", template, "{"+pack+"}"))
}

// guid is made from what it is for, so that it is the same in each build of a version.
func (r *release) guid(use string, t target) string {
	sum := sha256.Sum256([]byte("keybroker " + use + " " + r.version.text + " " + r.commit + " " + t.String()))
	sum[6] = sum[6]&0x0f | 0x80 // RFC 9562, version 8
	sum[8] = sum[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}

// A FILETIME counts 100 ns from 1601 on.
const (
	fileTimeType  = "\x40\x00\x00\x00" // VT_FILETIME (MS-OLEPS 2.15)
	unixFileTime  = 116444736000000000
	perSecond     = 10000000
	timesOfOneMSI = 2 // created, last saved
)

// setTimes puts the time of the commit where msitools has written the time of the build.
func (r *release) setTimes(file string, began time.Time) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fileTime := func(t time.Time) uint64 { return uint64(t.Unix())*perSecond + unixFileTime }
	first, last := fileTime(began.Add(-time.Second)), fileTime(time.Now().Add(time.Second))
	found := 0
	for at := 0; ; {
		next := bytes.Index(data[at:], []byte(fileTimeType))
		if next < 0 || at+next+12 > len(data) {
			break
		}
		at += next + len(fileTimeType)
		if value := binary.LittleEndian.Uint64(data[at:]); value >= first && value <= last {
			binary.LittleEndian.PutUint64(data[at:], fileTime(r.version.time))
			found++
		}
	}
	if found != timesOfOneMSI {
		return fmt.Errorf("%s has %d times of its making, not %d", filepath.Base(file), found, timesOfOneMSI)
	}
	return os.WriteFile(file, data, 0o644)
}
