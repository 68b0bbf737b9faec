package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// schemeOf is the scheme of an address as ffmpeg finds it, or empty for a file: what is before the first colon, with or
// without // after it.
func schemeOf(output string) string {
	scheme, _, ok := strings.Cut(output, ":")
	if !ok || filepath.VolumeName(output) != "" || strings.ContainsFunc(scheme, func(r rune) bool { return !isSchemeChar(r) }) {
		return ""
	}
	return scheme
}

func isSchemeChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '.' || r == '-'
}

// withoutFile takes off the scheme of files, with which a file is the same one.
func withoutFile(output string) string {
	for {
		rest, ok := strings.CutPrefix(output, "file:")
		if !ok {
			return output
		}
		output = rest
	}
}

// checkOutput refuses outputs that can't be: ffmpeg's own standard streams, what only wraps another output and so would hide
// it, and what is certain to fail. output is without the scheme of files.
func checkOutput(output string) error {
	switch scheme := schemeOf(output); {
	case output == "":
		return errors.New("the output is empty: name an address or a file")
	case output == "-", scheme == "pipe", scheme == "fd":
		return errStandard
	case scheme == "":
		return checkFile(output)
	case scheme == "crypto", strings.HasPrefix(scheme, "crypto+"), scheme == "tee", scheme == "md5", scheme == "async",
		scheme == "cache", scheme == "concat", scheme == "concatf", scheme == "subfile", scheme == "data", scheme == "hls",
		strings.HasPrefix(scheme, "hls+"):
		return errors.New("that address wraps another output: name that one, or use -f tee")
	}
	return nil
}

var errStandard = errors.New("nobody reads ffmpeg's standard output: name an address or a file")

var standardFile = regexp.MustCompile(`^/dev/(stdin|stdout|stderr|fd(/.*)?)$|^/proc/[^/]+(/task/[^/]+)?/fd(/.*)?$`)

// checkFile refuses a file that can't be written because of what it is.
func checkFile(name string) error {
	if standardFile.MatchString(filepath.Clean(name)) {
		return errStandard
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir(), strings.HasSuffix(name, "/"):
		return errors.New("the output is a folder: name a file in it")
	case errors.Is(err, syscall.ENOTDIR):
		return errors.New("the output is to lie in a folder that is a file: name another one")
	case errors.Is(err, syscall.ENAMETOOLONG):
		return errors.New("the file's name is too long: name a shorter one")
	}
	return nil
}

// checkFolder refuses a folder that can't be made because something else is there.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir(), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%q is, or lies in, a file: name a folder", dir)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return errors.New("the folder's name is too long: name a shorter one")
	}
	return nil
}

// Outside checks that a relay writes into none of the folders, nor below them. Errors name the folder.
func (s RelaySpec) Outside(folders ...string) error {
	for _, folder := range folders {
		f, err := realPath(folder)
		if err != nil {
			return fmt.Errorf("look for folder %q: %w", folder, err)
		}
		for _, file := range s.files {
			p, err := realPath(file)
			if err != nil {
				return fmt.Errorf("look for output of relay: %w", err)
			}
			if rel, err := filepath.Rel(f, p); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
				return fmt.Errorf("a relay can't write into %q, where something else is published: name another folder", folder)
			}
		}
	}
	return nil
}

// realPath is the absolute path with symbolic links followed, as far as it exists.
func realPath(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(name)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		parent := filepath.Dir(name)
		if !errors.Is(err, fs.ErrNotExist) || parent == name {
			return "", err
		}
		name, rest = parent, filepath.Join(filepath.Base(name), rest)
	}
}
