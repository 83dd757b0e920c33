package service

// environmentKey is where Windows keeps the person's variables.
const environmentKey = `Environment`

func (p Place) logonChanges() []Change { return nil }
