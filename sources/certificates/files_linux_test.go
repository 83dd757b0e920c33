package certificates

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// Directories that could not be read for want of descriptors are read again, although
// nothing in them has changed.
func TestListingAfterNoDescriptors(t *testing.T) {
	r := newRig(t, "")
	path := filepath.Join(r.sealed, "work-cert.pub")
	r.write(path, r.certify(r.work, same))
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{path, r.sealed, r.dir} {
		if err := os.Chtimes(name, long, long); err != nil {
			t.Fatal(err)
		}
	}
	platformtest.WithoutDescriptors(t, func() {
		if infos := r.certificates.List(); len(infos) != 0 {
			t.Errorf("without descriptors %d are listed", len(infos))
		}
	})
	r.want("work+cert work home")
}
