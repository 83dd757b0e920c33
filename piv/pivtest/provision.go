package pivtest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"time"
)

// Policy says how a key may be used; 0 is the slot's default.
type Policy struct{ PIN, Touch byte }

// Certificate says what a slot's certificate shall be.
type Certificate struct {
	Subject     string   // common name; "": one that names the slot
	ExtKeyUsage []string // dotted OIDs; none: the slot's usual
	NotAfter    time.Time
	// How it is stored; none: as the character does. NetID is zlib after a header
	// of 01 00 and the length, under tags with three bytes of length.
	Plain, Gzip, Zlib, NetID bool
}

// Provision generates a key in a slot and puts a certificate for it beside it,
// as if the card's issuer had done so.
func (c *Card) Provision(slot, alg byte, p Policy) (crypto.PublicKey, error) {
	private, err := generateKey(alg)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.setKey(slot, private, p, originGenerated); err != nil {
		return nil, err
	}
	return private.Public(), c.certify(slot, Certificate{})
}

// SetKey puts a private key in a slot, as imported.
func (c *Card) SetKey(slot byte, private crypto.Signer, p Policy) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.setKey(slot, private, p, originImported); err != nil {
		return err
	}
	return c.save()
}

// Certify puts a certificate for a slot's key on the card, signed by the
// card's own made-up authority.
func (c *Card) Certify(slot byte, want Certificate) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.certify(slot, want)
}

func (c *Card) certify(slot byte, want Certificate) error {
	k := c.state.Slots[slot]
	if k == nil {
		return fmt.Errorf("pivtest: slot %x has no key", slot)
	}
	issuer, issuerKey, err := c.issuer()
	if err != nil {
		return err
	}
	t, err := c.slotCertificate(slot, want)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, k.private.Public(), issuerKey)
	if err != nil {
		return err
	}
	if !want.Plain && !want.Zlib && !want.NetID {
		want.Gzip = want.Gzip || c.character.Gzip
	}
	c.state.Objects.put(certificateObject(slot), certificateContent(der, want))
	return c.save()
}

// issuer is the authority that signs this card's certificates, made at first use.
func (c *Card) issuer() (*x509.Certificate, crypto.Signer, error) {
	if c.state.IssuerKey == nil {
		if err := c.makeIssuer(); err != nil {
			return nil, nil, err
		}
	}
	key, err := parseKey(c.state.IssuerKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(c.state.IssuerDER)
	return cert, key, err
}

func (c *Card) makeIssuer() error {
	key, err := generateKey(AlgP256)
	if err != nil {
		return err
	}
	t := authority("Virtual PIV Issuing CA", 0)
	t.Subject = pkix.Name{Country: []string{"US"}, Organization: []string{"U.S. Nobody"}, CommonName: t.Subject.CommonName}
	if c.state.IssuerDER, err = x509.CreateCertificate(rand.Reader, t, t, key.Public(), key); err != nil {
		return err
	}
	c.state.IssuerKey, err = x509.MarshalPKCS8PrivateKey(key)
	return err
}

// PublicKey is the public key of a slot; nil: the slot is empty.
func (c *Card) PublicKey(slot byte) crypto.PublicKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.state.Slots[slot]; k != nil {
		return k.private.Public()
	}
	return nil
}

// Serial is a YubiKey's serial number.
func (c *Card) Serial() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Serial
}

// SetObject puts a data object on the card: content is what goes inside the
// tag 53. Empty: the object goes away.
func (c *Card) SetObject(tag uint32, content []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Objects.put(tag, content)
	return c.save()
}

// Object is the content of a data object; nil: there is none.
func (c *Card) Object(tag uint32) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.state.Objects.get(tag)...)
}

// Impersonate makes the card look like another one of its character: numbers,
// certificates and keys. Only the card authentication key stays its own, as an
// impostor cannot have that.
func (c *Card) Impersonate(other *Card) error {
	other.mu.Lock()
	objects, slots, serial := maps.Clone(other.state.Objects), maps.Clone(other.state.Slots), other.state.Serial
	other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.state.Slots[slotCardAuthentication]
	c.state.Objects, c.state.Slots, c.state.Serial = objects, slots, serial
	delete(c.state.Slots, slotCardAuthentication)
	if own != nil {
		c.state.Slots[slotCardAuthentication] = own
	}
	return c.save()
}

const slotCardAuthentication = 0x9e
