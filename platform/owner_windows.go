package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

// trustedInstaller is the service that owns the system's own files.
const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// rootAccounts stand for what root is elsewhere.
var rootAccounts = []string{administrator, administrators, trustedInstaller}

// ownerRights (OWNER RIGHTS) stands for the owner, which is checked separately.
const ownerRights = "S-1-3-4"

// What changes a file, or takes its place. A program may add files to the
// directory (Windows lets every user, below %ProgramData%), but not remove ours.
const (
	changesDirectory = windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_ALL | fileDeleteChild
	changesFile      = changesDirectory | windows.GENERIC_WRITE | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA
	fileDeleteChild  = 0x40 // FILE_DELETE_CHILD (winnt.h)
)

// Types of entries in an access list (winnt.h) that x/sys has no names for. All
// four that are known here have the shape of ACCESS_ALLOWED_ACE.
const (
	allowedCallbackACE = 9
	deniedCallbackACE  = 10
)

// OwnedByRoot returns an error, with the remedy on its next line, unless the
// system or its administrators own the opened file and its directory, and
// nobody else can change or replace it.
func OwnedByRoot(file *os.File) error {
	if err := ownedByRoot(file, changesFile); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file.Name()))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := ownedByRoot(dir, changesDirectory); err != nil {
		return fmt.Errorf("its directory: %w", err)
	}
	return nil
}

func ownedByRoot(file *os.File, changes windows.ACCESS_MASK) error {
	descriptor, err := windows.GetSecurityInfo(windows.Handle(file.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("its owner is not known: %w", err)
	}
	if err := onlyRootChanges(descriptor, changes); err != nil {
		return problem.With(err, "as administrator: takeown /a /f \"%[1]s\" and icacls \"%[1]s\" /inheritance:r /grant *%[2]s:F *%[3]s:F *S-1-5-32-545:RX",
			file.Name(), administrators, administrator)
	}
	return nil
}

// onlyRootChanges checks an owner and an access list. An unknown entry counts as
// somebody's right to change the file.
func onlyRootChanges(descriptor *windows.SECURITY_DESCRIPTOR, changes windows.ACCESS_MASK) error {
	owner, _, err := descriptor.Owner()
	if err != nil || owner == nil {
		return errors.New("its owner is not known")
	}
	if !slices.Contains(rootAccounts, owner.String()) {
		return fmt.Errorf("%s owns it, not the administrators", owner)
	}
	list, _, err := descriptor.DACL()
	if err != nil || list == nil {
		return errors.New("it has no access list, so that everybody may change it")
	}
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return fmt.Errorf("its access list cannot be read: %w", err)
		}
		if err := judge(entry, changes); err != nil {
			return err
		}
	}
	return nil
}

func judge(entry *windows.ACCESS_ALLOWED_ACE, changes windows.ACCESS_MASK) error {
	if entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 { // for files that are made in it
		return nil
	}
	switch entry.Header.AceType {
	case windows.ACCESS_DENIED_ACE_TYPE, deniedCallbackACE:
		return nil
	case windows.ACCESS_ALLOWED_ACE_TYPE, allowedCallbackACE:
	default:
		return fmt.Errorf("its access list has an entry of the unknown type %d", entry.Header.AceType)
	}
	who := (*windows.SID)(unsafe.Pointer(&entry.SidStart)).String()
	if entry.Mask&changes != 0 && who != ownerRights && !slices.Contains(rootAccounts, who) {
		return fmt.Errorf("%s may change it", who)
	}
	return nil
}

// OnlyRootCanWrite always fails here, because OwnedByRoot checks only the nearest
// directory.
func OnlyRootCanWrite(string) error { return errors.New("who may write it is not known here") }

// OwnersDirectory returns an error, with the remedy, when somebody other than the system or
// its administrators owns dir, or can take a file out of it. A directory that is missing
// is nobody's: every user may make it first, to keep the owner's file out of it.
func OwnersDirectory(dir string) error {
	opened, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer opened.Close()
	if err := ownedByRoot(opened, changesDirectory); err != nil {
		return fmt.Errorf("the directory %s: %w", dir, err)
	}
	return nil
}

// OwnedByMe is false: modes do not say here who may what.
func OwnedByMe(fs.FileInfo) bool { return false }
