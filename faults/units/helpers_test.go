package units

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const (
	testGOP    = 25 // frames, and frames/s
	testFrames = 4 * testGOP
	testTick   = 3600 // ticks in a frame
)

func testChannel() markers.Channel { return faultstest.Channel(testGOP) }

// encoded are the clips that the tests share, by the number of B-frames, each made once.
var encoded [3]struct {
	once  sync.Once
	units []media.Unit
	err   error
}

// clip is frames 0 to 99 as the clean channel has them: rendered, encoded and annotated.
func clip(t testing.TB, bframes int) []media.Unit {
	t.Helper()
	c := &encoded[bframes]
	c.once.Do(func() { c.units, c.err = encode(bframes) })
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c.units
}

func encode(bframes int) (units []media.Unit, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := testChannel()
	r, err := generator.NewRenderer(scenario.Picture(c))
	if err != nil {
		return nil, err
	}
	e, err := encoder.New(encoder.Options{
		Width: c.Width, Height: c.Height, Rate: c.Rate, GOP: c.FramesPerSegment, Preset: "veryfast", Bitrate: 1_500_000, BFrames: bframes, Threads: 1,
		PTSOrigin: c.PTSOrigin,
	})
	if err != nil {
		return nil, err
	}
	a := annotate.New(c.Name, c.Clock())
	ended := make(chan error, 1)
	go func() {
		ended <- e.Run(ctx, func(au media.Unit) error {
			rec := markers.FrameRecord{Frame: au.Frame, PTS: au.PTS, Run: 1, GenNS: c.Clock().UTC(au.Frame).UnixNano() + 3_000_000}
			au, err := a.Annotate(au, rec)
			units = append(units, au)
			return err
		})
	}()
	picture := make([]byte, r.FrameSize())
	for n := range int64(testFrames) {
		if err = r.Render(picture, n, generator.Look{}); err == nil {
			err = e.Write(ctx, n, picture)
		}
		if err != nil {
			cancel()
			break
		}
	}
	e.CloseInput()
	if ran := <-ended; err == nil {
		err = ran
	}
	return units, err
}

func testPlan(t testing.TB, entries string) *scenario.Plan {
	t.Helper()
	return faultstest.Plan(t, testChannel(), Kinds(), entries)
}

// twin is a faulty stream beside its clean one.
type twin struct {
	clean, faulty []media.Unit
	clock         []int64 // of each faulty unit: the DTS of the clean one
	changes       []faults.Change
}

// rewrite makes the faulty twin of a clip. It checks that the clip is not changed, that what no fault covers is the same, and that
// each change is reported with the hashes of both.
func rewrite(t testing.TB, bframes int, faulty string) (w twin) {
	t.Helper()
	w.clean = clip(t, bframes)
	plan := testPlan(t, faulty)
	r := New(plan, testChannel().Clock(), func(c faults.Change) { w.changes = append(w.changes, c) })
	for _, au := range w.clean {
		before := au
		before.NALs = nil
		for _, nal := range au.NALs {
			before.NALs = append(before.NALs, bytes.Clone(nal))
		}
		list, err := r.Unit(au)
		if err != nil {
			t.Fatal(err)
		}
		if !same(before, au) {
			t.Fatalf("frame %d of the clean stream was changed", au.Frame)
		}
		covered := false
		for _, f := range plan.Between(au.Frame, au.Frame) {
			covered = covered || f.Covers(au.Frame)
		}
		reported := slices.IndexFunc(w.changes, func(c faults.Change) bool { return c.Frame == au.Frame && c.NotDone == "" })
		if untouched := len(list) == 1 && same(list[0], au); !untouched != (reported >= 0) || !untouched && !covered {
			t.Errorf("frame %d: untouched %v, covered %v, reported %v", au.Frame, untouched, covered, reported >= 0)
		}
		for _, one := range list {
			if one.Frame != au.Frame || len(one.NALs) == 0 {
				t.Errorf("frame %d: a unit of frame %d with %d NAL units", au.Frame, one.Frame, len(one.NALs))
			}
			w.faulty, w.clock = append(w.faulty, one), append(w.clock, au.DTS)
		}
		if reported >= 0 && len(plan.Between(au.Frame, au.Frame)) == 1 {
			if c := w.changes[reported]; c.Clean != hash([]media.Unit{au}) || c.Altered != hash(list) {
				t.Errorf("frame %d: the hashes are wrong", au.Frame)
			}
		}
	}
	return w
}

func same(a, b media.Unit) bool {
	return a.Frame == b.Frame && a.PTS == b.PTS && a.DTS == b.DTS && a.Key == b.Key && slices.EqualFunc(a.NALs, b.NALs, bytes.Equal)
}

// done lists the frames that were changed, and why others were not.
func (w twin) done() (list []int64, why string) {
	for _, c := range w.changes {
		if c.NotDone != "" {
			why = c.NotDone
			continue
		}
		list = append(list, c.Frame)
	}
	slices.Sort(list)
	return list, why
}

// made are faults that have been made: a unit in place of the clean one.
type made struct{ faulty media.Unit }

func (m made) Unit(media.Unit) ([]media.Unit, error) {
	return []media.Unit{m.faulty}, nil
}
func (m made) Packets(_ int64, b []byte) []byte { return b }

// pack writes units as a transport stream.
func pack(t testing.TB, units []media.Unit, clock []int64) string {
	t.Helper()
	var out []byte
	m := ts.NewMuxer()
	for i, au := range units {
		m.Faults = made{au}
		if clock != nil {
			au.DTS = clock[i]
		}
		packets, err := m.Unit(au)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, packets...)
	}
	file := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t testing.TB, name string, args ...string) (out, log string) {
	t.Helper()
	var o, l bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &o, &l
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &l)
	}
	return o.String(), l.String()
}

// decode is what ffmpeg shows of a stream: the MD5 of the pictures by frame number, joined where there are several, and its log.
func decode(t testing.TB, file string) (pictures map[int64]string, log string) {
	t.Helper()
	out, log := run(t, "ffmpeg", "-hide_banner", "-nostats", "-loglevel", "warning", "-threads", "1", "-copyts", "-i", file, "-fps_mode", "passthrough",
		"-enc_time_base", "1:90000", "-f", "framemd5", "-")
	pictures = map[int64]string{}
	for line := range strings.Lines(out) {
		fields := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(fields) < 6 {
			continue
		}
		pts, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil {
			t.Fatal(line)
		}
		n, off := testChannel().Rate.FrameAtTicks(pts - markers.PTSOrigin)
		if off != 0 {
			t.Errorf("a picture at PTS %d", pts)
		}
		pictures[n] += strings.TrimSpace(fields[5])
	}
	return pictures, log
}

// packets are the PTS and DTS that ffprobe reads, in the order of the stream.
func packets(t testing.TB, file string) (list [][2]int64) {
	t.Helper()
	out, _ := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts,dts", "-of", "csv=p=0", file)
	for line := range strings.Lines(out) {
		var p [2]int64
		if line == "\n" { // of side data
			continue
		}
		if _, err := fmt.Sscanf(strings.TrimRight(line, ",\n"), "%d,%d", &p[0], &p[1]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, p)
	}
	return list
}
