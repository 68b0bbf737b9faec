package refstreamtest_test

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/refstreamtest"
)

// A reader of live streams is tried: it has to find an event where it is.
func TestLiveReader(t *testing.T) {
	t.Parallel()
	s := refstreamtest.Start(t, refstreamtest.Options{})
	event := s.WaitMarker(t.Context(), 0)
	found := detect(t, s.HLS(), event.LastFrame)
	if len(found) != 1 || s.FrameAt(found[0]) != event.Frame {
		t.Errorf("found events at %v, there is one at %v", found, s.Time(event.Frame))
	}
}

// A detector has to find every event of a clip, and nothing else.
func TestDetectorOfClips(t *testing.T) {
	t.Parallel()
	clip := refstreamtest.Generate(t, refstreamtest.Options{}, 10*time.Second)
	result := clip.Score(t.Context(), detect(t, clip.HLS(), 249), score.Options{Tolerance: media.Seconds(20 * time.Millisecond)})
	if result.Markers == 0 || *result.Recall < 1 || *result.Precision < 1 {
		t.Errorf("%d of %d events are found, %d more are not there", result.Matched, result.Markers, result.Spurious)
	}
}

// detect is the program that the examples try: it decodes a stream from its beginning up to a frame, reads each picture's number, and
// looks for cyan.
func detect(t *testing.T, input string, last int64) (found []time.Duration) {
	t.Helper()
	const width, height = 160, 90
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := []string{"-v", "error"}
	if strings.HasPrefix(input, "http") {
		args = append(args, "-live_start_index", "0")
	}
	args = append(args, "-i", input, "-vf", fmt.Sprintf("scale=%d:%d:flags=area", width, height), "-pix_fmt", "gbrp", "-f", "rawvideo", "-")
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	picture, was := make([]byte, 3*width*height), false
	green, blue, red := picture[:width*height], picture[width*height:2*width*height], picture[2*width*height:]
	for frame := int64(0); frame < last; {
		if _, err := io.ReadFull(out, picture); err != nil {
			t.Fatalf("%s ends after frame %d: %v", input, frame, err)
		}
		var ok bool
		if frame, ok = generator.ReadFrameCode(green, width, width, height); !ok {
			t.Fatalf("a picture after frame %d has no number", frame)
		}
		cyan := false
		for i := range red {
			cyan = cyan || red[i] < 100 && green[i] > 180 && blue[i] > 180
		}
		if cyan && !was {
			found = append(found, time.Duration(frame)*time.Second/25)
		}
		was = cyan
	}
	cancel()
	_ = cmd.Wait() // it was ended
	return found
}
