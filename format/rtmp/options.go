package rtmp

import (
	"context"
	"time"

	"github.com/refstream/refstream/format/flv"
)

// Options of a connection to a server.
type Options struct {
	// SetupTimeout is how long the handshake and the commands may take, until the server lets the stream begin. 0 is 10 s.
	SetupTimeout time.Duration
	// WriteTimeout is how long the server may take to accept one batch of tags, and at the end to close. 0 is 5 s.
	WriteTimeout time.Duration
	// ChunkSize is that of what is sent, in bytes, 128 to 10485760 (the most that nginx takes). 0 is 65536.
	ChunkSize int
	// Name is what the program calls itself, in the way of a user agent. Empty is "refstream".
	Name string
}

const (
	defaultSetupTimeout = 10 * time.Second // a slow server on a slow line; people would give up
	defaultWriteTimeout = 5 * time.Second
	// ownChunkSize makes one chunk of most pictures and a few of large ones.
	ownChunkSize  = 64 << 10
	maxOwnChunk   = 10485760
	defaultClient = "refstream"
)

func (o Options) withDefaults() Options {
	if o.SetupTimeout <= 0 {
		o.SetupTimeout = defaultSetupTimeout
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	o.ChunkSize = chunkSizeOr(o.ChunkSize)
	if o.Name == "" {
		o.Name = defaultClient
	}
	return o
}

// chunkSizeOr is the size if it is in range, or the nearest one that is; 0 is the default.
func chunkSizeOr(size int) int {
	if size == 0 {
		return ownChunkSize
	}
	return min(max(size, defaultChunkSize), maxOwnChunk)
}

// Source gives the tags to send, in their order. They are not changed. The tags of one batch are written at once.
//
// Next waits until there are tags, or ctx ends, whose error it then returns. io.EOF is the end of the stream; any other
// error ends the connection.
type Source interface {
	Next(ctx context.Context) ([]flv.Tag, error)
}
