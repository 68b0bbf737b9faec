package redact

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Paths is what an error says, with the names of files alone in place of their paths: where somebody is told that need not learn
// how the machine is laid out. The paths are those of the errors of the system that it wraps.
func Paths(err error) string {
	text := err.Error()
	for _, path := range NewSecrets(paths(err)...) { // the longest first
		if name := filepath.Base(path); name != path {
			text = strings.ReplaceAll(text, path, name)
		}
	}
	return text
}

func paths(err error) (list []string) {
	switch e := err.(type) { //nolint:errorlint // it is taken apart here
	case *fs.PathError:
		list = append(list, e.Path)
	case *os.LinkError:
		list = append(list, e.Old, e.New)
	case *net.OpError:
		for _, a := range []net.Addr{e.Source, e.Addr} {
			if unix, ok := a.(*net.UnixAddr); ok && unix != nil {
				list = append(list, unix.Name)
			}
		}
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := errors.Unwrap(err); inner != nil {
			list = append(list, paths(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil {
				list = append(list, paths(inner)...)
			}
		}
	}
	return list
}
