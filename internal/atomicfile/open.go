package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Open opens a file of a folder that this program keeps, as [os.OpenFile] does, but no other than a regular file: what is
// written would go elsewhere through a symbolic link, and a FIFO would be waited for.
func Open(name string, flag int, perm os.FileMode) (*os.File, error) {
	if err := Check(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, flag|noFollow, perm) // for a link that was put there since
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = refusal(name, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Check reports a name that is taken by something else than a regular file. It is no error where nothing has the name.
func Check(name string) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return refusal(name, info)
	}
	return nil
}

// Create makes a temporary file. What has its name is removed first: what a process left behind that was killed, or a
// link.
func Create(name string) (*os.File, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Folder makes a folder that this program keeps, with those above it, or takes it as it is, but not through a symbolic
// link. Those above it may be links.
func Folder(name string) error {
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return refusal(name, info)
	}
	return os.MkdirAll(name, 0o755)
}

func refusal(name string, info fs.FileInfo) error {
	what := "no regular file"
	if info.Mode()&fs.ModeSymlink != 0 {
		what = "a symbolic link, which is not followed here"
	}
	return fmt.Errorf("%s is %s: remove it", name, what)
}
