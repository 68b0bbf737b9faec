package analyzer

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testunix"
)

// Run and Capture end with the context while a FIFO is silent, and a stream through a FIFO is stored.
func TestFIFOStreams(t *testing.T) {
	t.Parallel()
	for _, ending := range []func(context.Context, string) error{
		func(ctx context.Context, name string) error {
			return Run(ctx, name, Options{Now: time.Now}, func(Record) error { return nil })
		},
		func(ctx context.Context, name string) error {
			_, err := Capture(ctx, name, t.TempDir(), Options{Now: time.Now}, 0)
			return err
		},
	} {
		name := filepath.Join(t.TempDir(), "fifo")
		if err := testunix.MakeFIFO(name); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := ending(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
}
