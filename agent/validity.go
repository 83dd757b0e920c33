package agent

import "github.com/keybroker/keybroker/keys"

// mayUseCertificate returns why a certificate is not valid now; nil if it is valid or
// the key is not a certificate. No server would accept it, and each key that is
// offered costs one of the tries that the server allows.
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
