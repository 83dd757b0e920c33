package service

// ownPerson accepts everybody: an elevated prompt on Windows has the person's own profile.
func ownPerson(string) error { return nil }
