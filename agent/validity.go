package agent

import "github.com/keybroker/keybroker/keys"

// mayUseCertificate says why a certificate is of no use now; nil: it is of use, or it
// is none. No server would take it, and each one that is offered costs a try.
func (s *Server) mayUseCertificate(use *keys.Use) error {
	if s.ExpiredCertificates {
		return nil
	}
	why := use.Key.WhyNotValid(use.Time)
	if why == "" {
		return nil
	}
	return refusal{reason: "the certificate is not used: " + why, remedy: "renew it; one in a file: put the new one in its place"}
}
