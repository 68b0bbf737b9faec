package analyzer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/rtmp"
	"github.com/refstream/refstream/media"
)

const ticksPerMilli = media.TicksPerSecond / 1000

// maxReasons bounds the memory for why tags can't be read: some reasons name numbers of the tag.
const maxReasons = 1000

// tagReader makes units and scripts of FLV tags, of a file or of RTMP.
type tagReader struct {
	x     *extractor
	demux *flv.Demuxer
	sets  [][]byte // of the last sequence header, until they were needed
	// failed counts the tags that can't be read, by why.
	failed map[string]int
}

func newTagReader(x *extractor) *tagReader {
	return &tagReader{x: x, demux: flv.NewDemuxer(), failed: map[string]int{}}
}

func (r *tagReader) tag(t flv.Tag, offset int64) {
	x := r.x
	if x.debug {
		x.o.Logger.LogAttrs(context.Background(), slog.LevelDebug, "tag", slog.String("stream", x.url),
			slog.Int64("offset", offset), slog.Int("type", int(t.Type)), slog.Int64("ms", int64(t.Time)),
			slog.Int("bytes", len(t.Body)))
	}
	if t.Type == flv.Script {
		x.script(t.Body, r.demux.Ticks(t.Time), offset)
		return
	}
	r.header(t)
	au, ok, err := r.demux.Unit(t)
	if err != nil {
		if au, ok = r.annexB(t); !ok {
			r.reportDamage(errors.Unwrap(err), offset)
		}
	}
	if ok {
		x.unit(au, offset)
	}
}

// reportDamage notes that a tag can't be read; of those for the same reason, the second, fourth, eighth and so on show that it goes on.
func (r *tagReader) reportDamage(why error, offset int64) {
	if len(r.failed) == maxReasons {
		clear(r.failed)
	}
	r.failed[why.Error()]++
	switch n := r.failed[why.Error()]; {
	case n == 1:
		r.x.note(NoteDamaged, why, "the tag at byte %d can't be read and is left out", offset)
	case n&(n-1) == 0:
		r.x.note(NoteDamaged, why, "%d tags can't be read and are left out, up to byte %d", n, offset)
	}
}

// annexB reads a video tag whose NAL units stand behind start codes, which is against the format (E.4.3.1) but happens.
func (r *tagReader) annexB(t flv.Tag) (au media.AccessUnit, ok bool) {
	v, err := flv.ParseVideo(t.Body)
	if err != nil || v.Codec != media.H264 || v.Packet != flv.AVCNALUnits || !startsWithCode(v.Data) {
		return au, false
	}
	au = media.AccessUnit{Frame: -1, DTS: r.demux.Ticks(t.Time), NALs: slices.Concat(r.sets, h264.SplitAnnexB(v.Data))}
	r.sets = nil
	au.PTS = au.DTS + int64(v.Composition)*ticksPerMilli
	for _, nal := range au.NALs {
		au.Key = au.Key || h264.TypeOf(nal) == h264.NALIDR
	}
	return au, len(au.NALs) > 0
}

// startsWithCode reports whether b begins as a byte stream does (H.264, Annex B).
func startsWithCode(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0, 0, 1}) || bytes.HasPrefix(b, []byte{0, 0, 0, 1})
}

// header keeps the parameter sets of a sequence header for units that the demuxer can't read; others get them from it.
func (r *tagReader) header(t flv.Tag) {
	v, err := flv.ParseVideo(t.Body)
	if err != nil || v.Codec != media.H264 || v.Packet != flv.AVCSequenceHeader {
		return
	}
	if startsWithCode(v.Data) {
		r.sets = h264.SplitAnnexB(v.Data)
	} else if c, err := h264.ParseAVCConfig(v.Data); err == nil {
		r.sets = c.Sets()
	}
}

// readFLV reads an FLV file to its end, which is no error. begin must have been called.
func (x *extractor) readFLV(ctx context.Context, r *bufio.Reader) error {
	const header, previousSize = 9, 4
	offset := int64(header + previousSize)
	if head, err := r.Peek(header); err == nil {
		offset = int64(binary.BigEndian.Uint32(head[5:])) + previousSize
	}
	reader, tags := flv.NewReader(r), newTagReader(x)
	return x.each(ctx, func() error {
		t, err := reader.Next()
		if err == nil {
			tags.tag(t, offset)
			offset += int64(t.Size())
		}
		return err
	})
}

// play passes on the tags until each returns an error or the stream ends, which is none.
func (s *source) play(ctx context.Context, begun func(), each func(flv.Tag) error) error {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	address, err := rtmp.ParseTarget(s.t.Text)
	if err != nil {
		return err
	}
	c, err := s.o.dial(w.Ctx, "tcp", address.Address())
	if err != nil {
		return fmt.Errorf("open stream: %w", w.Explain(err))
	}
	p, err := rtmp.Play(w.Ctx, c, address)
	if err != nil {
		return fmt.Errorf("play stream: %w", w.Explain(err))
	}
	defer p.Close()
	begun()
	for {
		w.Waiting()
		t, err := p.Next(w.Ctx)
		w.Working()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("play stream: %w", w.Explain(err))
		}
		if err := each(t); err != nil {
			return err
		}
	}
}

func (s *source) readRTMP(ctx context.Context, x *extractor) error {
	var tags *tagReader
	return s.play(ctx, func() {
		x.note(NoteConnected, nil, "reading %s", input.RTMP.Name())
		x.begin(flvWrap, nil, "")
		tags = newTagReader(x)
	}, func(t flv.Tag) error {
		tags.tag(t, -1)
		return x.err
	})
}
