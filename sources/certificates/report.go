package certificates

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
)

// All describes every file: the listed certificates, and under the file's name
// the unused files, whose State says why. A file that is not a certificate has no
// PublicKey.
func (s *Source) All() []keys.Info {
	var infos []keys.Info
	for _, f := range s.current().files {
		info, ok := s.info(f)
		if !ok {
			info = f.unused()
		}
		infos = append(infos, info)
	}
	return infos
}

func (f *file) unused() keys.Info {
	info := keys.Info{State: "not used: " + f.problem}
	if f.certificate != nil {
		cert, _ := publickey.CertificateOf(f.certificate)
		info = keys.NewInfo(f.certificate, cert.KeyId)
		info.State = "not used: its key is not here"
	}
	info.Name, info.Source = filepath.Base(f.path), sourceName
	return info
}

// Problems returns the unused files that need the person's attention, each with
// its remedy.
func (s *Source) Problems() []error {
	var list []error
	l := s.current()
	if l.problem != "" {
		list = append(list, problem.With(fmt.Errorf("%s", l.problem), "look there, and remove what is not needed"))
	}
	for _, f := range l.files {
		info, ok := s.info(f)
		switch {
		case f.certificate == nil:
			list = append(list, problem.With(fmt.Errorf("the certificate %s is not used: %s", f.path, f.problem), "%s", cmp.Or(f.remedy, "replace it, or remove it")))
		case ok && !s.valid(info):
			list = append(list, problem.With(fmt.Errorf("the certificate %s is not used: %s", f.path, info.State), "renew it: replace the file with the new certificate"))
		}
	}
	return list
}
