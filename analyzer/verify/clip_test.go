package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

// clip is a short stream as the writers of refstream make it, on several carriers, with its truth.
type clip struct {
	truth truth.Truth
	sps   *h264.SPS
	// paths are the files, by carrier; decoded is what ffmpeg made of each.
	paths   map[string]string
	decoded map[string]streamData
}

// clipFrames is four segments, with an event.
const clipFrames = 120

// newClip makes a clip with B-frames.
func newClip(t *testing.T) *clip {
	t.Helper()
	return newClipWith(t, "2")
}

// clips are the clips that were made, by the number of B-frames: each is made once, in a folder that TestMain removes.
var clips = struct {
	sync.Mutex
	dir  string
	made map[string]*clip
}{made: map[string]*clip{}}

func TestMain(m *testing.M) {
	var err error
	if clips.dir, err = os.MkdirTemp("", "refstream-verify-*"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(clips.dir)
	os.Exit(code)
}

// newClipWith is a clip with so many B-frames between others. Its files are shared by all tests, which don't change them; its
// truth is the test's own.
func newClipWith(t *testing.T, bFrames string) *clip {
	t.Helper()
	clips.Lock()
	defer clips.Unlock()
	if clips.made[bFrames] == nil {
		clips.made[bFrames] = makeClip(t, bFrames, filepath.Join(clips.dir, bFrames))
	}
	c := *clips.made[bFrames]
	c.truth.Frames, c.truth.Markers = maps.Clone(c.truth.Frames), slices.Clone(c.truth.Markers)
	c.decoded = maps.Clone(c.decoded)
	for carrier, in := range c.decoded {
		in.pictures = slices.Clone(in.pictures)
		c.decoded[carrier] = in
	}
	return &c
}

func makeClip(t *testing.T, bFrames, dir string) *clip {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ch := verifytest.Channel()
	clock := ch.Clock()
	c := &clip{truth: verifytest.Truth(t, clipFrames), paths: map[string]string{}, decoded: map[string]streamData{}}
	for i, m := range c.truth.Markers {
		m.Run = 1
		c.truth.Markers[i] = m.At(time.Unix(0, c.truth.Frames[m.Frame].GenNS), ch.Epoch)
	}
	playlist, err := packager.New(packager.Options{Dir: dir, Channel: ch, Containers: packager.Containers(), Now: func() time.Time { return ch.Epoch }})
	if err != nil {
		t.Fatal(err)
	}
	var stream, file bytes.Buffer
	packer, tags, writer := ts.NewMuxer(), flv.NewMuxer(flv.Options{Rate: ch.Rate, Channel: ch.Name}), flv.NewWriter(&file)
	annotator := annotate.New(ch.Name, clock)
	for i, u := range encodedUnits(t, clipFrames, bFrames, c.truth) {
		f := c.truth.Frames[u.Frame]
		f.PTS, f.DTS, f.Key = u.PTS, u.DTS, u.Key
		c.truth.Frames[u.Frame] = f
		f.Timecode = clock.Timecode(u.Frame).String()
		if u.Unit, err = annotator.Annotate(u.Unit, f); err != nil {
			t.Fatal(err)
		}
		u.Record = f
		for _, m := range c.truth.Markers {
			if m.Frame == u.Frame {
				u.Markers = append(u.Markers, m)
			}
		}
		b, err := packer.Unit(u.Unit, annotate.ID3(u.Markers...)...)
		if err != nil {
			t.Fatal(err)
		}
		stream.Write(b)
		chunk, err := tags.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			chunk.Tags = append(chunk.Head, chunk.Tags...)
			for _, nal := range u.NALs {
				if h264.TypeOf(nal) == h264.NALSPS {
					c.sps, err = h264.ParseSPS(nal)
				}
			}
		}
		_, published := playlist.Write(u)
		if err := errors.Join(err, writer.Write(chunk.Tags...), published); err != nil {
			t.Fatal(err)
		}
	}
	_, err = playlist.Close()
	c.paths["cmaf"] = filepath.Join(dir, "index-fmp4.m3u8")
	c.paths["hls"], c.paths["ts"], c.paths["flv"] = filepath.Join(dir, "index.m3u8"), filepath.Join(dir, "a.ts"), filepath.Join(dir, "a.flv")
	if err := errors.Join(err, writer.Write(tags.Flush()...), os.WriteFile(c.paths["ts"], stream.Bytes(), 0o600),
		os.WriteFile(c.paths["flv"], file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if bFrames != "2" { // of those, tests decode what they have damaged
		return c
	}
	for name, path := range c.paths {
		list, info := decoded(t, ch, path)
		kind := input.Kind(name)
		if name == "cmaf" {
			kind = input.HLS
		}
		c.decoded[name] = streamData{url: path, kind: kind, pictures: list, info: info}
	}
	return c
}

// encodedUnits are the access units of frames 0 on, as x264 codes them.
func encodedUnits(t *testing.T, frames int64, bFrames string, truth truth.Truth) (list []stream.Unit) {
	t.Helper()
	shows := func(n int64) bool { return truth.Frames[n].Event != "" }
	name := verifytest.Encode(t, verifytest.Channel(), "units.ts", 0, frames, shows, "-c:v", "libx264", "-preset", "veryfast", "-bf", bFrames, "-g", "30",
		"-keyint_min", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-x264-params", "pic-struct=1:open-gop=0:b-adapt=0",
		"-muxdelay", "0", "-muxpreload", "0")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := ts.NewReader(f)
	for {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, stream.Unit{Unit: au})
	}
	clock, rate := verifytest.Channel().Clock(), verifytest.Channel().Rate
	origin := list[0].PTS
	for i := range list {
		u := &list[i]
		u.Frame = (u.PTS - origin) * rate.Num / media.TicksPerSecond / rate.Den
		u.PTS, u.DTS = clock.PTS(u.Frame), u.DTS-origin+clock.PTS(0)
	}
	return list
}

// judge holds a file against the truth; of the pictures it takes those that were decoded before.
func (c *clip) judge(t *testing.T, carrier, path string) *report.Report {
	t.Helper()
	in := c.decoded[carrier]
	o := analyzer.Options{Now: time.Now}
	captured, err := analyzer.Capture(t.Context(), path, t.TempDir(), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	in.url, in.dated, in.undated, in.doubled = path, captured.Dated, captured.Undated, captured.Doubled
	in.unread = in.readStatements(t.Context(), captured.Path, o)
	r, err := check(t.Context(), in, verifytest.Channel(), given{verifytest.Channel(), c.truth}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
