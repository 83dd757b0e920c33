package keys

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// TestOpsIsComplete reads the constants from the source, so that a new one cannot be
// forgotten.
func TestOpsIsComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "use.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Op" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if !slices.Contains(Ops, Op(value)) {
			t.Errorf("%s (%q) is missing in Ops", spec.Names[0].Name, value)
		}
		return true
	})
	if found != len(Ops) {
		t.Errorf("found %d constants, Ops has %d", found, len(Ops))
	}
}

// TestNameOfADestination: only a claimed destination has its claimed name; a proved host
// never has it.
func TestNameOfADestination(t *testing.T) {
	named := Host{Fingerprint: "SHA256:a", Names: []string{"box", "box.example"}}
	for _, test := range []struct {
		destination Destination
		want        string
	}{
		{Destination{}, ""},
		{Destination{Trust: TrustNone, Claimed: "bank", Host: named}, ""},
		{Destination{Trust: TrustClaimed, Claimed: "bank", Host: named}, "bank"},
		{Destination{Trust: TrustNew, Claimed: "bank", Host: Host{Fingerprint: "SHA256:a"}}, "SHA256:a"},
		{Destination{Trust: TrustVerified, Claimed: "bank", Host: named}, "box"},
	} {
		if got := test.destination.Name(); got != test.want {
			t.Errorf("%+v: %q, not %q", test.destination, got, test.want)
		}
	}
}
