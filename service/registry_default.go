//go:build !windows

package service

import "errors"

var errNoRegistry = errors.New("this system has no registry")

func readValue(string) (text string, there bool, err error) { return "", false, errNoRegistry }
func writeValue(path, text string) error                    { return errNoRegistry }
func deleteValue(path string) error                         { return errNoRegistry }
