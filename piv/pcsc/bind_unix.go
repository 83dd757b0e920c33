//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || darwin)

package pcsc

import (
	"reflect"

	"github.com/ebitengine/purego"
)

// bind opens a library and finds each function by the name of its field.
func bind(path string) (*functions, error) {
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	f := &functions{}
	fields := reflect.ValueOf(f).Elem()
	for i := range fields.NumField() {
		address, err := purego.Dlsym(library, "SCard"+fields.Type().Field(i).Name)
		if err != nil {
			return nil, err
		}
		purego.RegisterFunc(fields.Field(i).Addr().Interface(), address)
	}
	return f, nil
}
