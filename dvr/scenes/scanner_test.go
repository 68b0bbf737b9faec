package scenes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// made are the streams of these tests.
var made dvrtest.Clips

// scanSession is a session's folder with what a scanner needs.
type scanSession struct {
	t      testing.TB
	folder string
	log    *bytes.Buffer
	o      Options
}

func newScanSession(t testing.TB) *scanSession {
	t.Helper()
	s := &scanSession{t: t, folder: t.TempDir(), log: &bytes.Buffer{}}
	if err := os.MkdirAll(filepath.Join(s.folder, "stream"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return s
}

// append appends to the recording.
func (s *scanSession) append(b []byte) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.folder, splice.RecordingFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// connections writes connections.jsonl.
func (s *scanSession) connections(all ...splice.Connection) {
	s.t.Helper()
	var b []byte
	for _, c := range all {
		line, err := json.Marshal(c)
		if err != nil {
			s.t.Fatal(err)
		}
		b = append(append(b, line...), '\n')
	}
	// The file only grows in truth: nobody may see it cut short.
	name := filepath.Join(s.folder, splice.ConnectionsFile)
	if err := errors.Join(os.WriteFile(name+".new", b, 0o644), os.Rename(name+".new", name)); err != nil {
		s.t.Fatal(err)
	}
}

// scan scans all that is in the recording.
func (s *scanSession) scan() []Frame {
	s.t.Helper()
	sc := s.scanner()
	sc.Finish()
	ctx, cancel := context.WithTimeout(s.t.Context(), dvrtest.Patience)
	defer cancel()
	if err := sc.Run(ctx); err != nil {
		s.t.Fatalf("Run: %v\n%s", err, s.log)
	}
	return s.index()
}

func (s *scanSession) scanner() *Scanner {
	s.t.Helper()
	sc, err := New(s.o, s.folder)
	if err != nil {
		s.t.Fatal(err)
	}
	sc.silence = time.Hour // a decoder on a slow machine is late, not idle
	return sc
}

// index reads the index, and checks that the pictures that it names are there.
func (s *scanSession) index() []Frame {
	s.t.Helper()
	var list []Frame
	s.readJSON(indexFile, &list)
	for i, f := range list {
		if want := fmt.Sprintf("F%04d", i+1); f.ID != want || f.Path != "frames/"+want+".jpg" {
			s.t.Errorf("entry %d is %s in %s", i, f.ID, f.Path)
		}
		s.picture(f)
	}
	return list
}

// readJSON reads a file of the session.
func (s *scanSession) readJSON(name string, v any) {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		s.t.Fatalf("%v: %s", err, b)
	}
}

func (s *scanSession) picture(f Frame) image.Image {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.folder, f.Path))
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		s.t.Fatalf("%s: %v", f.Path, err)
	}
	return m
}

// silent fails the test when something was logged.
func (s *scanSession) silent() {
	s.t.Helper()
	if s.log.Len() > 0 {
		s.t.Errorf("logged: %s", s.log)
	}
}

// ours is a stream of ours: its pictures and its events.
type ours struct {
	generator.Options
	every, length int64
}

// ourOptions are those of a stream with many events.
func ourOptions(width, height int, rate media.FrameRate) ours {
	return ours{generator.Options{Channel: "main", Width: width, Height: height, Rate: rate,
		Epoch: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seed: 1}, 100, 40}
}

// ourStream is frames from to from+n-1 of our stream as a transport stream that ffmpeg makes with more arguments.
func ourStream(t testing.TB, o ours, from, n int64, args ...string) []byte {
	t.Helper()
	return made.Get(t, fmt.Sprint("ours", o, from, n, args), func() ([]byte, error) { return makeOurStream(o, from, n, args...) })
}

func makeOurStream(o ours, from, n int64, args ...string) ([]byte, error) {
	r, err := generator.NewRenderer(o.Options)
	if err != nil {
		return nil, err
	}
	schedule, err := scenario.NewSchedule(o.Seed, o.every, o.length)
	if err != nil {
		return nil, err
	}
	all := []string{"-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", o.Width, o.Height),
		"-r", fmt.Sprintf("%d/%d", o.Rate.Num, o.Rate.Den), "-i", "-",
		"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709",
		"-color_trc", "bt709", "-color_range", "tv", "-g", "30", "-sc_threshold", "0"}
	cmd := exec.Command("ffmpeg", append(append(all, args...), "-f", "mpegts", "-")...)
	frames, in := io.Pipe()
	cmd.Stdin = frames
	go func() {
		frame := make([]byte, o.Width*o.Height*3)
		for i := from; i < from+n; i++ {
			_, event := schedule.At(i)
			err := r.Render(frame, i, generator.Look{Event: event})
			if err == nil {
				_, err = in.Write(frame)
			}
			if err != nil {
				in.CloseWithError(err)
				return
			}
		}
		in.Close()
	}()
	defer frames.Close()
	return dvrtest.Output(cmd)
}

// changes are the frames at which an event starts or has just ended, and the first.
func changes(t testing.TB, o ours, from, n int64) []int64 {
	t.Helper()
	schedule, err := scenario.NewSchedule(o.Seed, o.every, o.length)
	if err != nil {
		t.Fatal(err)
	}
	list := []int64{from}
	for _, e := range schedule.Between(from, from+n-1) {
		for _, at := range []int64{e.First, e.Last + 1} {
			if at > from && at < from+n {
				list = append(list, at)
			}
		}
	}
	return list
}

// numbers are the frame numbers of an index, -1 for none.
func numbers(list []Frame) []int64 {
	var all []int64
	for _, f := range list {
		n := int64(-1)
		if f.Number != nil {
			n = *f.Number
		}
		all = append(all, n)
	}
	return all
}

var rate30 = media.FrameRate{Num: 30, Den: 1}

func TestScanOurStream(t *testing.T) {
	for name, c := range map[string]struct {
		width, height int
		rate          media.FrameRate
		args          []string
	}{
		"H.264":          {320, 180, rate30, []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-b:v", "300k"}},
		"ultrafast":      {640, 360, media.FrameRate{Num: 25, Den: 1}, []string{"-c:v", "libx264", "-preset", "ultrafast", "-b:v", "600k"}},
		"59.94":          {320, 180, media.FrameRate{Num: 60000, Den: 1001}, []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-b:v", "500k"}},
		"starved":        {160, 90, rate30, []string{"-c:v", "libx264", "-preset", "veryfast", "-b:v", "60k"}},
		"HEVC":           {320, 180, rate30, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"}},
		"MPEG-2":         {320, 180, rate30, []string{"-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2"}},
		"interlaced":     {640, 360, media.FrameRate{Num: 25, Den: 1}, []string{"-c:v", "libx264", "-preset", "ultrafast", "-flags", "+ilme+ildct", "-b:v", "1M"}},
		"10 bits, 4:2:2": {320, 180, rate30, []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv422p10le"}},
	} {
		if testing.Short() && slices.Contains([]string{"ultrafast", "59.94", "MPEG-2", "10 bits, 4:2:2"}, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const from = 1000
			n := int64(300)
			if testing.Short() {
				n = 150
			}
			o := ourOptions(c.width, c.height, c.rate)
			s := newScanSession(t)
			s.append(ourStream(t, o, from, n, c.args...))
			list := s.scan()
			if got, want := numbers(list), changes(t, o, from, n); !slices.Equal(got, want) {
				t.Errorf("frames %d, want %d: %+v", got, want, list)
			}
			for i, f := range list {
				if want := map[bool]string{true: ReasonFirst, false: ReasonScene}[i == 0]; f.Reason != want {
					t.Errorf("%s is there for the reason %q, want %q", f.ID, f.Reason, want)
				}
				// The times are those of the frames, exact to the tick.
				if want := list[0].PTS + ptsAfter(c.rate, *f.Number-from); f.PTS != want {
					t.Errorf("frame %d has PTS %d, want %d", *f.Number, f.PTS, want)
				}
			}
			s.silent()
		})
	}
}

// ptsAfter is how many ticks n frames take, rounded to the nearest.
func ptsAfter(r media.FrameRate, n int64) int64 {
	return (n*media.TicksPerSecond*r.Den*2 + r.Num) / (2 * r.Num)
}

// TestScanProbed compares time stamps with those that ffprobe reads in the file.
func TestScanProbed(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, media.FrameRate{Num: 24000, Den: 1001})
	s := newScanSession(t)
	s.append(ourStream(t, o, 0, 240, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"))
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts", "-of", "csv=p=0",
		filepath.Join(s.folder, splice.RecordingFile)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for _, line := range strings.Fields(string(out)) {
		times = append(times, strings.Trim(line, ","))
	}
	if len(times) != 240 {
		t.Fatalf("ffprobe has %d frames", len(times))
	}
	list := s.scan()
	if len(list) < 4 {
		t.Fatalf("only %d frames", len(list))
	}
	for _, f := range list {
		if want := times[*f.Number]; fmt.Sprint(f.PTS) != want {
			t.Errorf("frame %d has PTS %d, ffprobe says %s", *f.Number, f.PTS, want)
		}
	}
}

// ffmpegTS is a transport stream that ffmpeg makes.
func ffmpegTS(t testing.TB, args ...string) []byte {
	t.Helper()
	return made.Get(t, fmt.Sprint("ffmpeg", args), func() ([]byte, error) {
		return dvrtest.Output(exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, args...), "-f", "mpegts", "-")...))
	})
}
