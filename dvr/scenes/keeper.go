package scenes

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/media"
)

// saveEvery is the most stream time between two writings of the state: what is scanned again after a crash.
const saveEvery = 10 * media.TicksPerSecond

const maxPending = 256 // how many key points a decoder may be behind: more than it has frames in work

const writePause = time.Second // how long a disk that refuses is left alone

// keeper looks at the pictures in their order and keeps the frames that are wanted.
type keeper struct {
	folder string // of the session
	log    *slog.Logger
	scene  float64
	lasts  int64 // MinScene in ticks
	every  int64 // MaxInterval in ticks
	index  *index
	state  scanState
	saved  int64 // Done when the state was written last
	frames *atomic.Int64

	scorer scorer
	feed   *feed // of the stretch
	// pending are key points before their pictures, and points those with them, with the scorer's clock then. lastKey is the last of
	// these.
	pending       []keyPoint
	points        []clockedPoint
	lastKey       place
	recordedTimes []recordedTime // those before their pictures
	last          int64          // the PTS of the last picture, not wrapped; it is set with state.First
	repeating     bool           // pictures up to state.Done are only compared with
	again         map[int64]bool // the PTS of frames that are in the index, but not in the state: they are found again
	failing       bool           // the last write failed
	skipped       bool           // pictures were left out before the next one
	// pictures counts those that were dealt with, and untimed those without PTS.
	pictures, untimed int64
}

// clockedPoint is a key point with its picture's clock.
type clockedPoint struct {
	place
	clock int64
}

// open reads what there is of a session whose recording has size bytes.
func (k *keeper) open(o Options, folder string, size int64, frames *atomic.Int64) error {
	state := readState(folder, size, o.Logger)
	index, err := openIndex(folder, state.Number, o.Logger)
	if err != nil {
		return err
	}
	if state.begun() && len(index.entries) == 0 {
		o.Logger.Warn("the index of frames is gone: the recording is scanned again from its beginning, and its frames get new ids")
		if err := forget(folder); err != nil {
			return err
		}
		state = scanState{}
	}
	*k = keeper{folder: folder, log: o.Logger, scene: o.Scene, lasts: inTicks(o.MinScene), every: inTicks(o.MaxInterval),
		index: index, state: state, frames: frames, again: map[int64]bool{}}
	for _, e := range index.entries {
		if frameNumber(e.id) > k.state.Number {
			k.again[e.pts] = true
		}
	}
	k.saved = k.state.Done
	frames.Store(int64(len(index.entries)))
	return nil
}

// begin prepares for pictures from state.From on.
func (k *keeper) begin() {
	k.scorer, k.points, k.repeating, k.last = scorer{}, nil, k.state.begun(), k.state.Done
}

// restart is begin after a decoder failed, and returns where to begin: where it did if there is no state yet.
func (k *keeper) restart(from place) place {
	if !k.state.begun() {
		return from
	}
	k.begin()
	return k.state.From
}

// stretch begins the pictures of another decoder.
func (k *keeper) stretch(f *feed) { k.feed, k.pending, k.recordedTimes = f, nil, nil }

// picture handles the next picture. Writes are repeated until ctx ends; the error is that of the last one then.
func (k *keeper) picture(ctx context.Context, p *picture) error {
	if !p.timed {
		if k.untimed++; k.untimed&(k.untimed-1) == 0 {
			k.log.Warn("a picture has no time stamp: it is left out", "pictures", k.untimed)
		}
		return nil
	}
	wire := k.feed.picker.original(p.pts)
	p.pts = wire
	if k.state.begun() {
		p.pts = media.Unwrap(wire, k.last)
	}
	k.last = p.pts
	score, slow, since := k.scorer.score(p)
	keys, records := k.feed.takeMet()
	k.pending, k.recordedTimes = append(k.pending, keys...), append(k.recordedTimes, records...)
	k.meetKey(wire)
	recorded := k.recorded(wire)
	from := k.feed.picker.from
	if k.repeating {
		if from.Video < k.state.Stretch || p.pts <= k.state.Done {
			return nil
		}
		k.repeating = false
	}
	if k.skipped {
		k.skipped = false
		k.log.Warn("pictures were not scanned for frames", "from", seconds(k.state.Done), "to", seconds(p.pts))
	}
	if slow >= k.scene && since >= k.state.Taken { // nothing of what it became is there yet
		score = max(score, slow)
	}
	scene, score := k.lasting(p.pts, score)
	reason := k.reason(p.pts, scene)
	first := p.pts
	if k.state.begun() {
		first = *k.state.First
	}
	if reason != "" {
		if err := k.keep(ctx, p, recorded, reason, score, first); err != nil {
			return err
		}
	}
	if !k.state.begun() {
		k.state.First, k.state.From = &first, from
	}
	k.pictures++
	k.state.Done, k.state.Stretch = p.pts, from.Video
	k.movePoint()
	if d := p.pts - k.saved; reason == "" && 0 <= d && d < saveEvery {
		return nil
	}
	return k.write(ctx, k.save)
}

// inTicks is a length of time in 90 kHz ticks.
func inTicks(d time.Duration) int64 { return int64(d / time.Microsecond * 9 / 100) }

// lasting reports whether a scene has lasted long enough at pts, and its first score; else the picture's own score.
func (k *keeper) lasting(pts int64, score float64) (bool, float64) {
	s := &k.state
	switch {
	case k.lasts == 0 || !s.begun():
		return score >= k.scene, score
	case score >= k.scene:
		s.Waiting, s.Score = &pts, score
	case s.Waiting != nil && pts < *s.Waiting: // the time went back
		s.Waiting = &pts
	case s.Waiting != nil && pts-*s.Waiting >= k.lasts:
		began := s.Score
		s.Waiting, s.Score = nil, 0
		return true, began
	}
	return false, score
}

// reason is why the frame at pts is taken, empty if it isn't; scene reports a new scene.
func (k *keeper) reason(pts int64, scene bool) string {
	if pts < k.state.Taken { // the time went back
		k.state.Taken = pts
	}
	switch {
	case !k.state.begun():
		return ReasonFirst
	case scene:
		return ReasonScene
	case pts-k.state.Taken >= k.every:
		return ReasonInterval
	}
	return ""
}

// meetKey notes whether the picture of that PTS, of 33 bits, is that of a key point.
func (k *keeper) meetKey(wire int64) {
	i := slices.IndexFunc(k.pending, func(p keyPoint) bool { return p.pts == wire })
	if i < 0 { // the oldest are none that a decoder would make a picture of
		k.pending = slices.Delete(k.pending, 0, max(0, len(k.pending)-maxPending))
		return
	}
	k.lastKey = k.pending[i].place
	k.points = append(k.points, clockedPoint{k.lastKey, k.scorer.clock})
	k.pending = slices.Delete(k.pending, 0, i+1)
}

// movePoint moves the restart place to the last key point from which the next score can be computed again.
func (k *keeper) movePoint() {
	n := 0
	for n < len(k.points) && k.points[n].clock <= k.scorer.clock-scoreMemory {
		k.state.From = k.points[n].place
		n++
	}
	k.points = slices.Delete(k.points, 0, n)
}

func (k *keeper) save() error {
	if !k.state.begun() {
		return nil
	}
	k.saved = k.state.Done
	return k.state.write(k.folder)
}

// keep adds a frame to the index, unless it is there. first is the PTS of the first picture.
func (k *keeper) keep(ctx context.Context, p *picture, recorded *recordedTime, reason string, score float64, first int64) error {
	if k.again[p.pts] {
		delete(k.again, p.pts)
		k.state.Taken, k.state.Number = p.pts, k.index.number
		return nil
	}
	f := Frame{PTS: p.pts, Position: seconds(p.pts - first), Score: float64(int(score*1000+0.5)) / 1000, Reason: reason}
	if n, ok := generator.ReadFrameCode(p.y, p.width, p.width, p.height); ok {
		f.Number = &n
	}
	// A picture with lost packets may show any number.
	if recorded != nil && (f.Number == nil || *f.Number == recorded.frame) {
		f.Time = &recorded.time
	}
	jpeg, err := encodeJPEG(p, k.feed.picker.colours())
	if err != nil {
		return err
	}
	if err := k.write(ctx, func() error { return k.index.add(f, jpeg) }); err != nil {
		return err
	}
	k.state.Taken, k.state.Number = p.pts, k.index.number
	k.frames.Store(int64(len(k.index.entries)))
	return nil
}

// write calls do until it succeeds, while the recording grows. When ctx has ended the error is do's last.
func (k *keeper) write(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			if k.failing {
				k.failing = false
				k.log.Info("frames can be written again: none was left out")
			}
			return nil
		}
		if !k.failing {
			k.failing = true
			k.log.Error("a frame can't be written: that is tried again until it works, and the recording continues", "error", err, "every", writePause)
		}
		if pause.For(ctx, writePause) != nil {
			return err
		}
	}
}
