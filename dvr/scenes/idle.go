package scenes

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/media"
)

const (
	// noPictures is how long a decoder may be without a first picture before that is said: long beyond what a slow machine
	// takes.
	noPictures = 10 * time.Second
	// enoughTime is of how much stream time a decoder must make a picture: more than any number of pictures it keeps back.
	enoughTime = 2 * media.TicksPerSecond
)

// watched says whether a decoder makes pictures.
type watched struct {
	scanner  *Scanner
	feed     *feed
	pictures atomic.Int64
	over     chan struct{} // closed when nobody watches any more
}

// watch watches the decoder of f, until ctx ends.
func (s *Scanner) watch(ctx context.Context, f *feed) *watched {
	w := &watched{scanner: s, feed: f, over: make(chan struct{})}
	go func() {
		defer close(w.over)
		tick := time.NewTicker(s.silence)
		defer tick.Stop()
		for w.pictures.Load() == 0 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if w.pictures.Load() == 0 && (f.waiting.Load() || f.span.Load() >= enoughTime) {
				w.say("ffmpeg makes no pictures: there are no frames until it does")
			}
		}
	}()
	return w
}

// end is called when the decoder has ended as it should.
func (w *watched) end() {
	if w.pictures.Load() == 0 && w.feed.span.Load() >= enoughTime {
		w.say("ffmpeg made no pictures, and reported no error: there are no frames")
	}
}

func (w *watched) say(text string) {
	w.scanner.idle.Do(func() {
		w.scanner.o.Logger.Warn(text+": is it the program that it should be?", "program", w.scanner.o.FFmpeg,
			"seconds_given", seconds(w.feed.span.Load()))
	})
}
