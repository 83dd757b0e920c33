//go:build !linux

package platform

import "errors"

func watchDir(string) (*DirWatch, error) {
	return nil, errors.New("this system does not tell of changes in a directory")
}
