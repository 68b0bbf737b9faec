// Package pause waits.
package pause

import (
	"context"
	"time"
)

// For waits for d of real time, not at all if that is not positive. It returns nil, or ctx's error as soon as ctx ends.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
