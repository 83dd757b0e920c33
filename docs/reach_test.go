package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const ourModule = "github.com/keybroker/keybroker"

// programs are those whose dependencies are looked at, with their letters in the table.
var programs = []struct{ letter, path string }{
	{"K", "./cmd/keybroker"}, {"D", "./cmd/keybroker-desktop"}, {"L", "./cmd/keybroker-lifecycle"},
}

// reaches are the columns of the table: what a module could do to a key, and the names of Go's
// library by which it can be told. A name that ends in * is the beginning of others.
var reaches = []struct {
	what  string
	names []string
}{
	{"files", []string{"os.Open*", "os.Create*", "os.Read*", "os.Write*", "os.Remove*", "os.Rename", "os.Mkdir*", "os.Chmod", "os.Chown", "os.Link", "os.Symlink", "os.Truncate", "os.DirFS",
		"os.NewFile", "filepath.Walk*", "filepath.Glob", "ioutil.Read*", "ioutil.Write*", "ioutil.Temp*", "unix.Open*", "unix.Unlink*", "unix.Rename*", "syscall.Open", "syscall.Unlink"}},
	{"network", []string{"net.Dial*", "net.Listen*", "net.File*", "net.Lookup*", "net.Resolve*", "net.Dialer", "net.ListenConfig", "net.Resolver", "http.*", "tls.Dial*", "syscall.Socket*", "syscall.Connect",
		"unix.Socket*", "unix.Connect"}},
	{"programs", []string{"exec.Command*", "os.StartProcess", "syscall.Exec", "syscall.ForkExec", "syscall.StartProcess", "unix.Exec", "plugin.*"}},
	{"memory", []string{"unsafe.*", "syscall.Syscall*", "syscall.RawSyscall*", "unix.Syscall*", "unix.RawSyscall*", "unix.Ptrace*", "syscall.Mmap", "unix.Mmap"}},
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Dir string
	GoFiles         []string
	Standard        bool
	Module          struct{ Path string }
}

// moduleReach is a row: the programs that link the module, and the names that it uses, by column.
type moduleReach struct {
	in    string
	names []map[string]bool
}

// What each dependency can reach is in dependencies.md. A new version that opens files, speaks over the
// network, starts programs or goes round Go's types where the old one did not breaks this test.
func TestReachOfDependencies(t *testing.T) {
	rows := map[string]*moduleReach{}
	for _, program := range programs {
		for _, p := range dependenciesOf(t, program.path) {
			row := rows[p.Module.Path]
			if row == nil {
				row = &moduleReach{names: make([]map[string]bool, len(reaches))}
				for i := range row.names {
					row.names[i] = map[string]bool{}
				}
				rows[p.Module.Path] = row
			}
			if !strings.Contains(row.in, program.letter) {
				row.in += program.letter
			}
			for _, file := range p.GoFiles {
				row.read(t, filepath.Join(p.Dir, file))
			}
		}
	}
	if len(rows) < 10 {
		t.Fatalf("only %d modules were seen", len(rows))
	}
	inPage(t, "dependencies.md", "reach", table(rows))
}

// dependenciesOf lists the packages of others that a program for Linux links. As it is without
// cgo, it is the same on each machine.
func dependenciesOf(t *testing.T, program string) (others []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,Standard,Module", program)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if !p.Standard && p.Module.Path != ourModule {
			others = append(others, p)
		}
	}
	return others
}

// read notes the names that a file uses of the packages in reaches.
func (r *moduleReach) read(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]string{} // the name in the file: the package's own
	for _, spec := range parsed.Imports {
		importPath, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(importPath)
		switch {
		case spec.Name == nil:
			imported[name] = name
		case spec.Name.Name == ".":
			t.Errorf("%s imports %s into its own names: what it uses of it is not seen", file, importPath)
		default:
			imported[spec.Name.Name] = name
		}
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if from, ok := selector.X.(*ast.Ident); ok && imported[from.Name] != "" {
				r.note(imported[from.Name] + "." + selector.Sel.Name)
			}
		}
		return true
	})
}

func (r *moduleReach) note(used string) {
	for i, reach := range reaches {
		for _, name := range reach.names {
			prefix, begins := strings.CutSuffix(name, "*")
			if used == name || begins && strings.HasPrefix(used, prefix) {
				r.names[i][used] = true
			}
		}
	}
}

// table writes the names out, but for memory, where they say nothing more.
func table(rows map[string]*moduleReach) string {
	var b strings.Builder
	fmt.Fprint(&b, "| module | in | files | network | programs | memory |\n|---|---|---|---|---|---|\n")
	for _, module := range slices.Sorted(maps.Keys(rows)) {
		row := rows[module]
		fmt.Fprintf(&b, "| %s | %s |", module, row.in)
		for i, names := range row.names {
			text := strings.Join(slices.Sorted(maps.Keys(names)), ", ")
			if reaches[i].what == "memory" && text != "" {
				text = "yes"
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// inPage compares the part of a page between its marks, or with -update writes it.
func inPage(t *testing.T, page, mark, want string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+mark+": go test ./docs -run TestReachOfDependencies -update -->\n", "<!-- end -->\n"
	before, rest, found1 := strings.Cut(string(text), begin)
	got, after, found2 := strings.Cut(rest, end)
	switch {
	case !found1 || !found2:
		t.Fatalf("%s has no marks %q and %q", page, begin, end)
	case got == want:
	case *update:
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("a dependency can reach something else than %s says; look at what changed, then write it down by -update:\n%s", page, want)
	}
}
