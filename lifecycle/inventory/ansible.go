package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The inventories of ansible: what ssh needs of them. A host's own variables count
// before those of its groups.

const (
	varHost = "ansible_host"
	varUser = "ansible_user"
	varPort = "ansible_port"
)

// variables are those of a host or a group.
type variables map[string]string

// of is the host's target. Its name in the inventory is left out if ansible logs in by
// another, because ssh knows only that.
func (v variables) of(name string) string {
	if host := v[varHost]; host != "" {
		name = host
	}
	port, _ := strconv.Atoi(v[varPort])
	return target(v[varUser], name, port)
}

var section = regexp.MustCompile(`^\[([^\]:\s]+)(?::(\w+))?\]$`)

// ansibleHosts are hosts with their variables, in the order of their first mention.
type ansibleHosts struct {
	names      []string
	group, own map[string]variables
}

// add notes a host; a host in several groups has the variables of all.
func (h *ansibleHosts) add(name string, group, own variables) {
	if h.group == nil {
		h.group, h.own = map[string]variables{}, map[string]variables{}
	}
	if h.group[name] == nil {
		h.group[name], h.own[name] = variables{}, variables{}
		h.names = append(h.names, name)
	}
	maps.Copy(h.group[name], group)
	maps.Copy(h.own[name], own)
}

func (h *ansibleHosts) targets() []string {
	var targets []string
	for _, name := range h.names {
		all := maps.Clone(h.group[name])
		maps.Copy(all, h.own[name])
		targets = append(targets, all.of(name))
	}
	return targets
}

// ansibleINI reads the INI style. A plain list of names, one a line, is one.
func ansibleINI(content []byte) ([]string, error) {
	var r iniReader
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if err := r.line(uncomment(string(line))); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	var hosts ansibleHosts
	for _, h := range r.hosts {
		all := variables{}
		for _, name := range append([]string{"all"}, ancestors(h.group, r.parents, 0)...) {
			maps.Copy(all, r.vars[name])
		}
		hosts.add(h.name, all, h.own)
	}
	return hosts.targets(), nil
}

type iniReader struct {
	group, kind string // of the section
	hosts       []iniHost
	vars        map[string]variables // of groups
	parents     map[string][]string
}

type iniHost struct {
	name, group string
	own         variables
}

func (r *iniReader) line(text string) error {
	if text == "" {
		return nil
	}
	if match := section.FindStringSubmatch(text); match != nil {
		r.group, r.kind = match[1], match[2]
		return nil
	}
	switch r.kind {
	case "vars":
		if r.vars == nil {
			r.vars = map[string]variables{}
		}
		if r.vars[r.group] == nil {
			r.vars[r.group] = variables{}
		}
		r.vars[r.group].set(text)
	case "children":
		if r.parents == nil {
			r.parents = map[string][]string{}
		}
		r.parents[text] = append(r.parents[text], r.group)
	default:
		return r.host(text)
	}
	return nil
}

func (r *iniReader) host(text string) error {
	words := iniWords(text)
	names, err := expandRange(words[0])
	if err != nil {
		return err
	}
	own := variables{}
	for _, word := range words[1:] {
		own.set(word)
	}
	for _, name := range names {
		r.hosts = append(r.hosts, iniHost{name, r.group, own})
	}
	if len(r.hosts) > maxTargets {
		return fmt.Errorf("there are more than %d hosts", maxTargets)
	}
	return nil
}

// set notes NAME=VALUE.
func (v variables) set(text string) {
	if name, value, found := strings.Cut(text, "="); found {
		v[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
}

// maxGroups bounds how deep groups may hold others.
const maxGroups = 32

// ancestors are the groups of a group, itself last.
func ancestors(group string, parents map[string][]string, depth int) []string {
	if depth > maxGroups {
		return nil
	}
	var list []string
	for _, parent := range parents[group] {
		list = append(list, ancestors(parent, parents, depth+1)...)
	}
	return append(list, group)
}

// uncomment removes a comment and the blanks around a line.
func uncomment(line string) string {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
		return ""
	}
	if at := strings.Index(line, " #"); at >= 0 {
		line = line[:at]
	}
	return strings.TrimSpace(line)
}

// iniWords splits a line at blanks outside of quotes.
func iniWords(line string) []string {
	var quote rune
	return strings.FieldsFunc(line, func(r rune) bool {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			return false
		case r == '"' || r == '\'':
			quote = r
			return false
		}
		return r == ' ' || r == '\t'
	})
}

var hostRange = regexp.MustCompile(`\[([0-9]+|[a-z]):([0-9]+|[a-z])(?::([0-9]+))?\]`)

// expandRange expands web[01:50] and db-[a:f], as ansible does.
func expandRange(name string) ([]string, error) {
	at := hostRange.FindStringSubmatchIndex(name)
	if at == nil {
		return []string{name}, nil
	}
	from, to, step := name[at[2]:at[3]], name[at[4]:at[5]], 1
	if at[6] >= 0 {
		step, _ = strconv.Atoi(name[at[6]:at[7]])
	}
	tails, err := expandRange(name[at[1]:])
	if err != nil {
		return nil, err
	}
	first, last, write := rangeOf(from, to)
	if step < 1 || last < first || (last-first)/step*len(tails) > maxTargets {
		return nil, fmt.Errorf("the range %s is not usable", name[at[0]:at[1]])
	}
	var names []string
	for i := first; i <= last; i += step {
		for _, tail := range tails {
			names = append(names, name[:at[0]]+write(i)+tail)
		}
	}
	return names, nil
}

// rangeOf returns the bounds of a range of numbers or letters, and how to write one.
func rangeOf(from, to string) (first, last int, write func(int) string) {
	first, errFrom := strconv.Atoi(from)
	last, errTo := strconv.Atoi(to)
	if errFrom == nil && errTo == nil {
		return first, last, func(i int) string { return fmt.Sprintf("%0*d", len(from), i) }
	}
	if errFrom == nil || errTo == nil {
		return 0, -1, nil
	}
	return int(from[0]), int(to[0]), func(i int) string { return string(rune(i)) }
}

// yamlGroup is a group in the YAML style, and in the JSON of ansible-inventory --list.
type yamlGroup struct {
	Hosts    yaml.Node            `yaml:"hosts"`
	Vars     map[string]yaml.Node `yaml:"vars"`
	Children yaml.Node            `yaml:"children"`
}

// ansibleYAML reads the YAML style and that JSON.
func ansibleYAML(content []byte) ([]string, error) {
	var top map[string]yaml.Node
	if err := yaml.Unmarshal(content, &top); err != nil {
		return nil, errors.New("it is not an inventory of ansible in YAML or JSON")
	}
	r := yamlReader{meta: hostVars(top["_meta"])}
	for _, name := range slices.Sorted(maps.Keys(top)) {
		var group yamlGroup
		if node := top[name]; name != "_meta" && node.Decode(&group) == nil {
			r.group(group, variables{}, 0)
		}
	}
	return r.hosts.targets(), nil
}

type yamlReader struct {
	meta  map[string]variables // of hosts, in the JSON
	hosts ansibleHosts
}

func (r *yamlReader) group(group yamlGroup, inherited variables, depth int) {
	if depth > maxGroups || len(r.hosts.names) > maxTargets {
		return
	}
	all := maps.Clone(inherited)
	maps.Copy(all, scalars(group.Vars))
	r.groupHosts(group.Hosts, all)
	var children map[string]yamlGroup
	if group.Children.Kind == yaml.MappingNode && group.Children.Decode(&children) == nil {
		for _, name := range slices.Sorted(maps.Keys(children)) {
			r.group(children[name], all, depth+1)
		}
	}
}

// groupHosts reads a mapping (YAML) or a list (JSON) of hosts.
func (r *yamlReader) groupHosts(hosts yaml.Node, group variables) {
	var list []string
	if hosts.Kind == yaml.SequenceNode && hosts.Decode(&list) == nil {
		for _, name := range list {
			r.hosts.add(name, group, r.meta[name])
		}
	}
	var mapping map[string]map[string]yaml.Node
	if hosts.Kind != yaml.MappingNode || hosts.Decode(&mapping) != nil {
		return
	}
	for _, pattern := range slices.Sorted(maps.Keys(mapping)) {
		names, err := expandRange(pattern)
		if err != nil {
			continue
		}
		for _, name := range names {
			r.hosts.add(name, group, scalars(mapping[pattern]))
		}
	}
}

func hostVars(meta yaml.Node) map[string]variables {
	var decoded struct {
		Hosts map[string]map[string]yaml.Node `yaml:"hostvars"`
	}
	_ = meta.Decode(&decoded)
	all := map[string]variables{}
	for name, vars := range decoded.Hosts {
		all[name] = scalars(vars)
	}
	return all
}

func scalars(nodes map[string]yaml.Node) variables {
	all := variables{}
	for name, node := range nodes {
		if node.Kind == yaml.ScalarNode {
			all[name] = node.Value
		}
	}
	return all
}
