package analyzer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/tr101290"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
)

func (s *source) readBytes(ctx context.Context, x *extractor) (complete bool, err error) {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	c, err := input.Open(w, s.t, s.o.HTTP)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if c.Kind == input.HLS {
		c.Close()
		w.Close()
		return s.readHLS(ctx, x)
	}
	x.note(NoteConnected, nil, "reading %s (%s)", c.Kind.Name(), c.Through)
	if s.o.Follow && c.Kind != input.MP4 {
		c.FollowFile(func() {
			x.note(NoteStalled, nil, "the file has not grown for %v", s.o.Stall)
			x.lost()
		})
	}
	switch c.Kind {
	case input.FLV:
		x.begin(flvWrap, nil, "")
		err = x.readFLV(w.Ctx, c.Reader)
	case input.MP4:
		x.begin(noWrap, nil, "")
		err = x.readMP4(w.Ctx, mp4.NewReader(c.Seekable()))
	default:
		x.begin(tsWrap, nil, "")
		err = x.readTS(w.Ctx, c)
	}
	return c.Finite && err == nil, w.Explain(err)
}

// readTS reads a transport stream to its end, which is no error. begin must have been called.
func (x *extractor) readTS(ctx context.Context, r io.Reader) error {
	var repeats map[string]int
	if x.at.msn != nil {
		repeats = x.repeats
	}
	monitor := tr101290.NewMonitor(repeats, x.transportRecord)
	reader := ts.NewReader(r)
	var damage tsDamage
	reader.HandlePackets(func(p ts.Packet, offset int64) {
		monitor.Packet(p, offset)
		if !p.Readable() {
			damage.report(x, reader) // however long it goes on, there may be no unit
		}
	}, monitor.Lost)
	reader.HandleID3(func(t id3.Timed) { x.id3(t.Tag, t.PTS, t.Offset) })
	return x.each(ctx, func() error {
		au, err := reader.Next()
		damage.report(x, reader)
		if err == nil {
			x.unit(au, reader.Offset())
		}
		return err
	})
}

// each calls next until it returns an error, ctx ends or the handler of records fails. The end of the stream is no error.
func (x *extractor) each(ctx context.Context, next func() error) error {
	for ctx.Err() == nil && x.err == nil {
		if err := next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tsDamage reports what a transport stream lost, once each.
type tsDamage struct {
	damaged, id3 int64
	scrambled    bool
}

func (d *tsDamage) report(x *extractor, r *ts.Reader) {
	s := r.Stats()
	if s.Scrambled > 0 && !d.scrambled {
		d.scrambled = true
		x.note(NoteDamaged, nil, "the video is scrambled from packet %d on, and not read", s.Packets)
	}
	if s.Damaged > d.damaged {
		x.note(NoteDamaged, s.LastDamage, "access units that can't be read and are left out: %d", s.Damaged-d.damaged)
		d.damaged = s.Damaged
	}
	if s.DamagedID3 > d.id3 {
		x.note(NoteDamaged, nil, "ID3 tags that can't be read and are left out: %d", s.DamagedID3-d.id3)
		d.id3 = s.DamagedID3
	}
}

func (x *extractor) transportRecord(name string, pid int, offset, lasts int64, detail string) {
	b := fmt.Appendf(nil, `{"indicator":%q,"number":%q`, name, tr101290.Number(name))
	if pid != tr101290.UnknownPID {
		b = fmt.Appendf(b, `,"pid":%d`, pid)
	}
	b = fmt.Appendf(b, `,"detail":%q}`, detail)
	r := Record{Source: Transport, Extra: b, Unit: -1}
	if lasts > 0 {
		r.Duration = &lasts
	}
	x.now, x.at.offset = x.o.Now(), offset
	if x.timed {
		x.timedRecord(x.dts, r)
	} else {
		x.record(r)
	}
}

// schemesID3 are the schemes of event messages that hold an ID3 tag (AOM, Carriage of ID3 Timed Metadata in CMAF).
const (
	schemeID3AOM   = "https://aomedia.org/emsg/ID3"
	schemeID3Apple = "https://developer.apple.com/streaming/emsg-id3"
)

// readMP4 reads MP4 to its end, which is no error. begin must have been called.
func (x *extractor) readMP4(ctx context.Context, r *mp4.Reader) error {
	defer r.Close()
	r.HandleEvents(func(e mp4.Event) {
		if e.Scheme == schemeID3AOM || e.Scheme == schemeID3Apple {
			x.id3(e.Data, e.PTS, e.Offset)
		}
	})
	r.HandleProducerTimes(func(p mp4.ProducerTime) {
		x.now, x.at.offset = x.o.Now(), p.Offset
		x.timedRecord(x.ticks(p.PTS), Record{Source: ProducerTime, UTC: jsonTime(p.UTC), Extra: fmt.Appendf(nil, `{"flags":%d}`, p.Flags)})
	})
	var damaged int64
	return x.each(ctx, func() error {
		u, err := r.Next()
		if s := r.Stats(); s.Damaged > damaged {
			x.note(NoteDamaged, s.LastDamage, "samples that can't be read and are left out: %d", s.Damaged-damaged)
			damaged = s.Damaged
		}
		if err == nil {
			x.unit(u.AccessUnit, u.Offset)
		}
		return err
	})
}
