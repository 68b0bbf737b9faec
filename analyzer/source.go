package analyzer

import (
	"context"

	"github.com/refstream/refstream/analyzer/input"
)

// source is where a stream comes from. Each call connects anew.
type source interface {
	// read tells x what comes, until the stream ends, breaks off, or ctx is done. complete says that it came to an end
	// after which nothing can follow, as that of a file.
	read(ctx context.Context, x *extractor) (complete bool, err error)
	// store stores what comes, until the stream ends, breaks off, or ctx is done; with an error goes what was stored
	// before it.
	store(ctx context.Context, dir string) (Captured, error)
}

// sourceOf makes the source of an address.
func sourceOf(t input.Target, o Options) source {
	switch t.Hint {
	case input.RTMP:
		return &rtmpSource{t, o}
	case input.HLS:
		return &hlsSource{t: t, o: o}
	}
	return &byteSource{t, o}
}
