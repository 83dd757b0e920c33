// Package problem has errors that say what to do about them.
//
// What happened is the text of the error, as always. The remedy is a field
// beside it: it survives every fmt.Errorf("…: %w", err), and whoever shows the
// error decides where it goes.
package problem

import (
	"errors"
	"fmt"
	"slices"
)

// Problem is an error and the step that helps, which is a short sentence without
// a full stop, or a command.
type Problem struct {
	err    error
	remedy string
}

// New says what happened and what to do about it.
func New(what, remedy string) error { return &Problem{errors.New(what), remedy} }

// With adds to err what to do about it. Where err has a remedy already, it is
// said first: it is the nearer one.
func With(err error, remedy string, args ...any) error {
	return &Problem{err, fmt.Sprintf(remedy, args...)}
}

// WithDefault is With for an error that may have a remedy already, which then is
// the only one.
func WithDefault(err error, remedy string, args ...any) error {
	if Remedy(err) != "" {
		return err
	}
	return With(err, remedy, args...)
}

// Error is what happened.
func (p *Problem) Error() string { return p.err.Error() }

// Unwrap gives the error without the remedy.
func (p *Problem) Unwrap() error { return p.err }

// Remedy is what to do about it.
func (p *Problem) Remedy() string { return p.remedy }

// Remedy is what to do about err: the remedy that was added last, and "" where
// there is none.
func Remedy(err error) string {
	list := Remedies(err)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// Remedies are those of err and of all that it wraps, the innermost first. An
// error of another package has one when it has a method Remedy() string.
func Remedies(err error) []string {
	var list []string
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		list = Remedies(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range wrapper.Unwrap() {
			list = append(list, Remedies(one)...)
		}
	}
	if p, ok := err.(interface{ Remedy() string }); ok {
		if remedy := p.Remedy(); remedy != "" && !slices.Contains(list, remedy) {
			list = append(list, remedy)
		}
	}
	return list
}
