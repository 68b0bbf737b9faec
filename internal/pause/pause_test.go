package pause

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for _, d := range []time.Duration{-time.Hour, 0, time.Microsecond} {
		if err := For(ctx, d); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	cancel()
	for _, d := range []time.Duration{-time.Hour, time.Hour} {
		if err := For(ctx, d); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, canceled: %v", d, err)
		}
	}
}
