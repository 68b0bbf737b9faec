package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// runCommand runs one command within the test.
func runCommand(t *testing.T, cmd *cobra.Command, out *bytes.Buffer, args ...string) (stdout string, code int, err error) {
	t.Helper()
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), exitCode(err), err
}

// verified runs verify and reads its report.
func verified(t *testing.T, args ...string) (r report.Report, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	text, code, err := runCommand(t, newVerify(&out, &errs), &out, append(args, "--json", "-")...)
	if e := json.Unmarshal([]byte(text), &r); e != nil {
		t.Fatalf("verify %q: %v, exit code %d, %s: %s", args, err, code, errs.String(), text)
	}
	if want := map[report.Verdict]int{report.True: 0, report.NotTrue: 1, report.Unknown: 2}[r.Verdict]; code != want {
		t.Errorf("verify %q: exit code %d, verdict %q", args, code, r.Verdict)
	}
	return r, code
}

// sample is a clip of 20 s: 600 frames of 160x90 at 30 frames/s, with events, as HLS, stream.ts and stream.flv. It is made
// once and changed by nobody.
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(shared, "sample")
	makeSample.Do(func() {
		must(t, "generate", "--out", dir, "--duration", "20s", "--size", "160x90", "--fps", "30", "--segment", "1s", "--bitrate", "400k",
			"--event-every", "4s", "--event-length", "1s", "--bframes", "2", "--also", "ts,flv")
	})
	return dir
}

var makeSample sync.Once

// checkVerify wants a clip to be true, on every carrier.
func (c clip) checkVerify(t *testing.T) {
	t.Helper()
	for _, file := range c.files() {
		r, code := verified(t, filepath.Join(c.dir, file))
		if code != 0 || len(r.Findings) > 0 || r.Events.Exact != r.Events.Markers {
			t.Errorf("%s: exit code %d, events %+v: %s", file, code, r.Events, texts(r))
		}
		for _, clock := range carried(file) {
			if s := stateOf(r, clock); s != report.Exact {
				t.Errorf("%s: %s is %q", file, clock, s)
			}
		}
	}
}

// carried are the clocks of each carrier.
func carried(file string) []string {
	all := []string{"pts", "sei.frame_record", "sei.pic_timing", "sei.misb"}
	switch file {
	case "index.m3u8":
		return append(all, "hls.program_date_time", "hls.daterange")
	case "stream.ts":
		return append(all, "id3")
	case "stream.flv":
		return append(all, "amf.onFI.tc", "amf.onFI.utc", "amf.onCuePoint")
	}
	return all
}

func stateOf(r report.Report, clock string) report.State {
	for _, c := range r.Clocks {
		if c.Name == clock {
			return c.State
		}
	}
	return ""
}

func texts(r report.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s: %s", f.Kind, f.Text))
	}
	return strings.Join(list, "\n")
}

// perturbation is something that is done to a copy, and what is to be found of it: all of it, and nothing else.
type perturbation struct {
	args []string // between ffmpeg's input and its output
	in   []string // before the input
	want []report.Finding
}

const (
	copied  = "copy"
	encoded = "libx264"
)

// finding makes what is expected: where anything but the kind is not zero it must be as it is.
func finding(k report.Kind, count, every, frame int64) report.Finding {
	f := report.Finding{Kind: k, Count: count, Every: every}
	if frame >= 0 {
		f.Places = []report.Place{{First: frame}}
	}
	return f
}

func clockFinding(k report.Kind, clock string, amount media.Seconds, ppm float64) report.Finding {
	f := report.Finding{Kind: k, Clock: clock}
	if amount != 0 {
		f.Amount = &amount
	}
	if ppm != 0 {
		f.PPM = &ppm
	}
	return f
}

func perturbations() map[string]perturbation {
	// ffmpeg takes over only the video unless it is told to: the timed ID3 is gone from every copy.
	noSEI := clockFinding(report.ClockGone, "sei.frame_record,sei.pic_timing,sei.misb,id3", 0, 0)
	noID3 := clockFinding(report.ClockGone, "id3", 0, 0)
	filter := func(f string) []string { return []string{"-vf", f, "-c:v", encoded} }
	bits := func(f string) []string { return []string{"-c", copied, "-bsf:v", f} }
	replaced := func(first, last int) []string {
		f := fmt.Sprintf("split[a][b];[a][b]freezeframes=first=%d:last=%d:replace=%d", first, last, first-1)
		return []string{"-filter_complex", f, "-c:v", encoded}
	}
	const second = media.Seconds(1e9)
	return map[string]perturbation{
		"nothing":        {args: []string{"-map", "0", "-c", copied}},
		"only the video": {args: []string{"-c", copied}, want: []report.Finding{noID3}},
		"every 100th frame dropped": {
			args: filter("select='not(eq(mod(n,100),50))'"),
			want: []report.Finding{finding(report.Missing, 6, 100, 50), noSEI},
		},
		"one frame repeated in place of the next": {
			args: replaced(200, 200), want: []report.Finding{finding(report.Repeated, 1, 0, 199), noSEI},
		},
		"one frame put in again": {
			args: filter("loop=1:1:200,setpts=N/30/TB+1/TB"),
			want: []report.Finding{
				finding(report.Repeated, 1, 0, 199),
				{Kind: report.ClockStep, Clock: "pts", Amount: ptr(second / 30), Count: 1, Places: []report.Place{{First: 200}}}, noSEI,
			},
		},
		"PTS shifted by 40 ms": {
			args: bits("setts=pts=PTS+3600:dts=DTS+3600"),
			want: []report.Finding{clockFinding(report.ClockOffset, "pts", second/25, 0), noID3},
		},
		"time stretched by 100 ppm": {
			args: bits("setts=pts=round(PTS*1.0001):dts=round(DTS*1.0001)"),
			want: []report.Finding{clockFinding(report.ClockDrift, "pts", 0, 100), noID3},
		},
		"frozen for 1 s": {
			args: replaced(300, 329), want: []report.Finding{finding(report.Frozen, 30, 0, 299), noSEI},
		},
		"black for 0.5 s": {
			args: filter("drawbox=t=fill:c=black:enable='between(n,300,314)'"),
			want: []report.Finding{finding(report.Black, 15, 0, 300), noSEI},
		},
		"SEI stripped": {args: bits("filter_units=remove_types=6"), want: []report.Finding{noSEI}},
		"25 frames/s and 480 lines": {
			args: filter("fps=25,scale=854:480"),
			want: []report.Finding{finding(report.Resized, 0, 0, -1), finding(report.Retimed, 100, 0, -1), noSEI},
		},
		"60 frames/s": {
			args: filter("fps=60"), want: []report.Finding{finding(report.Retimed, 600, 0, -1), noSEI},
		},
		"10 s cut from the start": {
			in: []string{"-ss", "10"}, args: []string{"-c", copied},
			want: []report.Finding{finding(report.Trimmed, 300, 0, 0), noID3},
		},
		"two frames exchanged": {
			args: filter("shuffleframes=0 1 3 2 4 5 6 7 8 9"),
			want: []report.Finding{finding(report.OutOfOrder, 60, 10, -1), noSEI},
		},
	}
}

func ptr[T any](v T) *T { return &v }

// Of each copy that something was done to, verify names that, how much and where, and nothing else.
func TestVerifyPerturbed(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	short := []string{"nothing", "one frame put in again", "PTS shifted by 40 ms", "time stretched by 100 ppm", "10 s cut from the start"}
	for name, p := range perturbations() {
		if testing.Short() && !slices.Contains(short, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "copy.ts")
			args := append([]string{"-nostdin", "-v", "error", "-copyts"}, p.in...)
			args = append(append(args, "-i", filepath.Join(dir, "stream.ts")), p.args...)
			if !slices.Contains(p.args, copied) {
				args = append(args, "-fps_mode", "passthrough", "-preset", "ultrafast", "-b:v", "800k")
			}
			tool(t, "ffmpeg", append(args, "-muxdelay", "0", "-muxpreload", "0", file)...)
			r, code := verified(t, file, "--truth", dir)
			if want := min(1, len(p.want)); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if len(r.Findings) != len(p.want) {
				t.Fatalf("found:\n%s\nwant %d findings", texts(r), len(p.want))
			}
			for i, want := range p.want {
				if got := r.Findings[i]; !matches(got, want) {
					t.Errorf("found %+v (%s)\nwant %+v", got, got.Text, want)
				}
			}
		})
	}
}

// matches compares what want gives.
func matches(got, want report.Finding) bool {
	return got.Kind == want.Kind && (want.Count == 0 || got.Count == want.Count) && got.Every == want.Every &&
		(want.Clock == "" || got.Clock == want.Clock) &&
		(want.Amount == nil || got.Amount != nil && max(*got.Amount-*want.Amount, *want.Amount-*got.Amount) < 12e3) && // a tick
		(want.PPM == nil || got.PPM != nil && math.Abs(*got.PPM-*want.PPM) < 1) &&
		(len(want.Places) == 0 || len(got.Places) > 0 && got.Places[0].First == want.Places[0].First)
}

// What was done on purpose can be allowed for.
func TestVerifyAllows(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	file := filepath.Join(t.TempDir(), "copy.mp4")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", filepath.Join(dir, "index.m3u8"), "-vf", "fps=25,scale=240:136", "-c:v", encoded,
		"-preset", "ultrafast", file)
	if r, code := verified(t, file, "--truth", dir); code != 1 {
		t.Errorf("exit code %d: %s", code, texts(r))
	}
	r, code := verified(t, file, "--truth", dir, "--allow", "resized,retimed,clock_gone,clock_offset")
	if code != 0 {
		t.Errorf("exit code %d: %s", code, texts(r))
	}
	if r.Events.Exact == 0 {
		t.Errorf("events %+v", r.Events)
	}
}

// A stream is held against its seed where nothing else is known, and a wrong seed is found out.
func TestVerifySeed(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	flags := []string{filepath.Join(dir, "stream.ts"), "--size", "160x90", "--segment", "1s", "--event-every", "4s", "--event-length", "1s"}
	if r, code := verified(t, append(flags, "--seed", "1")...); code != 0 {
		t.Errorf("exit code %d: %s", code, texts(r))
	}
	r, code := verified(t, append(flags, "--seed", "2")...)
	found := slices.ContainsFunc(r.Findings, func(f report.Finding) bool {
		return f.Kind == report.EventMissed || f.Kind == report.EventEarly || f.Kind == report.EventLate
	})
	if code != 1 || !found {
		t.Errorf("another seed: exit code %d: %s", code, texts(r))
	}
}

// What can't be told ends with 2 and a reason.
func TestVerifyCouldNotTell(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	other := filepath.Join(t.TempDir(), "other.ts")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30:duration=1", "-c:v", encoded, other)
	noise := filepath.Join(t.TempDir(), "noise.ts")
	if err := os.WriteFile(noise, bytes.Repeat([]byte("no stream at all"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"another stream":    {other, "--truth", dir},
		"no stream":         {noise, "--truth", dir},
		"no file":           {filepath.Join(dir, "gone.ts"), "--truth", dir},
		"no truth":          {other},
		"no such truth":     {filepath.Join(dir, "stream.ts"), "--truth", t.TempDir()},
		"no server":         {filepath.Join(dir, "stream.ts"), "--truth", "http://127.0.0.1:1"},
		"no ffmpeg":         {filepath.Join(dir, "stream.ts"), "--ffmpeg", "/nowhere/ffmpeg"},
		"no stream named":   {},
		"no such flag":      {"--nonsense"},
		"no such finding":   {filepath.Join(dir, "stream.ts"), "--allow", "nonsense"},
		"two on one output": {filepath.Join(dir, "stream.ts"), "--json", "-", "--junit", "-"},
	} {
		var out, errs bytes.Buffer
		if _, code, err := runCommand(t, newVerify(&out, &errs), &out, args...); code != 2 || err == nil || err.Error() == "" {
			t.Errorf("%s: exit code %d, %v", name, code, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	cmd := newVerify(&out, &out)
	cmd.SetArgs([]string{filepath.Join(dir, "stream.ts")})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(ctx); exitCode(err) != 2 {
		t.Errorf("interrupted: %v", err)
	}
}

func TestVerifyReports(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	html, junit := filepath.Join(t.TempDir(), "r.html"), filepath.Join(t.TempDir(), "r.xml")
	var out, errs bytes.Buffer
	table, code, err := runCommand(t, newVerify(&out, &errs), &out, filepath.Join(dir, "index.m3u8"), "--html", html, "--junit", junit)
	if code != 0 {
		t.Fatal(err)
	}
	for _, want := range []string{": true\n", "pts", "sei.misb", "hls.program_date_time", "600 of 600", "exact to the frame"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in the table:\n%s", want, table)
		}
	}
	for name, want := range map[string]string{html: "<svg", junit: `failures="0"`} {
		if data, err := os.ReadFile(name); err != nil || !bytes.Contains(data, []byte(want)) {
			t.Errorf("%s: %v, no %q in %d bytes", name, err, want, len(data))
		}
	}
}
