package agent

import (
	"errors"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

// handle answers one message. Every failure is answered with the same failure byte;
// its reason is already in the audit log.
func (s *session) handle(message []byte) wire.Reply {
	defer s.forgetNames()
	op := operationOf(message)
	request, err := wire.ParseRequest(message)
	if err != nil {
		return s.refuse(s.newUse(op), notParsed(err))
	}
	if s.server.lock.locked() {
		return s.handleLocked(op, request)
	}
	switch r := request.(type) {
	case wire.RequestIdentities:
		return s.list()
	case wire.SignRequest:
		return s.sign(r)
	case wire.AddIdentity:
		return s.add(r)
	case wire.RemoveIdentity:
		return s.remove(r)
	case wire.RemoveAllIdentities:
		return s.removeAll()
	case wire.AddSmartcardKey:
		return s.addToken(r)
	case wire.RemoveSmartcardKey:
		return s.removeToken(r)
	case wire.Lock:
		return s.lockAgent(r)
	case wire.Unlock:
		return s.unlockAgent(r)
	case wire.Extension:
		return s.extension(r)
	default: // wire.Unknown
		return wire.Failure
	}
}

// notParsed tells an unknown type of key from a malformed request.
func notParsed(err error) refusal {
	why := refused(err, "the program sent something that RFC 9987 does not allow; report it to the authors of that program")
	if unknown := (publickey.UnknownType{}); errors.As(err, &unknown) {
		why.remedy = "use a key of another type, or a newer keybroker"
	}
	return why
}

// handleLocked is handle while the agent is locked (RFC 9987 section 5.7). Sessions
// are still bound: otherwise a forwarded connection would look local after unlocking.
func (s *session) handleLocked(op keys.Op, request wire.Request) wire.Reply {
	switch r := request.(type) {
	case wire.RequestIdentities:
		return wire.IdentitiesAnswer{}
	case wire.Unlock:
		return s.unlockAgent(r)
	case wire.Extension:
		if r.Name == wire.ExtSessionBind {
			return s.bind(r.Contents)
		}
	}
	return s.refuse(s.newUse(op), errLocked)
}

var errLocked = refusal{reason: "the agent is locked", remedy: "unlock it: ssh-add -X, or keybroker unlock"}

// extension answers RFC 9987 section 5.8: 5 for an unknown extension, 28 for a
// known one that could not be done.
func (s *session) extension(r wire.Extension) wire.Reply {
	switch r.Name {
	case wire.ExtSessionBind:
		return s.bind(r.Contents)
	case wire.ExtQuery:
		return wire.QueryResponse(wire.ExtSessionBind)
	default:
		return wire.Failure
	}
}

// operationOf names the operation of a message, even if the message does not parse.
func operationOf(message []byte) keys.Op {
	switch wire.Number(message[0]) {
	case wire.NumSignRequest:
		return keys.OpSign
	case wire.NumRequestIdentities:
		return keys.OpList
	case wire.NumAddIdentity, wire.NumAddIDConstrained, wire.NumAddSmartcardKey, wire.NumAddSmartcardKeyConstrained:
		return keys.OpAdd
	case wire.NumRemoveIdentity, wire.NumRemoveSmartcardKey:
		return keys.OpRemove
	case wire.NumRemoveAllIdentities:
		return keys.OpRemoveAll
	case wire.NumLock:
		return keys.OpLock
	case wire.NumUnlock:
		return keys.OpUnlock
	default:
		return keys.OpOther
	}
}
