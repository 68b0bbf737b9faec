package redact

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestPaths leaves the names of files in errors, and takes out where they are.
func TestPaths(t *testing.T) {
	open := &fs.PathError{Op: "open", Path: "/srv/data/main/hls/seg-1.ts", Err: syscall.ENOSPC}
	rename := &os.LinkError{Op: "rename", Old: "/srv/data/a", New: "data/b", Err: syscall.EACCES}
	dial := &net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: "/run/redis/r.sock", Net: "unix"}, Err: syscall.ENOENT}
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("the file /x/y is gone"), "the file /x/y is gone"}, // nobody says that it is a path
		{open, "open seg-1.ts: no space left on device"},
		{fmt.Errorf("publish: %w: %w", errors.New("no"), open), "publish: no: open seg-1.ts: no space left on device"},
		{errors.Join(open, rename), "open seg-1.ts: no space left on device\nrename a b: permission denied"},
		{fmt.Errorf("reach redis: %w", dial), "reach redis: dial unix r.sock: no such file or directory"},
		{&fs.PathError{Op: "open", Path: "name", Err: syscall.ENOENT}, "open name: no such file or directory"},
	} {
		if got := Paths(c.err); got != c.want {
			t.Errorf("%q became %q, want %q", c.err, got, c.want)
		}
	}
}
