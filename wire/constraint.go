package wire

import (
	"encoding/binary"
	"fmt"
)

// ConstraintType is RFC 9987 section 8.2, "Constraint Identifiers".
type ConstraintType byte

// The constraint types. 3 had another meaning once and is refused.
const (
	ConstrainLifetime  ConstraintType = 1
	ConstrainConfirm   ConstraintType = 2
	ConstrainExtension ConstraintType = 255
)

// Names of the constraint extensions that OpenSSH's clients send (PROTOCOL.agent).
const (
	ExtRestrictDestination = "restrict-destination-v00@openssh.com"
	ExtAssociatedCerts     = "associated-certs-v00@openssh.com"
	ExtSKProvider          = "sk-provider@openssh.com"
)

// Constraint limits the use of a key that is added.
type Constraint struct {
	Type     ConstraintType
	Lifetime uint32 // ConstrainLifetime: seconds, at least 1
	Name     string // ConstrainExtension
	Contents []byte // ConstrainExtension: the fields as sent; Name says which
}

// parseConstraints reads the constraints to the end of the message. An unknown,
// repeated or empty constraint is an error: a key must never have weaker limits than
// its owner asked for. Besides, an unknown extension has no known end.
func parseConstraints(c *cursor) ([]Constraint, error) {
	var list []Constraint
	for len(c.rest) > 0 && !c.bad {
		next, err := parseConstraint(c)
		if err != nil {
			return nil, err
		}
		for _, before := range list {
			if before.Type == next.Type && before.Name == next.Name {
				return nil, fmt.Errorf("%w: constraint %d %s is repeated", ErrMalformed, next.Type, next.Name)
			}
		}
		if len(list) == MaxConstraints {
			return nil, fmt.Errorf("%w: more than %d constraints", ErrMalformed, MaxConstraints)
		}
		list = append(list, next)
	}
	return list, nil
}

func parseConstraint(c *cursor) (Constraint, error) {
	next := Constraint{Type: ConstraintType(c.uint8())}
	switch next.Type {
	case ConstrainConfirm:
	case ConstrainLifetime:
		if next.Lifetime = c.uint32(); next.Lifetime == 0 && !c.bad {
			return next, fmt.Errorf("%w: lifetime constraint of 0 seconds", ErrMalformed)
		}
	case ConstrainExtension:
		next.Name = c.string()
		start := c.rest
		switch next.Name {
		case ExtRestrictDestination, ExtSKProvider:
			c.bytes()
		case ExtAssociatedCerts:
			c.boolean() // certificates only
			c.bytes()
		default:
			return next, fmt.Errorf("%w: constraint extension %.64q is not known", ErrMalformed, next.Name)
		}
		next.Contents = start[:len(start)-len(c.rest)]
	default:
		return next, fmt.Errorf("%w: constraint type %d is not known", ErrMalformed, next.Type)
	}
	if c.bad {
		return next, fmt.Errorf("%w: truncated constraint", ErrMalformed)
	}
	return next, nil
}

func appendConstraints(b []byte, list []Constraint) []byte {
	for _, c := range list {
		b = append(b, byte(c.Type))
		switch c.Type {
		case ConstrainLifetime:
			b = binary.BigEndian.AppendUint32(b, c.Lifetime)
		case ConstrainExtension:
			b = append(appendBytes(b, c.Name), c.Contents...)
		}
	}
	return b
}
