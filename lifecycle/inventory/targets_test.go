package inventory

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const ansibleYAMLFile = `
all:
  vars: {ansible_user: deploy}
  hosts:
    lone.example.com:
  children:
    web:
      vars: {ansible_port: 2222}
      hosts:
        web[01:03].example.com:
    db:
      hosts:
        db1: {ansible_host: 10.0.0.7, ansible_user: root}
`

const ansibleINIFile = `lone.example.com
[web]
web[01:03].example.com
[db]
db1 ansible_host=10.0.0.7 ansible_user="root"   # the old one
[all:vars]
ansible_user=deploy
[web:vars]
ansible_port = 2222
[shop:children]
web
db
`

func TestReadTargets(t *testing.T) {
	key := " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7b4Gxu1rJyPpAMzLyzKg04p9RYEi4Vhx0w0mYB3sGo\n"
	ansible := []string{"deploy@lone.example.com", "root@10.0.0.7", "ssh://deploy@web01.example.com:2222", "ssh://deploy@web02.example.com:2222", "ssh://deploy@web03.example.com:2222"}
	for name, test := range map[string]struct {
		file, text string
		want       []string
		fault      string
	}{
		"one a line":            {"hosts", "web1\n\n# more\nanna@web2 # hers\nweb1\n", []string{"anna@web2", "web1"}, ""},
		"ansible, INI":          {"inventory.ini", ansibleINIFile, ansible, ""},
		"ansible, YAML":         {"inventory.yml", ansibleYAMLFile, ansible, ""},
		"ansible, JSON":         {"list", `{"_meta":{"hostvars":{"a":{"ansible_port":2200}}},"all":{"children":["web"]},"web":{"hosts":["a","b"]}}`, []string{"b", "ssh://a:2200"}, ""},
		"in two groups":         {"inventory", "[a]\nweb1 ansible_host=10.1.1.1\n[b]\nweb1\n", []string{"10.1.1.1"}, ""},
		"ssh_config":            {"config", "Host web1 web2 !web3 *.example\n  User x\nHost=db\nMatch all\n", []string{"db", "web1", "web2"}, ""},
		"known_hosts":           {"known_hosts", "web1,10.0.0.1" + key + "[web2]:2222" + key + "@revoked bad" + key + "*.example" + key, []string{"ssh://web2:2222", "web1"}, ""},
		"hashed known_hosts":    {"known_hosts", "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=" + key, nil, "all 1 names are hashed"},
		"an option":             {"hosts", "-oProxyCommand=evil\n", nil, "is not the name of a host"},
		"an option of a user":   {"hosts", "anna@-oProxyCommand=evil\n", nil, "is not the name of a host"},
		"an option with a host": {"hosts", "-oProxyCommand=evil@web1\n", nil, "is not the name of a host"},
		"nothing":               {"hosts", "# none\n", nil, "it names no host"},
		"an endless range":      {"hosts", "web[1:99999999]\n", nil, "is not usable"},
		"ranges of ranges":      {"hosts", "web[1:9999][1:9999]\n", nil, "is not usable"},
		"broken YAML":           {"hosts.yml", "a: [", nil, "not an inventory of ansible"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadTargets(writeFile(t, test.file, test.text))
			slices.Sort(got)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) {
					t.Fatalf("%v %v", got, err)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%q %v, not %q", got, err, test.want)
			}
		})
	}
}

// ansible itself says which hosts its inventories have.
func TestTargetsAsAnsibleSaysThem(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Skip("no ansible here")
	}
	for name, text := range map[string]string{"inventory.ini": ansibleINIFile, "inventory.yml": ansibleYAMLFile} {
		path := writeFile(t, name, text)
		out, err := exec.Command(program, "-i", path, "--list").Output()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := ReadTargets(writeFile(t, "list.json", string(out)))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := ReadTargets(path)
		slices.Sort(ours)
		slices.Sort(theirs)
		if err != nil || !slices.Equal(ours, theirs) {
			t.Errorf("%s: %q %v, ansible: %q", name, ours, err, theirs)
		}
	}
}

func FuzzTargets(f *testing.F) {
	f.Add(ansibleINIFile)
	f.Add(ansibleYAMLFile)
	f.Add("a: &a [*a]")
	f.Add("[a:children]\na\n")
	f.Fuzz(func(t *testing.T, text string) {
		if list, err := ansibleINI([]byte(text)); err == nil && len(list) > 2*maxTargets {
			t.Errorf("%d hosts", len(list))
		}
		_, _ = ansibleYAML([]byte(text))
		_, _ = knownTargets([]byte(text))
	})
}
