// Package problem has errors that say what to do about them.
//
// The text of the error says what happened. The remedy is a separate field: it
// survives fmt.Errorf("…: %w", err), and whoever shows the error decides where to
// show it.
package problem

import (
	"errors"
	"fmt"
	"slices"
)

// Problem is an error with a remedy: a short sentence without a full stop, or a
// command.
type Problem struct {
	err    error
	remedy string
}

// New makes an error from what happened and what to do about it.
func New(what, remedy string) error { return &Problem{errors.New(what), remedy} }

// With adds a remedy to err. The remedies that err has already come first.
func With(err error, remedy string, args ...any) error {
	return &Problem{err, fmt.Sprintf(remedy, args...)}
}

// WithDefault adds a remedy only if err has none.
func WithDefault(err error, remedy string, args ...any) error {
	if Remedy(err) != "" {
		return err
	}
	return With(err, remedy, args...)
}

// Error returns what happened.
func (p *Problem) Error() string { return p.err.Error() }

// Unwrap returns the error without the remedy.
func (p *Problem) Unwrap() error { return p.err }

// Remedy returns what to do about it.
func (p *Problem) Remedy() string { return p.remedy }

// Remedy returns the remedy of err that was added last, or "".
func Remedy(err error) string {
	list := Remedies(err)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// Remedies returns the remedies of err and of all errors that it wraps, innermost
// first. Any error with a method Remedy() string has a remedy.
func Remedies(err error) []string {
	var list []string
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		list = Remedies(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			list = append(list, Remedies(wrapped)...)
		}
	}
	if p, ok := err.(interface{ Remedy() string }); ok {
		if remedy := p.Remedy(); remedy != "" && !slices.Contains(list, remedy) {
			list = append(list, remedy)
		}
	}
	return list
}
