package verify

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// filtered has one run of ffmpeg put the clip's pictures through each of the filters, and encode them again.
func (c *clip) filtered(t *testing.T, filters []string) map[string]string {
	t.Helper()
	dir, files := t.TempDir(), map[string]string{}
	args := []string{"-v", "error", "-copyts", "-i", c.paths["ts"]}
	for i, filter := range filters {
		files[filter] = filepath.Join(dir, fmt.Sprintf("%d.ts", i))
		args = append(args, "-vf", filter, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-fps_mode", "passthrough",
			"-muxdelay", "0", "-muxpreload", "0", files[filter])
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", filters, err, out)
	}
	return files
}

// What was done to the form of the pictures is named, and their events are still judged; what can't be read is told so.
func TestForms(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	forms := map[string][]report.Kind{
		"hflip":                  {report.Mirrored, report.ClockGone},
		"vflip":                  {report.Mirrored, report.ClockGone},
		"hflip,vflip":            {report.Mirrored, report.ClockGone},
		"pad=200:90:20:0":        {report.Resized, report.Padded, report.ClockGone},
		"pad=iw:ih+30:0:15":      {report.Resized, report.Padded, report.ClockGone},
		"reverse":                {report.Reversed},
		"crop=iw-20:ih-20":       nil,
		"gblur=sigma=10:steps=2": nil,
	}
	if testing.Short() {
		for _, filter := range []string{"vflip", "hflip,vflip", "pad=iw:ih+30:0:15", "gblur=sigma=10:steps=2"} {
			delete(forms, filter)
		}
	}
	files := c.filtered(t, slices.Collect(maps.Keys(forms)))
	for filter, want := range forms {
		file := files[filter]
		r, err := Run(t.Context(), file, given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			if r.Verdict != report.Unknown || r.Readable > 0 {
				t.Errorf("%s: %s, %v", filter, r.Verdict, textsOf(r))
			}
			continue
		}
		if got := kindsOf(r); !slices.Equal(got, want) || r.Events.Exact != len(c.truth.Markers) {
			t.Errorf("%s: %v, %+v", filter, textsOf(r), r.Events)
		}
	}
}

// Whatever ffmpeg decodes is judged; where the codec is none whose statements are read, the clocks are gone.
func TestOtherCodecsAndContainers(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	all := map[string]struct {
		options []string
		want    []report.Kind
	}{
		"a.mkv":  {[]string{"-c", "copy"}, nil},
		"a.webm": {[]string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k"}, []report.Kind{report.ClockGone}},
		"a.mp4":  {[]string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"}, []report.Kind{report.ClockGone}},
		"a.ts":   {[]string{"-c:v", "mpeg2video", "-q:v", "3", "-muxdelay", "0", "-muxpreload", "0"}, []report.Kind{report.ClockGone}},
	}
	if testing.Short() { // MPEG-2 is another codec too
		delete(all, "a.webm")
	}
	dir, args := t.TempDir(), []string{"-v", "error", "-copyts", "-i", c.paths["ts"]}
	for name, f := range all {
		args = append(append(append(args, "-map", "0:v"), f.options...), filepath.Join(dir, name))
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, f := range all {
		file := filepath.Join(dir, name)
		allow, err := report.ParseAllowance("clock_offset") // containers begin where they like
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), file, given{verifytest.Channel(), c.truth}, Options{Now: time.Now, Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(kindsOf(r), func(k report.Kind) bool { return k == report.ClockOffset })
		if !slices.Equal(got, f.want) || r.Readable != clipFrames || r.Events.Exact != len(c.truth.Markers) {
			t.Errorf("%s: %s, %v, %d pictures, %+v", name, r.Verdict, textsOf(r), r.Readable, r.Events)
		}
	}
}
