package rtmp

import (
	"context"

	"github.com/refstream/refstream/format/flv"
)

// Source gives the tags to send, in their order. They are not changed. The tags of one batch are written at once.
//
// Next waits until there are tags, or ctx ends, whose error it then returns. io.EOF is the end of the stream; any other
// error ends the connection.
type Source interface {
	Next(ctx context.Context) ([]flv.Tag, error)
}
