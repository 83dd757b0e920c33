package wire

import "fmt"

// DestinationConstraint permits the use of a key from one host to another (OpenSSH
// PROTOCOL.agent section 2).
type DestinationConstraint struct{ From, To Hop }

// Hop is one end of a DestinationConstraint. The zero Hop, as From, is the
// machine that the agent runs on.
type Hop struct {
	User     string // To only: a pattern as in ssh_config(5); "": every user
	Hostname string
	Keys     []HopKey
}

// HopKey is a host key, or the key of an authority that signs host certificates.
type HopKey struct {
	KeyBlob []byte
	CA      bool
}

// ParseDestinations reads the contents of the constraint ExtRestrictDestination.
// Without an error the list is not empty.
func ParseDestinations(contents []byte) ([]DestinationConstraint, error) {
	outer := &cursor{rest: contents}
	c := &cursor{rest: outer.bytes(), bad: outer.bad}
	if !outer.atEnd() {
		return nil, destinationError("it is truncated or followed by other data")
	}
	var list []DestinationConstraint
	for len(c.rest) > 0 || c.bad {
		if len(list) == MaxDestinations {
			return nil, destinationError(fmt.Sprintf("there are more than %d", MaxDestinations))
		}
		next, err := parseDestination(c)
		if err != nil {
			return nil, err
		}
		list = append(list, next)
	}
	if len(list) == 0 { // otherwise the key would look unconstrained
		return nil, destinationError("it permits nothing")
	}
	return list, nil
}

// parseDestination reads string { string from, string to, string reserved }.
func parseDestination(outer *cursor) (DestinationConstraint, error) {
	c := &cursor{rest: outer.bytes(), bad: outer.bad}
	from, to, reserved := c.bytes(), c.bytes(), c.bytes()
	if !c.atEnd() {
		return DestinationConstraint{}, destinationError("it is truncated or followed by other data")
	}
	var d DestinationConstraint
	var err error
	if d.From, err = parseHop(from); err == nil {
		d.To, err = parseHop(to)
	}
	switch {
	case err != nil:
		return d, err
	case len(reserved) > 0:
		return d, destinationError("it has unknown extensions")
	case d.From.User != "" || (d.From.Hostname == "") != (len(d.From.Keys) == 0):
		return d, destinationError("its source is not a host with its keys")
	case d.To.Hostname == "" || len(d.To.Keys) == 0:
		return d, destinationError("its destination is not a host with its keys")
	}
	return d, nil
}

func parseHop(b []byte) (Hop, error) {
	c := &cursor{rest: b}
	hop := Hop{User: c.string(), Hostname: c.string()}
	switch reserved := c.bytes(); {
	case len(reserved) > 0:
		return hop, destinationError("a host has unknown extensions")
	case len(hop.User) > MaxUserPattern:
		return hop, destinationError(fmt.Sprintf("the user pattern has more than %d bytes", MaxUserPattern))
	}
	for len(c.rest) > 0 && !c.bad {
		hop.Keys = append(hop.Keys, HopKey{c.bytes(), c.boolean()})
	}
	if c.bad {
		return hop, destinationError("a host is truncated")
	}
	return hop, nil
}

func destinationError(why string) error {
	return fmt.Errorf("destination constraint: %w: %s", ErrMalformed, why)
}
