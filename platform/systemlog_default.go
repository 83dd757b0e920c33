//go:build !linux

package platform

import "errors"

func systemLog(_, _ string) (string, error) { return "", errors.New("there is none on this system") }
