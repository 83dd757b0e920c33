package inventory

import (
	"maps"
	"slices"

	"github.com/keybroker/keybroker/lifecycle"
)

// servers knows which targets turned out to be one server. Two servers can have one host
// key, if one was copied from the other: only with the same machine-id(5) as well are
// they surely the same.
type servers struct {
	accounts map[serverAccount]bool
	names    map[string]map[string][]string // host key -> machine-id -> names
}

type serverAccount struct{ key, machine, account string }

func newServers() *servers {
	return &servers{map[serverAccount]bool{}, map[string]map[string][]string{}}
}

// fresh returns the part of a result that was not met under another name.
func (s *servers) fresh(result HostResult) lifecycle.Inventory {
	found := result.Found
	if len(found.Hosts) == 0 || found.Hosts[0].Key == "" {
		return found
	}
	host := found.Hosts[0]
	s.name(host, result.Machine)
	if result.Machine == "" {
		return found
	}
	whole := serverAccount{host.Key, result.Machine, ""}
	this := serverAccount{host.Key, result.Machine, result.Account}
	seenServer, seenAccount := s.accounts[whole], s.accounts[this]
	s.accounts[whole], s.accounts[this] = true, true
	switch {
	case seenAccount:
		return lifecycle.Inventory{Hosts: found.Hosts}
	case seenServer: // its log and configuration are known
		found.Sightings, found.Watches = nil, nil
		found.Findings = slices.DeleteFunc(found.Findings, func(f lifecycle.Finding) bool { return f.Account == "" })
	}
	return found
}

func (s *servers) name(host lifecycle.Host, machine string) {
	if s.names[host.Key] == nil {
		s.names[host.Key] = map[string][]string{}
	}
	if name := host.String(); !slices.Contains(s.names[host.Key][machine], name) {
		s.names[host.Key][machine] = append(s.names[host.Key][machine], name)
	}
}

// findings are row 20: host keys that several servers, or names, have.
func (s *servers) findings() (list []lifecycle.Finding) {
	for _, key := range slices.Sorted(maps.Keys(s.names)) {
		machines := s.names[key]
		var names []string
		for _, some := range machines {
			names = append(names, some...)
		}
		if slices.Sort(names); len(names) < 2 {
			continue
		}
		f := lifecycle.Finding{Kind: "one-host-key", Row: 20, Severity: lifecycle.Info, Host: lifecycle.Host{Key: key, Name: names[0]}}
		f.What = "one host key is behind " + joinNames(firstNames(names)) + ": one server with several names, or a copied key"
		if _, unknown := machines[""]; len(machines) > 1 && !unknown {
			f.Kind, f.Severity = "copied-host-key", lifecycle.Serious
			f.What = "different servers have one host key: " + joinNames(firstNames(names)) + ". Each can take the place of the others"
			f.Remedy = "make new host keys on the copies: rm /etc/ssh/ssh_host_*, then ssh-keygen -A"
		}
		list = append(list, f)
	}
	return list
}

func firstNames(names []string) []string {
	const most = 5
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), "others")
}
