package input

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testunix"
)

func testFIFO(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := testunix.MakeFIFO(name); err != nil {
		t.Fatal(err)
	}
	return name
}

// A FIFO is read from its first writer's first byte to its last writer's end, whenever they come.
func TestFileReadsFIFO(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "some text"} {
		name := testFIFO(t)
		f, err := OpenFile(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan error)
		go func() { wrote <- os.WriteFile(name, []byte(text), 0o600) }()
		got, err := io.ReadAll(f)
		if e := errors.Join(err, <-wrote, f.Close()); e != nil || string(got) != text {
			t.Errorf("%q, %v: want %q", got, e, text)
		}
	}
}

// Reading ends with the context, with and without a writer, and of what has no end as well.
func TestFileEndsWithContext(t *testing.T) {
	t.Parallel()
	held := testFIFO(t)
	holder, err := os.OpenFile(held, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	for _, name := range []string{testFIFO(t), held, "/dev/zero"} {
		ctx, cancel := context.WithCancel(t.Context())
		f, err := OpenFile(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(50*time.Millisecond, cancel) // while it is read, most likely
		if _, err := io.Copy(io.Discard, f); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
