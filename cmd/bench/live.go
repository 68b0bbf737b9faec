package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/media"
)

// live measures the processor time of live streams with all their processes, and of ffmpeg alone that encodes frames of
// the same size, from memory, in real time.
func (l *lab) live(ctx context.Context) ([]row, error) {
	var rows []row
	for _, s := range []struct {
		width, height int
		target        *target
	}{{320, 180, atMost(0.15)}, {1280, 720, nil}} {
		size := fmt.Sprintf("%dx%d", s.width, s.height)
		ours, peak, err := l.liveRefstream(ctx, size)
		if err != nil {
			return rows, err
		}
		alone, err := l.liveFFmpeg(ctx, size, s.width, s.height)
		if err != nil {
			return rows, err
		}
		r := row{
			Name: "live " + size + "@30", Unit: "cores", Ours: ours,
			Note: fmt.Sprintf("processor time of all processes over %v, after %v to start", l.liveTime(), warmUp),
		}.against("ffmpeg -re, such frames", alone, ours/alone)
		if s.target != nil {
			r = r.meant(s.target)
			r.Note += "; its predecessor took 1.02"
		}
		rows = append(rows, r, row{
			Name: "peak memory, live " + size + "@30", Unit: "MB", Ours: float64(peak) / 1e6, Note: "refstream itself, without ffmpeg",
		})
	}
	return rows, nil
}

// warmUp is how long a stream runs before it is measured: starting takes more than going on.
const warmUp = 5 * time.Second

func (l *lab) liveTime() time.Duration { return pick(l, 20*time.Second, 4*time.Second) }

// liveRefstream is the number of cores that refstream serve keeps busy, and the peak of its memory in bytes.
func (l *lab) liveRefstream(ctx context.Context, size string) (cores float64, peak int64, err error) {
	s, err := l.serveStream(ctx, nil, "live-"+size, "--size", size)
	if err != nil {
		return 0, 0, err
	}
	cores, err = l.cores(ctx, s.program)
	if err == nil {
		peak, err = peakMemory(s.cmd.Process.Pid)
	}
	return cores, peak, errors.Join(err, s.stop())
}

// liveFFmpeg is the number of cores that ffmpeg keeps busy alone. It goes round in a few seconds of frames.
func (l *lab) liveFFmpeg(ctx context.Context, size string, width, height int) (float64, error) {
	encode, err := l.encoderCommand(ctx, size)
	if err != nil {
		return 0, err
	}
	raw := filepath.Join(l.memory, "live.rgb")
	defer os.Remove(raw)
	if err := writeFrames(ctx, raw, media.RGB24, picture(width, height), 150); err != nil {
		return 0, err
	}
	dir, err := l.folder("alone")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	p, err := start(ctx, nil, l.ffmpeg, encode.fromFile(raw, filepath.Join(dir, "alone.ts"), "-re", "-stream_loop", "-1")...)
	if err != nil {
		return 0, err
	}
	cores, err := l.cores(ctx, p)
	if err != nil {
		return 0, errors.Join(err, p.stop())
	}
	// ffmpeg exits with 255 when it was asked to stop.
	_ = p.stop()
	return cores, nil
}

// cores is the number of cores that a program keeps busy with all its processes, once it has warmed up.
func (l *lab) cores(ctx context.Context, p *program) (float64, error) {
	if err := p.letRun(ctx, warmUp); err != nil {
		return 0, err
	}
	return p.load(ctx, l.liveTime(), processorTime)
}

// load is the processor time that a program takes in a time, per time, as used measures it.
func (p *program) load(ctx context.Context, d time.Duration, used func(pid int) (time.Duration, error)) (float64, error) {
	before, err := used(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.letRun(ctx, d); err != nil {
		return 0, err
	}
	after, err := used(p.cmd.Process.Pid)
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}

// letRun waits while the program runs; its end is an error.
func (p *program) letRun(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return errors.Join(errors.New("the program ended while it was measured"), p.wait())
	}
}

// stream is a running refstream serve.
type stream struct {
	*program
	url string
}

// serveStream starts refstream serve at 30 frames/s with a data folder of the given name and more flags, and returns
// when it is ready.
func (l *lab) serveStream(ctx context.Context, env []string, data string, args ...string) (*stream, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	all := append([]string{"serve", "--addr", address, "--data", filepath.Join(l.dir, data), "--fps", "30", "--seed", "1"}, args...)
	p, err := start(ctx, env, l.refstream, all...)
	if err != nil {
		return nil, err
	}
	s := &stream{p, "http://" + address}
	if err := p.await(ctx, s.url+"/readyz", 30*time.Second); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return s, nil
}
