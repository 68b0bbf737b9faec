package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// lineEvery is how often progress is told where it can't be drawn: seldom enough for a log.
const lineEvery = 5 * time.Second

// progress shows how far a generation is: a bar with the time to go on a terminal, plain lines elsewhere.
type progress struct {
	out         io.Writer
	total, done int64
	bar         *progressbar.ProgressBar
	began, told time.Time
}

func newProgress(out io.Writer, total int64) *progress {
	p := &progress{out: out, total: total, began: time.Now(), told: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(out), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("frames"), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return p
}

func (p *progress) update(done int64) {
	p.done = done
	if p.bar != nil {
		_ = p.bar.Set64(done) // a terminal that takes no more output is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.told) >= lineEvery {
		p.told = now
		left := time.Duration(float64(now.Sub(p.began)) * float64(p.total-done) / float64(done))
		fmt.Fprintf(p.out, "%d of %d frames, %.0f frames/s, %v to go\n",
			done, p.total, float64(done)/now.Sub(p.began).Seconds(), left.Round(time.Second))
	}
}

// stop ends the display where it is.
func (p *progress) stop() {
	if p.bar != nil && p.done > 0 {
		_ = p.bar.Exit()
		fmt.Fprintln(p.out)
	}
}

// finish ends the display and sums up.
func (p *progress) finish(markers int64) {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	took := time.Since(p.began)
	fmt.Fprintf(p.out, "%d frames and %d markers in %v, %.0f frames/s\n",
		p.done, markers, took.Round(10*time.Millisecond), float64(p.done)/took.Seconds())
}
