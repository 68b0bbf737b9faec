// Package atomicfile replaces files: at any moment a name has all of the old content or all of the new. It also opens those that
// are written in place, and makes folders. Nothing is written through a symbolic link that somebody put into them.
//
// The new content is written into a temporary file in the same folder, which is renamed, and removed after an error. A
// process that is killed may leave it behind: its name is the caller's choice, who may tidy up.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write replaces a file by what write writes. temp is the name of the temporary file. With a * in it there is a new one for
// each call, as of [os.CreateTemp], and several processes may write the same file; the file's mode is 0644 then. Else it
// is 0666 less the umask, and one caller at a time may write.
func Write(name, temp string, write func(io.Writer) error) error {
	return replace(name, temp, write, false)
}

// WriteSynced is Write of data that also survives a crash of the machine once WriteSynced has returned nil.
func WriteSynced(name, temp string, data []byte) error {
	if err := replace(name, temp, Bytes(data), true); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(name))
}

// Bytes is a function for Write that writes data.
func Bytes(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func replace(name, temp string, write func(io.Writer) error, sync bool) error {
	var f *os.File
	var err error
	unique := strings.Contains(temp, "*")
	if unique {
		f, err = os.CreateTemp(filepath.Dir(name), temp)
	} else {
		f, err = Create(filepath.Join(filepath.Dir(name), temp))
	}
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil && unique {
		err = f.Chmod(0o644)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name()) // its room may be what others need
	}
	return err
}

// SyncFolder brings a folder's entries to the disk: files that were made, renamed or removed in it.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// Open is [os.OpenFile] for regular files only: a symbolic link would lead elsewhere, and a FIFO would block.
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

// Create makes a temporary file in place of what has its name, such as the rest of a killed process, or a link.
func Create(name string) (*os.File, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Folder makes a folder and those above it, or takes it as it is. It may not be a symbolic link; those above it may.
func Folder(name string) error {
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return refusal(name, info)
	}
	return os.MkdirAll(name, 0o755)
}

// Folders makes a folder and those above it that are missing. undo removes those that it made, while they are empty.
func Folders(name string) (undo func(), err error) {
	var made []string // the innermost first
	for d := filepath.Clean(name); d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, d)
	}
	return func() {
		for _, d := range made {
			os.Remove(d)
		}
	}, os.MkdirAll(name, 0o755)
}

func refusal(name string, info fs.FileInfo) error {
	what := "no regular file"
	if info.Mode()&fs.ModeSymlink != 0 {
		what = "a symbolic link, which is not followed here"
	}
	return fmt.Errorf("%s is %s: remove it", name, what)
}
