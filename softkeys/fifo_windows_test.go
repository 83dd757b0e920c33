package softkeys

import "os"

// makeFIFO makes a directory: Windows keeps FIFOs elsewhere.
func makeFIFO(path string) error {
	os.Remove(path)
	return os.Mkdir(path, 0o700)
}
