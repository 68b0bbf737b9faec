package analyzer

import (
	"context"
	"errors"
	"io"

	"github.com/refstream/refstream/format/mp4"
)

// schemesID3 are the schemes of event messages that hold an ID3 tag (AOM, Carriage of ID3 Timed Metadata in CMAF).
const (
	schemeID3AOM   = "https://aomedia.org/emsg/ID3"
	schemeID3Apple = "https://developer.apple.com/streaming/emsg-id3"
)

// readMP4 reads an MP4 file to its end, which is no error. begin must have been called.
func (x *extractor) readMP4(ctx context.Context, r io.Reader) error {
	return x.samples(ctx, mp4.NewReader(r))
}

// readMP4Segment reads a media segment.
func (x *extractor) readMP4Segment(ctx context.Context, init []byte, segment io.ReadSeeker) error {
	if len(init) == 0 { // a segment that has its initialization section in it
		return x.readMP4(ctx, segment)
	}
	return x.samples(ctx, mp4.NewSegmentReader(init, segment))
}

func (x *extractor) samples(ctx context.Context, r *mp4.Reader) error {
	defer r.Close()
	r.HandleEvents(func(e mp4.Event) {
		if e.Scheme == schemeID3AOM || e.Scheme == schemeID3Apple {
			x.id3(e.Data, e.PTS, e.Offset)
		}
	})
	r.HandleProducerTimes(func(p mp4.ProducerTime) {
		x.now, x.at.offset = x.o.Now(), p.Offset
		x.timedRecord(x.ticks(p.PTS), Record{Source: ProducerTime, UTC: speakable(p.UTC), Extra: append(appendInt([]byte{'{'}, "flags", int64(p.Flags)), '}')})
	})
	var damaged int64
	for ctx.Err() == nil && x.err == nil {
		u, err := r.Next()
		if s := r.Stats(); s.Damaged > damaged {
			x.note(NoteDamaged, s.LastDamage, "samples that can't be read and are left out: %d", s.Damaged-damaged)
			damaged = s.Damaged
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		x.unit(u.AccessUnit, u.Offset)
	}
	return ctx.Err()
}
