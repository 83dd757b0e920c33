package agent

import (
	"bytes"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

// parseLimits reads constraints, or says why one cannot be kept. other takes
// those of one kind of key; it returns false for what it does not know.
func parseLimits(list []wire.Constraint, other func(wire.Constraint) (known bool, err error)) (keys.Limits, error) {
	var l keys.Limits
	for _, constraint := range list {
		switch {
		case constraint.Type == wire.ConstrainLifetime:
			l.Lifetime = time.Duration(constraint.Lifetime) * time.Second
		case constraint.Type == wire.ConstrainConfirm:
			l.Confirm = true
		case constraint.Name == wire.ExtRestrictDestination:
			var err error
			if l.Destinations, err = destinations(constraint.Contents); err != nil {
				return l, refused(err, "check the hosts' keys: ssh-keygen -F HOST")
			}
		default:
			known, err := other(constraint)
			if err != nil {
				return l, err
			}
			if !known {
				return l, refusal{reason: fmt.Sprintf("the constraint %s cannot be enforced", constraint.Name),
					remedy: "add the key without it, or use a rule in config.toml: keybroker policy show"}
			}
		}
	}
	return l, nil
}

func noOther(wire.Constraint) (bool, error) { return false, nil }

// destinations parses the hosts' keys too: one that cannot be read could never match.
func destinations(contents []byte) ([]keys.DestinationConstraint, error) {
	parsed, err := wire.ParseDestinations(contents)
	if err != nil {
		return nil, err
	}
	list := make([]keys.DestinationConstraint, len(parsed))
	for i, d := range parsed {
		if list[i].From, err = hop(d.From); err != nil {
			return nil, err
		}
		if list[i].To, err = hop(d.To); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func hop(from wire.Hop) (keys.Hop, error) {
	to := keys.Hop{User: from.User, Host: from.Hostname}
	for _, one := range from.Keys {
		// The key that is parsed points into its blob, and the message is wiped.
		key, err := publickey.Parse(bytes.Clone(one.KeyBlob))
		if err != nil {
			return to, fmt.Errorf("destination constraint: a key of %.64q: %w", from.Hostname, err)
		}
		to.Keys = append(to.Keys, keys.HopKey{Key: key, CA: one.CA})
	}
	return to, nil
}
