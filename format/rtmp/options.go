package rtmp

import (
	"cmp"
	"context"
	"time"

	"github.com/refstream/refstream/format/flv"
)

// Options of a connection, on either side.
type Options struct {
	// SetupTimeout is how long the handshake and the commands may take until the stream begins; of a server's client each of the
	// two. 0 is 10 s.
	SetupTimeout time.Duration
	// WriteTimeout is how long the peer may take to accept one batch of tags, and at the end to close. 0 is 5 s.
	WriteTimeout time.Duration
	// ChunkSize is that of what is sent, in bytes, 128 to 10485760 (the most that nginx takes). 0 is 65536.
	ChunkSize int
}

const (
	defaultSetupTimeout = 10 * time.Second // a slow server on a slow line; people would give up
	defaultWriteTimeout = 5 * time.Second
	// ownChunkSize makes one chunk of most pictures and a few of large ones.
	ownChunkSize = 64 << 10
	maxOwnChunk  = 10485760
)

func (o Options) withDefaults() Options {
	o.SetupTimeout, o.WriteTimeout = cmp.Or(o.SetupTimeout, defaultSetupTimeout), cmp.Or(o.WriteTimeout, defaultWriteTimeout)
	o.ChunkSize = min(max(cmp.Or(o.ChunkSize, ownChunkSize), defaultChunkSize), maxOwnChunk)
	return o
}

// Source gives the tags to send, in their order. They are not changed. The tags of one batch are written at once.
//
// Next waits until there are tags, or ctx ends, whose error it then returns. io.EOF is the end of the stream; any other
// error ends the connection.
type Source interface {
	Next(ctx context.Context) ([]flv.Tag, error)
}
