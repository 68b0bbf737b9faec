package refstreamtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/refstreamtest"
)

// A reader of live streams is tried: it has to find an event where it is.
func TestLiveReader(t *testing.T) {
	t.Parallel()
	s := refstreamtest.Start(t, refstreamtest.Options{})
	event := s.WaitMarker(t.Context(), 0)
	found := detect(t, s.HLS(), event.LastFrame+1)
	if len(found) != 1 || s.FrameAt(found[0]) != event.Frame {
		t.Errorf("found events at %v, there is one at %v", found, s.Time(event.Frame))
	}
}

// A detector has to find every event of a clip, and nothing else.
func TestDetectorOfClips(t *testing.T) {
	t.Parallel()
	clip := refstreamtest.Generate(t, refstreamtest.Options{}, 10*time.Second)
	result := clip.Score(t.Context(), detect(t, clip.HLS(), 250), score.Options{Tolerance: media.Seconds(20 * time.Millisecond)})
	if result.Markers == 0 || *result.Recall < 1 || *result.Precision < 1 {
		t.Errorf("%d of %d events are found, %d more are not there", result.Matched, result.Markers, result.Spurious)
	}
}

// detect is the program that the examples try: it looks for cyan in the first pictures of a stream of 25 frames/s.
func detect(t *testing.T, input string, frames int64) (found []time.Duration) {
	t.Helper()
	const width, height = 64, 36
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	seek := []string{"-v", "error"}
	if bytes.HasPrefix([]byte(input), []byte("http")) {
		seek = append(seek, "-live_start_index", "0")
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", append(seek, "-i", input, "-map", "0:v:0", "-frames:v", fmt.Sprint(frames),
		"-vf", fmt.Sprintf("scale=%d:%d", width, height), "-pix_fmt", "rgb24", "-f", "rawvideo", "-")...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	picture, was := make([]byte, width*height*3), false
	for n := 0; ; n++ {
		if _, err := io.ReadFull(out, picture); err != nil {
			break
		}
		cyan := false
		for i := 0; i < len(picture); i += 3 {
			cyan = cyan || picture[i] < 100 && picture[i+1] > 180 && picture[i+2] > 180
		}
		if cyan && !was {
			found = append(found, time.Duration(n)*time.Second/25)
		}
		was = cyan
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return found
}
