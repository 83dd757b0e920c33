package config

import (
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/agent/policy"
)

// checkRules completes rules that decode filled from data: it sets their File, Line and
// default Name, and validates them.
func checkRules(file string, data []byte, rules []policy.Rule) error {
	found := positions(data)
	var faults []fault
	for i := range rules {
		r, path := &rules[i], element("rule", i)
		r.File = file
		r.Line = find(found, path).line
		if r.Name == "" {
			r.Name = fmt.Sprintf("rule %d (%s:%d)", i+1, file, r.Line)
		}
		for _, err := range unjoin(r.Validate()) {
			faults = append(faults, fault{path + fieldOf(err), err.Error()})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return place(file, data, faults)
}

// unjoin returns the errors that were joined.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

// fieldOf is the field of the table that an error is about.
func fieldOf(err error) string {
	if field, ok := errors.AsType[*policy.FieldError](err); ok && field.Field != "" {
		return "." + field.Field
	}
	return ""
}
