package platform

import (
	"os"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

// TestOnlyRootChanges judges access lists that are made here: wine gives every
// file to the user who runs it.
func TestOnlyRootChanges(t *testing.T) {
	const user = "S-1-5-21-1-2-3-1001"
	for _, c := range []struct {
		sddl      string
		file, dir string // why it is refused as a file, and as a directory
	}{
		// what an administrator makes below %ProgramData% gets
		{"O:BAD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", "", ""},
		{"O:BAD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIIOID;GA;;;CO)(A;OICIID;0x1200a9;;;BU)(A;CIID;0x116;;;BU)", "S-1-5-32-545 may change it", ""},
		{"O:SYD:P(A;;FA;;;SY)", "", ""},
		{"O:" + trustedInstaller + "D:P(A;;FA;;;" + trustedInstaller + ")(A;;FR;;;WD)", "", ""},
		{"O:BAD:P(D;;FA;;;WD)(A;;FA;;;BA)(A;;0x1301bf;;;OW)", "", ""},
		{"O:" + user + "D:P(A;;FR;;;WD)", user + " owns it", user + " owns it"},
		{"O:BAD:P(A;;FA;;;BA)(A;;FA;;;" + user + ")", user + " may change it", user + " may change it"},
		{"O:BAD:P(A;;FR;;;WD)(A;;WD;;;WD)", "S-1-1-0 may change it", "S-1-1-0 may change it"}, // its access list
		{"O:BAD:P(A;;WO;;;BU)", "S-1-5-32-545 may change it", "S-1-5-32-545 may change it"},
		{"O:BAD:P(A;;SD;;;BU)", "S-1-5-32-545 may change it", "S-1-5-32-545 may change it"},
		{"O:BAD:P(A;;0x2;;;AU)", "S-1-5-11 may change it", ""},
		{"O:BAD:P(A;;GW;;;AU)", "S-1-5-11 may change it", ""},
		{"O:BAD:P(A;;0x40;;;AU)", "S-1-5-11 may change it", "S-1-5-11 may change it"},
		{"O:BA", "no access list", "no access list"},
		{"D:P(A;;FA;;;BA)", "owner is not known", "owner is not known"},
	} {
		descriptor, err := windows.SecurityDescriptorFromString(c.sddl)
		if err != nil {
			t.Errorf("%s: %v", c.sddl, err)
			continue
		}
		expect := func(kind string, changes windows.ACCESS_MASK, cause string) {
			err := onlyRootChanges(descriptor, changes)
			if (err == nil) != (cause == "") || err != nil && !strings.Contains(err.Error(), cause) {
				t.Errorf("%s as a %s: %v; want %q", c.sddl, kind, err, cause)
			}
		}
		expect("file", changesFile, c.file)
		expect("directory", changesDirectory, c.dir)
	}
}

// TestListThatIsNull: such a one lets everybody do everything.
func TestListThatIsNull(t *testing.T) {
	descriptor, err := windows.NewSecurityDescriptor()
	if err != nil {
		t.Fatal(err)
	}
	root, err := windows.StringToSid(administrators)
	if err == nil {
		err = descriptor.SetOwner(root, false)
	}
	if err == nil {
		err = descriptor.SetDACL(nil, true, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := onlyRootChanges(descriptor, changesFile); err == nil || !strings.Contains(err.Error(), "no access list") {
		t.Error(err)
	}
}

func TestOwnedByTheUserIsNotOwnedByRoot(t *testing.T) {
	file, err := os.CreateTemp("", "policy.*.toml")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name()) // wine 8 cannot remove the files of a t.TempDir
	defer file.Close()
	if err := OwnedByRoot(file); err == nil || !strings.Contains(err.Error(), currentUser()+" owns it") || !strings.HasPrefix(problem.Remedy(err), "as administrator: ") {
		t.Error(err)
	}
}
