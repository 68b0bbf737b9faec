package jsonlines

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestEach(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []int
		whole      int64
		rest       string
		line       int // of the error, 0 for none
	}{
		{"nothing", "", nil, 0, "", 0},
		{"whole", "1\n22\r\n 3\n", []int{1, 22, 3}, 9, "", 0},
		{"half a line", "1\n2", []int{1}, 2, "2", 0},
		{"not JSON", "1\nx\n3\n", []int{1}, 2, "", 2},
		{"empty line", "\n1\n", nil, 0, "", 1},
		{"two values", "1 2\n", nil, 0, "", 1},
		{"too long", "1\n" + strings.Repeat("2", maxLine+1), []int{1}, 2, "", 2},
		{"long", "1\n2" + strings.Repeat(" ", 3*usualLine) + "\n3\n4", []int{1, 2, 3}, 2 + 3*usualLine + 2 + 2, "4", 0},
		{"a long half", "1\n" + strings.Repeat("2", 2*usualLine), []int{1}, 2, strings.Repeat("2", 2*usualLine), 0},
		{"refused", "1\n13\n", []int{1}, 2, "", 2},
	} {
		var got []int
		whole, rest, err := Each(strings.NewReader(c.text), func(v int) error {
			if v == 13 {
				return errors.New("unlucky")
			}
			got = append(got, v)
			return nil
		})
		var where *Error
		if errors.As(err, &where) != (c.line > 0) || c.line > 0 && where.Line != c.line {
			t.Errorf("%s: error %v, want one of line %d", c.name, err, c.line)
		}
		if !slices.Equal(got, c.want) || whole != c.whole || string(rest) != c.rest {
			t.Errorf("%s: %v, %d bytes, rest %q", c.name, got, whole, rest)
		}
	}
}

// fullDisk has room for so many bytes.
type fullDisk struct {
	File
	room int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	n, err := d.File.Write(b[:min(len(b), d.room)])
	if d.room -= n; err == nil && n < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

// A log holds whole lines: after it was broken off within one, and after a write that failed.
func TestLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log.jsonl")
	if _, err := Read(name, func(string) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read nothing: %v", err)
	}
	if err := os.WriteFile(name, []byte("\"a\"\n\"b"), 0o644); err != nil {
		t.Fatal(err)
	}
	var there []string
	keep := func(s string) error { there = append(there, s); return nil }
	l, err := Open(name, keep)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Append("c", "d"), l.Append()); err != nil {
		t.Fatal(err)
	}
	disk := &fullDisk{l.File, 5}
	l.File = disk
	if err := l.Append("e", "f"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("append to a full disk: %v", err)
	}
	disk.room = 100
	if err := errors.Join(l.Append("g"), l.Close()); err != nil {
		t.Fatal(err)
	}
	rest, err := Read(name, keep)
	if want := []string{"a", "a", "c", "d", "g"}; err != nil || !slices.Equal(there, want) || len(rest) > 0 {
		t.Errorf("%q, rest %q, %v", there, rest, err)
	}
	if err := os.WriteFile(name, []byte("\"a\"\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name, keep); err == nil || !strings.HasPrefix(err.Error(), name+": line 2: ") {
		t.Errorf("open: %v", err)
	}
}
