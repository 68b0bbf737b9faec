package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
)

// generate makes a stretch with the rig's fakes.
func (r *rig) generate(first, frames int64, change func(g *Generate)) error {
	r.t.Helper()
	live := r.build()
	g := &Generate{Channel: live.Channel, First: first, Frames: frames}
	if change != nil {
		change(g)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel, r.done = cancel, make(chan error, 1)
	r.done <- g.Run(ctx)
	return r.ended()
}

// All frames are published, in whatever order they leave the encoder; the times are the nominal ones.
func TestGenerate(t *testing.T) {
	var first []markers.FrameRecord
	for _, b := range []int{0, 1, 2, 3} {
		inBubble(t, func(r *rig) {
			r.info.EventEvery, r.info.EventLength = 20, 7
			r.scripts = []script{{b: b, lookahead: 7 * b}}
			var progress []int64
			err := r.generate(1010, 95, func(g *Generate) {
				g.Progress = func(done int64) { progress = append(progress, done) }
			})
			if err != nil {
				r.t.Fatal(err)
			}
			r.check()
			segments := r.segments()
			if last := segments[len(segments)-1]; len(segments) != 10 || segments[0].FirstFrame != 1010 || last.LastFrame != 1104 || len(r.missing()) > 0 {
				r.t.Errorf("account %q", r.account())
			}
			if len(progress) != 95 || progress[0] != 1 || progress[94] != 95 || !r.hls.closed || len(r.out.units) != 95 {
				r.t.Errorf("progress %v, %d units", progress, len(r.out.units))
			}
			records := r.frames()
			for i, f := range records {
				if at := r.info.Clock().UTC(f.Frame); f.GenNS != at.UnixNano() || f.MonoNS != int64(i)*int64(frameTime) {
					r.t.Errorf("frame %d: made at %d, %d after the start", f.Frame, f.GenNS, f.MonoNS)
				}
				// The order of the pictures changes nothing but when they are decoded.
				f.DTS = 0
				if first != nil && f != first[i] {
					r.t.Errorf("with %d B pictures %+v, without %+v", b, f, first[i])
				}
				records[i] = f
			}
			first = records
		})
	}
}

// An event that the stretch cuts off ends where the stretch does.
func TestGenerateEndsInEvent(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.info.EventEvery, r.info.EventLength = 40, 15
		ev := r.scenario().Next(firstFrame + 20)
		last := ev.First + 4
		if err := r.generate(firstFrame, last-firstFrame+1, nil); err != nil {
			t.Fatal(err)
		}
		list := r.markers()
		m := list[len(list)-1]
		clock := r.info.Clock()
		if m.Frame != ev.First || m.LastFrame != last || m.LastPTS != clock.PTS(last) || m.EndTime != clock.Time(last) {
			t.Errorf("the event is cut off at frame %d, its marker is %+v", last, m)
		}
		for _, m := range list[:len(list)-1] {
			if m.LastFrame-m.ScheduledFrame != 14 {
				t.Errorf("marker %+v of a whole event", m)
			}
		}
	})
}

// The first failure ends the stretch, and it is the one that is reported, not what follows from it.
func TestGenerateFails(t *testing.T) {
	lose := func(lost int64) func(int64, *media.Unit) bool {
		return func(i int64, _ *media.Unit) bool { return i != lost }
	}
	broken := errors.New("no such encoder")
	for name, c := range map[string]struct {
		script
		spoil func(r *rig, g *Generate)
		want  string
		is    error
	}{
		"schedule":           {spoil: func(_ *rig, g *Generate) { g.Info.EventLength = 0 }, want: "channel main: event length"},
		"picture":            {spoil: func(_ *rig, g *Generate) { g.Info.Width = 7 }, want: "channel main: size 7x"},
		"no encoder":         {spoil: func(r *rig, _ *Generate) { r.noEncoder[0] = broken }, want: "make encoder: ", is: broken},
		"dead encoder":       {script: script{fate: dies}, is: errDied},
		"encoder dies":       {script: script{fate: dies, after: 500}, is: errDied},
		"it dies in a frame": {script: script{fate: diesInWrite, after: 500}, is: errDied},
		"it ends too soon":   {script: script{fate: ends, after: 500}, want: ""},
		"frame of its own":   {script: script{edit: func(_ int64, u *media.Unit) bool { u.Frame += 5000; return true }}, want: "handle frame 6010: record frame 6010: "},
		"no slice":           {script: script{edit: func(_ int64, u *media.Unit) bool { u.NALs = nil; return true }}, want: "handle frame 1010: annotate frame 1010: "},
		"disk full":          {spoil: func(r *rig, _ *Generate) { r.hls.fails = func(msn int64) bool { return msn == 130 } }, want: "publish segment 130 ", is: errDiskFull},
		"disk full at last":  {spoil: func(r *rig, _ *Generate) { r.hls.fails = func(msn int64) bool { return msn == 200 } }, want: "end playlist: publish segment 200 ", is: errDiskFull},
		"playlist":           {spoil: func(r *rig, _ *Generate) { r.hls.closeErr = packager.ErrPlaylist }, want: "end playlist: ", is: packager.ErrPlaylist},
		"refused frame":      {script: script{refuse: map[int64]error{1505: errors.New("not a picture of this size")}}, want: "not a picture of this size"},
		"output":             {spoil: func(r *rig, _ *Generate) { r.out.fails = func(n int64) bool { return n == 1500 } }, want: "handle frame 1500: write frame 1500: ", is: errNobodyListens},
		"a frame is lost":    {script: script{edit: lose(305)}, want: "publish segment 131 ", is: packager.ErrPublish},
		"and in the end":     {script: script{edit: lose(992)}, want: "end playlist: publish segment 200 ", is: packager.ErrPublish},
		"the last is lost":   {script: script{edit: lose(994)}, want: "encode: 995 frames went in, 994 came out"},
		"interrupted": {script: script{slow: map[int64]time.Duration{400: time.Hour}}, spoil: func(r *rig, _ *Generate) {
			time.AfterFunc(time.Minute, func() { r.cancel() })
		}, is: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				err := r.generate(1010, 995, func(g *Generate) {
					if c.spoil != nil {
						c.spoil(r, g)
					}
				})
				if err == nil || !strings.HasPrefix(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("error %v, want %q, %v", err, c.want, c.is)
				}
				if len(r.missing()) > 0 {
					t.Errorf("missing %+v: files have no missing records", r.missing())
				}
			})
		})
	}
}

// A disk that is full ends the stretch at once: nothing more is published, and little is encoded in vain.
func TestGenerateStopsAtFirstFailure(t *testing.T) {
	inBubble(t, func(r *rig) {
		err := r.generate(1010, 5000, func(*Generate) {
			r.hls.fails = func(msn int64) bool { return msn == 103 }
			r.hls.stall = map[int64]time.Duration{1039: time.Second} // meanwhile the queue fills
		})
		if !errors.Is(err, errDiskFull) || len(r.hls.published) != 2 || r.hls.closed {
			t.Errorf("error %v after %d segments, closed %v", err, len(r.hls.published), r.hls.closed)
		}
		// 30 units until it fails, 64 in the queue, and some until all have noticed.
		if n := len(r.encoders[0].gave); n > 1000 {
			t.Errorf("%d units were encoded", n)
		}
	})
}

// A frame that can't be rendered ends the stretch.
func TestGenerateBeyondTheLastFrame(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.info.Epoch = time.Unix(0, 0).UTC()
		first := int64(generator.MaxFrame)/10*10 - 10
		err := r.generate(first, 100, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "render frame 17592186044416: out of range") {
			t.Errorf("error %v", err)
		}
	})
}

// A disk that is slow makes generate wait: nothing is given up, and what is rendered ahead stays bounded.
func TestGenerateWaitsForTheDisk(t *testing.T) {
	inBubble(t, func(r *rig) {
		began := time.Now()
		var left atomic.Int64
		err := r.generate(1010, 500, func(g *Generate) {
			g.Progress = left.Store
			r.hls.stall = map[int64]time.Duration{1050: time.Hour}
			time.AfterFunc(time.Minute, func() {
				// One is with the disk, 64 are in the queue, one waits.
				if n := left.Load(); n != 40+1+64+1 {
					t.Errorf("%d units have left the encoder while the disk stands still", n)
				}
			})
		})
		if err != nil || time.Since(began) != time.Hour || len(r.segments()) != 50 {
			t.Errorf("error %v after %v, account %q", err, time.Since(began), r.account())
		}
		r.check()
	})
}

// FFmpeg refuses options that can't work, and starts nothing before an encoder runs.
func TestFFmpeg(t *testing.T) {
	if _, err := FFmpeg(encoder.Options{})(); err == nil {
		t.Error("an encoder without a size is accepted")
	}
}
