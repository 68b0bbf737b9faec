// Package verify compares a stream with the truth about it: is every frame there, once, in order and at its time; are the
// clocks that the stream carries right; are its events shown at the frames of their markers?
//
// The anchor is the picture: ffmpeg decodes the stream, and the frame code in its pixels (package generator) names the frame
// that each picture shows, however it was changed on the way. Everything else is compared with that: time stamps (ISO/IEC
// 13818-1, 2.4.3.7), the statements that package analyzer finds, and the block of events in the picture.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/sound"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
)

// Options are how a stream is verified. Only Now is needed.
type Options struct {
	// Now is the wall clock.
	Now func() time.Time
	// FFmpeg and FFprobe are the programs; empty for those of that name in the path.
	FFmpeg, FFprobe string
	// Duration is how much of a live stream is read; 0 for 30 s. A file is read to its end.
	Duration time.Duration
	// Allow lists findings that don't make a stream untrue: what was done on purpose.
	Allow []report.Allowance
	// Faults reads the records of the faults that are planned for one of the frames first to last; nil: those that the source of the
	// truth knows of.
	Faults func(ctx context.Context, source truth.Source, first, last int64) ([]markers.FaultRecord, error)
	// Logger logs what happens while the stream is read; nil for nobody.
	Logger *slog.Logger
}

// defaultDuration shows an event or more at the default of one in 20 s.
const defaultDuration = 30 * time.Second

func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		return o, errors.New("verify options: Now is missing: give time.Now")
	}
	if o.Duration < 0 {
		return o, errors.New("verify options: Duration is negative")
	}
	for _, a := range o.Allow {
		if !a.Kind.Known() {
			return o, fmt.Errorf("verify options: %q is no kind of finding: use some of %v", a.Kind, report.Kinds())
		}
	}
	if o.Faults == nil {
		o.Faults = truth.FaultsOf
	}
	o.Duration = cmp.Or(o.Duration, defaultDuration)
	o.FFmpeg, o.FFprobe = cmp.Or(o.FFmpeg, "ffmpeg"), cmp.Or(o.FFprobe, "ffprobe")
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o, nil
}

// Run verifies a stream: a URL, of which it reads Duration, or the path of a file. An error means that it is not
// known whether the stream is true: the report's verdict may also be Unknown, with the reasons in it.
func Run(ctx context.Context, url string, source truth.Source, o Options) (*report.Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if _, ok := source.(truth.Unnamed); !ok { // what is wrong with the truth is reported before a live stream is read
		if _, err := truth.CheckedChannel(ctx, source); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "refstream-verify-*")
	if err != nil {
		return nil, fmt.Errorf("make temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)

	read := analyzer.Options{Now: o.Now, Logger: o.Logger}
	in := streamData{url: url, faults: o.Faults}
	capture := read
	capture.Note = func(n analyzer.Note) {
		if n.Kind == analyzer.NoteLost {
			in.notes = append(in.notes, n.String())
		}
	}
	captured, err := analyzer.Capture(ctx, url, dir, capture, o.Duration)
	unstored := new(analyzer.StoreError)
	local, isFile := pixels.LocalFile(url)
	in.cut = !isFile
	switch {
	case err == nil:
		in.kind, in.dash, in.dated, in.undated, in.doubled = captured.Kind, captured.DASH, captured.Dated, captured.Undated, captured.Doubled
	case errors.As(err, &unstored):
		return nil, unstored
	case ctx.Err() != nil, !isFile, errors.Is(err, m3u8.ErrManifest): // of which ffmpeg would follow a live one without end
		return nil, fmt.Errorf("read stream: %w", err)
	default: // ffmpeg reads more kinds of files: what the pictures show can still be compared
		captured.Path, in.unread = local, err
	}
	unread := in.unread
	if in.info, err = pixels.Probe(ctx, o.FFprobe, captured.Path); err != nil {
		return nil, errors.Join(unread, err)
	}
	// A file may grow: what its pictures state is read after them, so that none is without its statements.
	state := func() error {
		in.statements, in.metadata, in.units, in.transport, in.unread = nil, nil, nil, nil, unread
		if unread == nil {
			in.unread = in.readStatements(ctx, captured.Path, read)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(in.unread, &unstored) {
			return unstored
		}
		if in.unread != nil {
			in.readOthers(ctx, unread != nil, captured.Path, dir, o.FFmpeg, read)
		}
		return nil
	}
	if u, ok := source.(truth.Unnamed); ok {
		if err := state(); err != nil {
			return nil, err
		}
		if source, err = u.Find(ctx, in.channelName()); err != nil {
			return nil, err
		}
	}
	channel, err := truth.CheckedChannel(ctx, source)
	if err != nil {
		return nil, err
	}
	in.pictures, err = pixels.Decode(ctx, pixels.Decoding{
		FFmpeg: o.FFmpeg, Path: captured.Path, Dir: dir, Info: in.info, Channel: channel,
	})
	if err != nil {
		return nil, err
	}
	if channel.Audio {
		in.sound, in.noSound = sound.Decode(ctx, sound.Decoding{
			FFmpeg: o.FFmpeg, FFprobe: o.FFprobe, Path: cmp.Or(captured.Sound, captured.Path), Dir: dir, Playlist: captured.Sound != "" || in.info.Format == "hls",
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if err := state(); err != nil {
		return nil, err
	}
	in.undoShift()
	report, err := check(ctx, in, channel, source, o.Allow)
	if err != nil {
		return nil, err
	}
	report.At = o.Now().UTC()
	return report, nil
}
