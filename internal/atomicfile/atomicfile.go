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
