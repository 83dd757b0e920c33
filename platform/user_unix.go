//go:build unix

package platform

import (
	"os"
	"strconv"
)

const administrator = "0"

func currentUser() string { return strconv.Itoa(os.Getuid()) }
