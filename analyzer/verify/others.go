package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
)

// codecsRead are the codecs, by ffmpeg's names, whose statements are read.
var codecsRead = []string{"h264", "hevc"}

// readOthers reads what a stream states that package analyzer does not read. H.264 or HEVC in a container of an unknown kind is
// copied into a transport stream first; other codecs have no statements that are known, so that all clocks are gone. What
// ffmpeg can't copy stays unread.
func (in *streamData) readOthers(ctx context.Context, unknownKind bool, path, dir, program string, o analyzer.Options) {
	if !slices.Contains(codecsRead, in.info.Codec) {
		note := fmt.Sprintf("no statement is read of %s: %s", in.info.Codec, in.unread)
		if in.unread = nil; !slices.Contains(in.notes, note) {
			in.notes = append(in.notes, note)
		}
		return
	}
	if !unknownKind {
		return
	}
	copied, err := pixels.CopyToTS(ctx, program, path, dir)
	if err != nil {
		in.unread = errors.Join(in.unread, err)
		return
	}
	in.unread = in.readStatements(ctx, copied, o)
	// These are the copy's, not the stream's.
	in.transport = nil
	for i := range in.units {
		in.units[i].undated = true
	}
}
