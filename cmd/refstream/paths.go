package main

import (
	"os"
	"path/filepath"
)

// makeParents makes a folder and those above it that are missing, and returns what it made, outermost first.
func makeParents(dir string) (made []string, err error) {
	var absent []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || filepath.Dir(d) == d {
			break
		}
		absent = append(absent, d)
	}
	for i := len(absent) - 1; i >= 0; i-- {
		if err := os.Mkdir(absent[i], 0o755); err != nil && !os.IsExist(err) {
			return made, err
		}
		made = append(made, absent[i])
	}
	return made, nil
}
