package scenes

import (
	"context"
	"time"

	"github.com/refstream/refstream/generator"
)

// writePause is how long a disk that refuses is left alone.
const writePause = time.Second

// keep puts a frame into the index, unless it is there. recorded is what its frame record says, nil for none; first is the PTS of the first picture.
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
	// What packets were lost of may say anything.
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

// write calls do until it works. The decoder waits meanwhile, and the recording grows. The error is the last of do, when
// ctx has ended.
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
			k.log.Error("a frame can't be written: that is tried again until it works, and the recording goes on", "error", err, "every", writePause)
		}
		var pause timer
		pause.start(writePause)
		select {
		case <-pause.ticks():
		case <-ctx.Done():
		}
		pause.stop()
		if ctx.Err() != nil {
			return err
		}
	}
}
