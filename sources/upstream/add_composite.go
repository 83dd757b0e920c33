package upstream

import (
	"errors"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

// handOver sends the key. The other agent answers only yes or no. x/crypto's
// client does not wipe its copy, which stays in memory until it is collected.
func handOver(conn net.Conn, key keys.Added) error {
	if signer, composite := key.PrivateKey.(*publickey.CompositeSigner); composite {
		return handOverComposite(conn, signer, key)
	}
	cert, _ := key.Certificate.(*ssh.Certificate)
	return sshagent.NewClient(conn).Add(sshagent.AddedKey{
		PrivateKey: key.PrivateKey, Certificate: cert, Comment: key.Comment,
		LifetimeSecs: uint32(key.Lifetime / time.Second), ConfirmBeforeUse: key.Confirm,
	})
}

// handOverComposite sends a kind of key that x/crypto does not know.
func handOverComposite(conn net.Conn, signer *publickey.CompositeSigner, key keys.Added) error {
	seeds := signer.Seeds()
	defer clear(seeds)
	add := wire.AddIdentity{KeyType: signer.PublicKey().Type(), Comment: key.Comment}
	public := signer.Packed()
	if key.Certificate != nil {
		add.KeyType, public = key.Certificate.Type(), key.Certificate.Marshal()
	}
	add.Private = ssh.Marshal(struct{ Public, Seeds []byte }{public, seeds})
	defer clear(add.Private)
	if seconds := uint32(key.Lifetime / time.Second); seconds > 0 {
		add.Constraints = append(add.Constraints, wire.Constraint{Type: wire.ConstrainLifetime, Lifetime: seconds})
	}
	if key.Confirm {
		add.Constraints = append(add.Constraints, wire.Constraint{Type: wire.ConstrainConfirm})
	}
	add.Constrained = len(add.Constraints) > 0
	message := add.Marshal()
	defer clear(message)
	reply, err := exchangeMessage(conn, message)
	if err == nil && reply != wire.Success {
		err = errors.New("failure")
	}
	return err
}
