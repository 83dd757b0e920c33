// Command typecheck type-checks the programs for a system whose C compiler is not here,
// with their cgo files: go vet leaves those out.
//
//	go run ./packaging/typecheck darwin/arm64 ./cmd/...
//
// What comes from C is believed. It prints each error, and fails if there is one.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// listed is a package as go list -json prints it.
type listed struct {
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	ImportMap         map[string]string
	Module            *struct{ Main bool }
	Standard          bool
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "typecheck:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: typecheck SYSTEM/PROCESSOR PACKAGE")
	}
	system, processor, _ := strings.Cut(args[0], "/")
	list, err := list(system, processor, args[1:])
	if err != nil {
		return err
	}
	c := &checker{files: token.NewFileSet(), sizes: types.SizesFor("gc", processor), done: map[string]*types.Package{"unsafe": types.Unsafe}}
	for _, p := range list { // what a package imports comes before it
		c.check(p)
	}
	if len(c.errors) > 0 {
		return errors.Join(c.errors...)
	}
	fmt.Printf("%s: %d packages\n", args[0], len(list))
	return nil
}

// list runs go list as if there were a C compiler.
func list(system, processor string, patterns []string) (list []listed, err error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,ImportMap,Module,Standard", "--"}, patterns...)...)
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=1", "GOOS="+system, "GOARCH="+processor), os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(out); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return list, cmd.Wait()
		} else if err != nil {
			return nil, errors.Join(err, cmd.Wait())
		}
		list = append(list, p)
	}
}

type checker struct {
	files  *token.FileSet
	sizes  types.Sizes
	done   map[string]*types.Package
	errors []error
}

// check type-checks one package. Of packages that are not ours, only what they export
// counts.
func (c *checker) check(p listed) {
	if c.done[p.ImportPath] != nil {
		return
	}
	ours := p.Module != nil && p.Module.Main
	var parsed []*ast.File
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		file, err := parser.ParseFile(c.files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil && ours {
			c.errors = append(c.errors, err)
		}
		if file != nil {
			parsed = append(parsed, file)
		}
	}
	config := types.Config{
		Importer:         importer{c, p.ImportMap},
		FakeImportC:      true,
		IgnoreFuncBodies: !ours,
		Sizes:            c.sizes,
		Error: func(err error) {
			if ours {
				c.errors = append(c.errors, err)
			}
		},
	}
	c.done[p.ImportPath], _ = config.Check(p.ImportPath, c.files, parsed, nil)
}

// importer finds the packages that were checked before, for one package.
type importer struct {
	*checker
	vendored map[string]string // of the standard library
}

func (i importer) Import(path string) (*types.Package, error) {
	if other, ok := i.vendored[path]; ok {
		path = other
	}
	if p := i.done[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s was not listed", path)
}
