package policy

import (
	"errors"
	"fmt"
)

// Parse reads a file that holds `[[rule]]` tables and nothing else, such as
// policy.toml. file is what errors and rules name. The error joins one *Error
// for each fault; then there are no rules.
func Parse(file string, data []byte) ([]Rule, error) {
	var document struct {
		Rules []Rule `toml:"rule"`
	}
	if err := Decode(file, data, &document); err != nil {
		return nil, err
	}
	if err := Check(file, data, document.Rules); err != nil {
		return nil, err
	}
	return document.Rules, nil
}

// Check completes rules that Decode filled from data as part of a larger
// struct (a field `Rules []policy.Rule` with the tag `toml:"rule"`): it sets
// their File, Line and default Name, and validates them.
func Check(file string, data []byte, rules []Rule) error {
	found := positions(data)
	var faults []fault
	for i := range rules {
		r, path := &rules[i], element("rule", i)
		r.File = file
		r.Line = find(found, path).line
		if r.Name == "" {
			r.Name = fmt.Sprintf("rule %d (%s:%d)", i+1, file, r.Line)
		}
		faults = append(faults, ruleFaults(path, r)...)
	}
	if len(faults) == 0 {
		return nil
	}
	return place(file, data, faults)
}

func ruleFaults(path string, r *Rule) []fault {
	joined, ok := r.Validate().(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var faults []fault
	for _, err := range joined.Unwrap() {
		at := path
		if f, ok := errors.AsType[*FieldError](err); ok && f.Field != "" {
			at = join(path, f.Field)
		}
		faults = append(faults, fault{at, err.Error()})
	}
	return faults
}
