//go:build !linux

package input

import (
	"context"
	"os"
)

// readiness is not known on this system: reads wait in the system.
type readiness struct{}

func newReadiness(*os.File) (*readiness, error) { return nil, nil }

func (*readiness) wait(ctx context.Context) error { return ctx.Err() }

func (*readiness) close() error { return nil }
