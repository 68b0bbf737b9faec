package scenes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/dvr/splice"
)

// Scanner extracts frames from a growing recording. Each picture is decoded once, in one pass. After a restart some are decoded
// again to compare the next ones with: the index is the same as without a stop.
type Scanner struct {
	o      Options
	folder string // of the session

	grown    chan struct{}
	finished chan struct{}
	finish   sync.Once
	scanned  atomic.Int64
	frames   atomic.Int64

	// What follows belongs to Run's goroutine.
	src    *source
	keeper keeper

	// silence is noPictures, or shorter in tests; idle is for saying once that it lasts.
	silence time.Duration
	idle    sync.Once
	// looked is called after each picture, for tests that stop a scan at a certain one.
	looked func()
}

// New makes a Scanner for the session in folder, whose recording must exist when Run is called. The error reports a wrong option,
// or that ffmpeg is missing.
func New(o Options, folder string) (*Scanner, error) {
	o, err := o.WithDefaults()
	if err != nil {
		return nil, err
	}
	if o.FFmpeg, err = exec.LookPath(o.FFmpeg); err != nil {
		return nil, fmt.Errorf("find decoder: %w: install ffmpeg, or give its path", err)
	}
	return &Scanner{o: o, folder: folder, grown: make(chan struct{}, 1), finished: make(chan struct{}), silence: noPictures,
		looked: func() {}}, nil
}

// Grown reports new data in the recording or the log of connections. It may be called at any time, and never blocks.
func (s *Scanner) Grown() {
	select {
	case s.grown <- struct{}{}:
	default: // it is pending already
	}
}

// Finish reports that the recording will not grow any more.
func (s *Scanner) Finish() { s.finish.Do(func() { close(s.finished) }) }

// Scanned is how many bytes were given to a decoder, and how many frames are in the index.
func (s *Scanner) Scanned() (bytes int64, frames int) { return s.scanned.Load(), int(s.frames.Load()) }

// Run scans until all of the recording is scanned after Finish, which is no error, or ctx ends, whose error it returns. Other
// errors: a file can't be read, could not be written until ctx ended, or ffmpeg can't be started. Nothing that it started is
// left then.
func (s *Scanner) Run(ctx context.Context) error {
	f, err := os.Open(filepath.Join(s.folder, filepath.FromSlash(splice.RecordingFile)))
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}
	defer f.Close()
	s.src = &source{folder: s.folder, f: f, grown: s.grown, finished: s.finished}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	if err := s.keeper.open(s.o, s.folder, info.Size(), &s.frames); err != nil {
		return err
	}
	err = s.scan(ctx)
	if errors.Is(err, errAllRead) {
		err = nil
	}
	if s.keeper.failing { // it is known already
		return err
	}
	return errors.Join(err, s.keeper.save())
}

// scan scans one stretch after the other. The error is errAllRead when that is done.
func (s *Scanner) scan(ctx context.Context) error {
	at := s.keeper.state.From
	s.keeper.begin()
	r := retry{}
	for {
		if err := s.src.begins(ctx, at.Tables); err != nil {
			return err
		}
		f := newFeed(s.src, at, r.skip(), &s.scanned)
		failure, err := s.stretch(ctx, f)
		if failure != nil {
			at = s.again(&r, f, failure)
			continue
		}
		if r.tries > 0 && !f.picker.started && ctx.Err() == nil {
			s.o.Logger.Warn("the rest of a connection was not scanned for frames", "from_byte", r.from, "to_byte", f.at)
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
		r, at = retry{}, f.next
	}
}

// stretch scans f with one decoder. err is why that ended: io.EOF at the end of the stretch, errAllRead at that of the recording,
// or a fatal error. failure is why the decoder failed; err is nil then.
func (s *Scanner) stretch(ctx context.Context, f *feed) (failure, err error) {
	first, err := f.step(ctx)
	if err != nil {
		if f.at > f.picker.from.Video && f.picker.passed == 0 && ctx.Err() == nil {
			s.o.Logger.Warn("there is no video to take frames of", "from_byte", f.picker.from.Video, "to_byte", f.at)
		}
		return nil, err
	}
	d, err := startDecoder(ctx, s.o.FFmpeg, s.o.Logger)
	if err != nil {
		return nil, err
	}
	feedCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	fed := make(chan error, 1)
	go func() { fed <- f.run(feedCtx, first, d.in) }()
	watched := s.watch(feedCtx, f)
	s.keeper.stretch(f)
	var p picture
	var kept error
	for err == nil && kept == nil && ctx.Err() == nil {
		if err = d.next(&p); err == nil {
			watched.pictures.Add(1)
			kept = s.keeper.picture(ctx, &p)
			s.looked()
		}
	}
	cancel() // of no effect where all was given
	waited := d.wait(!errors.Is(err, io.EOF))
	ended := <-fed
	<-watched.over
	switch {
	case kept != nil:
		return nil, kept
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !errors.Is(ended, errDecoderGone) && !errors.Is(ended, context.Canceled) && !errors.Is(ended, io.EOF) && !errors.Is(ended, errAllRead):
		return nil, ended
	case errors.Is(err, io.EOF) && waited == nil && (errors.Is(ended, io.EOF) || errors.Is(ended, errAllRead)):
		watched.end()
		return nil, ended
	case errors.Is(err, io.EOF) && waited == nil:
		return fmt.Errorf("decode video: ffmpeg ended before its input did%s", d.lines.Addition()), nil
	case errors.Is(err, io.EOF):
		return waited, nil
	}
	return errors.Join(err, waited), nil
}

const maxSkip = 64 // how many key frames further on a decoder is tried again at most

// retry counts failures of decoders without a new picture in between. The first retry repeats the same pictures, since the process
// may have been killed; later ones skip more and more, since ffmpeg may be unable to decode the stream.
type retry struct {
	tries int
	// pictures is how many there were when a decoder failed last, and from how far the recording had been given then.
	pictures, from int64
}

// skip is how many key frames the next decoder skips.
func (r retry) skip() int {
	if r.tries < 2 {
		return 0
	}
	return min(1<<(r.tries-2), maxSkip)
}

// again returns where to continue after the decoder of f failed.
func (s *Scanner) again(r *retry, f *feed, failure error) place {
	if r.tries == 0 || s.keeper.pictures > r.pictures {
		r.tries, r.from = 0, f.picker.from.Video
	}
	r.tries++
	r.pictures = s.keeper.pictures
	if r.tries == 1 {
		s.o.Logger.Error("the decoder failed: another one gets the same pictures", "error", failure, "at_byte", f.at)
		return s.keeper.restart(f.picker.from)
	}
	s.o.Logger.Error("the decoder failed again: pictures are left out, up to another key frame", "error", failure, "at_byte", f.at)
	s.keeper.skipped = true
	// From the last key frame that was decoded on, or where this one began: the key frames behind it are tried.
	from := f.picker.from
	if k := s.keeper.lastKey; k.Video > from.Video {
		from = k
	}
	return from
}
