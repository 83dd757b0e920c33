package control

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

// parseFilter reads which records are asked for: since and until (RFC 3339),
// key, host, program, decision, op, id, last.
func parseFilter(query url.Values) (audit.Filter, error) {
	filter := audit.Filter{Key: query.Get("key"), Host: query.Get("host"), Program: query.Get("program"),
		Decision: query.Get("decision"), IDs: query["id"]}
	for _, op := range query["op"] {
		filter.Ops = append(filter.Ops, keys.Op(op))
	}
	var err error
	for name, to := range map[string]*time.Time{"since": &filter.Since, "until": &filter.Until} {
		if text := query.Get(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return filter, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if text := query.Get("last"); text != "" {
		if filter.Last, err = strconv.Atoi(text); err != nil || filter.Last < 0 {
			return filter, fmt.Errorf("last: %q is no number of records", text)
		}
	}
	return filter, nil
}
