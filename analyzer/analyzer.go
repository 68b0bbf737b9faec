// Package analyzer reads streams and says what they state about time: one record a statement.
//
// [Run] reads a stream of any kind that this project speaks, its own or another's, and calls a function for each
// [Record]: SEI of H.264 (annexes D and E: pic_timing under the parameter sets that are active, and user data: MISB ST
// 0604, package annotate's, OBS's, Millicast's), scripts of FLV and RTMP (Adobe FLV 10.1, E.4.4, and the conventions onFI,
// onCuePoint and onTextData), timed ID3 (in MPEG-TS, and in event messages of MP4), and EXT-X-PROGRAM-DATE-TIME and
// EXT-X-DATERANGE of HLS playlists (RFC 8216, 4.3.2.6 and 4.3.2.7). Pictures are not decoded.
//
// What happens to the stream on the way (it stalls, breaks off, restarts, changes its coding, loses parts) is reported as
// [Note]; [Summary] keeps what is worth showing of it all. [Capture] stores a stream as it is, so that it can be read
// again.
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

// Run reads a stream and calls handle with a record for each timing statement, in the order of the stream, until the
// stream ends, ctx is done or handle returns an error. It reads HLS, live or not, in MPEG-TS or MP4; MPEG-TS over HTTP,
// TCP (tcp://host:port, or tcp://host:port?listen to be connected to) and UDP (udp://address:port, also multicast and
// RTP); FLV over HTTP; RTMP; and files of these kinds, MP4 too. The kind is found from the address, and failing that from
// the first bytes.
//
// The error is that of handle, or of ctx, or says why the stream can't be read; it is nil at the stream's end and after
// Options.Duration. With Options.Follow only addresses that can't be right, and streams that are complete, come to an
// end. All calls of handle, and of the functions in Options, are made in the goroutine of Run; records may be kept.
func Run(ctx context.Context, url string, o Options, handle func(Record) error) error {
	o, s, done, err := prepare(url, o)
	if err != nil {
		return err
	}
	defer done()
	x := newExtractor(url, o, handle)
	reading := ctx
	if o.Duration > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	err = follow(reading, s, x)
	switch {
	case x.err != nil:
		return x.err
	case ctx.Err() != nil:
		return ctx.Err()
	case reading.Err() != nil: // Duration is over
		return nil
	}
	return err
}

// follow reads the stream, and again if it is to be followed, until it is complete or ctx is done.
func follow(ctx context.Context, s *source, x *extractor) error {
	pause := x.o.RetryMin
	for {
		before := x.units
		complete, err := s.read(ctx, x)
		if x.err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if complete || !x.o.Follow {
			if err == nil {
				x.note(NoteEnded, nil, "the stream has ended after %d access units", x.units)
			}
			return err
		}
		if x.units > before {
			pause = x.o.RetryMin
		}
		again := fmt.Sprintf("trying again in %v", pause)
		if err == nil {
			x.note(NoteLost, nil, "the stream has ended after %d access units, %s", x.units, again)
		} else {
			x.note(NoteLost, err, "the stream can't be read, %s", again)
		}
		x.lost()
		if err := input.Wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, x.o.RetryMax)
	}
}

// source is where a stream comes from. Each read or store connects anew.
type source struct {
	t input.Target
	o Options
}

// read gives x what comes, until the stream ends, breaks off, or ctx is done. complete says that it came to an end after
// which nothing can follow, as that of a file.
func (s *source) read(ctx context.Context, x *extractor) (complete bool, err error) {
	switch s.t.Hint {
	case input.RTMP:
		return false, s.readRTMP(ctx, x)
	case input.HLS:
		return s.readHLS(ctx, x)
	}
	return s.readBytes(ctx, x)
}

// store stores what comes, until the stream ends, breaks off, or ctx is done; with an error goes what was stored before it.
func (s *source) store(ctx context.Context, dir string) (Captured, error) {
	switch s.t.Hint {
	case input.RTMP:
		return s.storeRTMP(ctx, dir)
	case input.HLS:
		return s.storeHLS(ctx, dir)
	}
	return s.storeBytes(ctx, dir)
}

// prepare fills in the options and makes the source of an address; done must be called when it is no longer read.
func prepare(url string, o Options) (_ Options, s *source, done func(), err error) {
	done = func() {}
	own := o.HTTP == nil
	if o, err = o.withDefaults(); err != nil {
		return o, nil, done, err
	}
	t, err := input.ParseTarget(url)
	if err != nil {
		return o, nil, done, err
	}
	if own {
		done = o.HTTP.CloseIdleConnections
	}
	return o, &source{t, o}, done, nil
}

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
			x.unit(u.Unit, u.Offset)
		}
		return err
	})
}
