package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// TestVerifySound: the sound of a clip meets its pictures on every carrier, and what others do to it is found.
func TestVerifySound(t *testing.T) {
	t.Parallel()
	clip := filepath.Join(t.TempDir(), "clip")
	must(t, "generate", "--out", clip, "--duration", "6s", "--size", "160x90", "--preset", "ultrafast", "--audio", "--dash", "--container", "ts,fmp4", "--also", "ts,flv")
	in := filepath.Join(clip, "stream.ts")
	made := func(name string, options ...string) string {
		to := filepath.Join(t.TempDir(), name)
		tool(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-copyts", "-i", in}, options, []string{to})...)
		return to
	}
	stay := []string{"-muxdelay", "0", "-muxpreload", "0"} // else ffmpeg adds 1.4 s
	for name, c := range map[string]struct {
		path string
		kind report.Kind // that is found; empty for none
		late time.Duration
	}{
		"ts":         {in, "", 0},
		"flv":        {filepath.Join(clip, "stream.flv"), "", 0},
		"hls ts":     {filepath.Join(clip, "master.m3u8"), "", 0},
		"hls fmp4":   {filepath.Join(clip, "master-fmp4.m3u8"), "", 0},
		"dash":       {filepath.Join(clip, "manifest.mpd"), "", 0},
		"transcoded": {made("transcoded.ts", append([]string{"-c:v", "copy", "-c:a", "aac"}, stay...)...), "", 0},
		"late": {made("late.ts", append([]string{"-itsoffset", "0.02", "-i", in, "-map", "0:v", "-map", "1:a", "-c", "copy"}, stay...)...),
			report.ClockOffset, 20 * time.Millisecond},
		"silent":  {made("silent.ts", append([]string{"-c:v", "copy", "-af", "volume=0:enable='between(t,3,5)'", "-c:a", "aac"}, stay...)...), report.SoundSilent, 0},
		"swapped": {made("swapped.ts", append([]string{"-c:v", "copy", "-af", "channelmap=1|0", "-c:a", "aac"}, stay...)...), report.SoundChannel, 0},
		"a unit less": {made("less.ts", append([]string{"-c", "copy", "-bsf:a", `noise=drop=eq(n\,150)`}, stay...)...),
			report.SoundMissing, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := verified(t, c.path, "--truth", clip, "--allow", "transcode")
			if r.Sound == nil || r.Sound.Offset == nil {
				t.Fatalf("the sound is not measured: %v, %v", r.Findings, r.Notes)
			}
			const most = media.Seconds(50 * time.Microsecond) // 0.0 ms in words
			if off := *r.Sound.Offset - media.Seconds(c.late); off > most || off < -most {
				t.Errorf("the sound is %s s late, not %s", r.Sound.Offset, c.late)
			}
			found := slices.ContainsFunc(r.Findings, func(f report.Finding) bool { return f.Kind == c.kind && !f.Allowed })
			if want := c.kind != ""; found != want || want == (r.Verdict == report.True) {
				t.Errorf("verdict %q, findings %v, want %q", r.Verdict, r.Findings, c.kind)
			}
		})
	}
	if r, _ := verified(t, made("none.ts", "-c", "copy", "-an"), "--truth", clip, "--allow", "transcode"); r.Verdict != report.NotTrue || r.Sound != nil {
		t.Errorf("without sound: verdict %q, %v", r.Verdict, r.Findings)
	}
}
