package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// recordingTime is how long recorders are measured: many segments, and a bound on what the recording of ten takes.
func (l *lab) recordingTime() time.Duration { return pick(l, 30*time.Second, 6*time.Second) }

// recording measures the processor time and memory of recording a live stream, for one and for ten at once, against ffmpeg that
// copies the same playlist's stream into a file. nginx serves the files to both, to leave out the cost of making them.
func (l *lab) recording(ctx context.Context) ([]row, error) {
	s, err := l.serveStream(ctx, nil, "recording", "--size", "1280x720")
	if err != nil {
		return nil, err
	}
	rows, err := l.recordingRows(ctx, s)
	return rows, errors.Join(err, s.stop())
}

func (l *lab) recordingRows(ctx context.Context, s *stream) ([]row, error) {
	www, err := l.folder("recorded-www")
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.Symlink(filepath.Join(l.dir, "recording", "main", "hls"), filepath.Join(www, "hls")),
		os.WriteFile(filepath.Join(www, "markers"), nil, 0o644)) // which startNginx waits for
	if err != nil {
		return nil, fmt.Errorf("make folder for nginx: %w", err)
	}
	nginx, base, err := l.startNginx(ctx, www)
	if err != nil {
		return nil, err
	}
	defer nginx.stop() //nolint:errcheck // what it was for is done
	url := base + "/hls/index.m3u8"
	if err := nginx.await(ctx, url, 30*time.Second); err != nil {
		return nil, err
	}
	if err := s.letRun(ctx, warmUp); err != nil {
		return nil, err
	}
	ours := func(n int, flags ...string) (recordCost, error) {
		return l.recordAll(ctx, n, func(dir string) (*program, error) {
			return start(ctx, nil, l.refstream, append([]string{"record", url, "-o", dir, "-s", "session"}, flags...)...)
		})
	}
	var rows []row
	for _, n := range []int{1, 10} {
		cost, err := ours(n)
		if err != nil {
			return rows, err
		}
		theirs, err := l.recordAll(ctx, n, func(dir string) (*program, error) {
			return start(ctx, nil, l.ffmpeg, "-nostdin", "-v", "error", "-i", url, "-c", "copy", "-f", "mpegts",
				filepath.Join(dir, "copy.ts"))
		})
		if err != nil {
			return rows, err
		}
		what := "one stream"
		if n > 1 {
			what = fmt.Sprintf("each of %d streams at once", n)
		}
		rows = append(rows,
			row{Name: "record " + what, Unit: "ms/s", Ours: cost.millis,
				Note: fmt.Sprintf("processor time in a second of 1280x720@30, over %v after %v; the playlist is asked for 20 times a "+
					"second to know when a version appears, by ffmpeg once in a segment", l.recordingTime(), warmUp),
			}.against("ffmpeg -c copy", theirs.millis, cost.millis/theirs.millis),
			row{Name: "peak memory, record " + what, Unit: "MB", Ours: cost.megabytes, Note: "of the process that has the most"}.
				against("ffmpeg -c copy", theirs.megabytes, cost.megabytes/theirs.megabytes))
		if n > 1 {
			continue
		}
		seldom, err := ours(n, "--poll", "1s")
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{Name: "record one stream, --poll 1s", Unit: "ms/s", Ours: seldom.millis, Note: "without so many questions"}.
			against("ffmpeg -c copy", theirs.millis, seldom.millis/theirs.millis))
	}
	return rows, nil
}

// recordCost is what recorders took.
type recordCost struct {
	millis    float64 // of processor time in a second, the mean of all
	megabytes float64 // the largest peak
}

// recordAll runs recorders at once, each with a folder of its own, and measures them once they are under way.
func (l *lab) recordAll(ctx context.Context, n int, begin func(dir string) (*program, error)) (cost recordCost, err error) {
	var running []*program
	defer func() {
		for _, p := range running {
			_ = p.stop() // ffmpeg says 255; that one ended by itself was said
		}
	}()
	for i := range n {
		dir, err := l.folder(fmt.Sprintf("recorded-%d", i))
		if err != nil {
			return cost, err
		}
		p, err := begin(dir)
		if err != nil {
			return cost, err
		}
		running = append(running, p)
	}
	if err := running[0].letRun(ctx, warmUp); err != nil {
		return cost, err
	}
	before, err := timeOfAll(running)
	if err != nil {
		return cost, err
	}
	began := time.Now()
	if err := running[0].letRun(ctx, l.recordingTime()); err != nil {
		return cost, err
	}
	after, err := timeOfAll(running)
	if err != nil {
		return cost, err
	}
	// Less than the unit of what is read would be nothing, which nothing can be compared with.
	cost.millis = max(after-before, clockTick).Seconds() / time.Since(began).Seconds() / float64(n) * 1000
	for _, p := range running {
		peak, err := peakMemory(p.cmd.Process.Pid)
		if err != nil {
			return cost, err
		}
		cost.megabytes = max(cost.megabytes, float64(peak)/1e6)
	}
	return cost, nil
}

// timeOfAll sums processor times. A program that has ended is an error, with what it said.
func timeOfAll(running []*program) (sum time.Duration, err error) {
	for _, p := range running {
		t, err := processorTime(p.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("measure recorders: %w", errors.Join(err, p.stop()))
		}
		sum += t
	}
	return sum, nil
}
