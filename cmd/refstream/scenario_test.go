package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// framesOf maps the presentation times of a clip's coded pictures, in frames of 1/25 s, to their MD5, by ffmpeg.
func framesOf(t *testing.T, dir string) map[int64]string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", filepath.Join(dir, "index.m3u8"), "-c", "copy", "-f", "framehash", "-hash", "md5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, least := map[int64]string{}, int64(1<<62)
	for line := range strings.Lines(string(out)) {
		if fields := strings.Split(line, ","); line[0] != '#' && len(fields) >= 6 {
			pts, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			got[pts/3600], least = strings.TrimSpace(fields[5]), min(least, pts/3600)
		}
	}
	shifted := map[int64]string{}
	for n, sum := range got {
		shifted[n-least] = sum
	}
	return shifted
}

// A clip with a scenario has its faults where faults.jsonl says, as ffmpeg's detectors find them, nothing else is touched, and the
// clean twin has none.
func TestScenarioClip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, faulty, clean := filepath.Join(dir, "x.yaml"), filepath.Join(dir, "faulty"), filepath.Join(dir, "clean")
	text := "version: 1\nname: x\nfaults:\n- {do: freeze, at: {frame: 60}, for: {frames: 85}}\n- {do: black, at: {frame: 175}, for: 2s}\n- {do: fade, at: 1h, for: 2s}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stretch := []string{"--scenario", file, "--size", "160x90", "--fps", "25", "--segment", "1s", "--duration", "10s", "--event-every", "2s", "--event-length", "400ms"}
	must(t, append([]string{"generate", "--out", faulty, "--twin", clean, "--bitrate", "500k", "--preset", "veryfast"}, stretch...)...)

	find := regexp.MustCompile(`(freeze_start|freeze_end|black_start|black_end): ?([0-9.]+)`)
	detected := func(dir string) (list []string) {
		out, err := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-i", filepath.Join(dir, "index.m3u8"),
			"-vf", "freezedetect=n=-60dB:d=1,blackdetect=d=1", "-f", "null", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, m := range find.FindAllStringSubmatch(string(out), -1) {
			list = append(list, m[1]+" "+m[2])
		}
		slices.Sort(list)
		return list
	}
	want := []string{"black_end 9", "black_start 7", "freeze_end 5.8", "freeze_end 9", "freeze_start 2.4", "freeze_start 7"}
	if got := detected(faulty); !slices.Equal(got, want) {
		t.Errorf("ffmpeg finds %q, want %q", got, want)
	}
	if got := detected(clean); len(got) > 0 {
		t.Errorf("ffmpeg finds %q in the clean twin", got)
	}

	done, all := framesOf(t, faulty), framesOf(t, clean)
	for n := range int64(250) {
		// The faults touch GOPs 2 to 5, and 7 and 8.
		touched := n >= 50 && n < 150 || n >= 175 && n < 225
		if done[n] == "" || done[n] != all[n] && !touched {
			t.Errorf("frame %d is %q, in the clean twin %q", n, done[n], all[n])
		}
	}

	records := readLines[markers.FaultRecord](t, filepath.Join(faulty, "faults.jsonl"))
	if len(records) != 2 || records[0].State != markers.FaultDone || records[0].Done[0].Frame != 60 || records[0].Done[0].LastFrame != 144 ||
		records[1].Frame != 175 || records[1].LastFrame != 224 {
		t.Errorf("faults %+v", records)
	}
	var planned []markers.FaultRecord
	for line := range strings.Lines(must(t, append([]string{"truth"}, stretch...)...)) {
		var r markers.FaultRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		planned = append(planned, r)
	}
	for i, r := range planned {
		r.State, r.Done = records[i].State, records[i].Done
		if a, b := mustJSON(t, r), mustJSON(t, records[i]); !bytes.Equal(a, b) {
			t.Errorf("truth says %s, generate %s", a, b)
		}
	}
	for _, f := range readLines[markers.FrameRecord](t, filepath.Join(faulty, "frames.jsonl")) {
		frozen := f.Frame >= 60 && f.Frame <= 144
		if shows := (markers.Number{Value: 60, Set: true}); frozen != (f.Shows == shows) || frozen != (f.Fault == "freeze") {
			t.Errorf("frame %d: %+v", f.Frame, f)
		}
	}
}

// The ready scenario of transport packets: tsreport, which is not ours, sees a fault in each of its places, and none in the twin; all
// files of the clip have the faults.
func TestScenarioPackets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	faulty, clean := filepath.Join(dir, "faulty"), filepath.Join(dir, "clean")
	must(t, "generate", "--scenario", "tr101290", "--out", faulty, "--twin", clean, "--also", "ts,flv", "--size", "160x90", "--fps", "25", "--duration", "2m",
		"--bitrate", "200k", "--preset", "ultrafast")
	report := func(dir string) string {
		out, err := exec.Command("tsreport", "-b", "-timing", "-v", filepath.Join(dir, "stream.ts")).CombinedOutput()
		if err != nil {
			t.Logf("tsreport: %v", err)
		}
		return string(out)
	}
	wrong := regexp.MustCompile(`(?m)^.*(?:!!!|###).*$`)
	if found := wrong.FindAllString(report(clean), 3); len(found) > 0 {
		t.Errorf("tsreport finds %q in the clean twin", found)
	}
	if found := wrong.FindAllString(report(faulty), -1); len(found) == 0 {
		t.Error("tsreport finds nothing")
	}
	records := readLines[markers.FaultRecord](t, filepath.Join(faulty, "faults.jsonl"))
	if len(records) != 13 {
		t.Errorf("%d faults", len(records))
	}
	for _, r := range records {
		if r.State != markers.FaultDone || r.Clean == "" || r.Clean == r.Altered {
			t.Errorf("fault %s: %+v", r.ID, r)
		}
	}
	// The one file is the segments, joined: the same faults are in both, at the same places.
	var joined []byte
	segments, err := filepath.Glob(filepath.Join(faulty, "seg-*.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		b, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, b...)
	}
	if one, err := os.ReadFile(filepath.Join(faulty, "stream.ts")); err != nil || !bytes.Equal(one, joined) {
		t.Errorf("stream.ts has %d bytes, the segments %d (%v)", len(one), len(joined), err)
	}
	a, errA := os.ReadFile(filepath.Join(faulty, "stream.flv"))
	b, errB := os.ReadFile(filepath.Join(clean, "stream.flv"))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("stream.flv has no transport packets, and is not that of the clean twin: %v, %v", errA, errB)
	}
}

// The faults of sound: in MPEG-TS, in FLV and in HLS ffprobe finds the units that are lost, doubled and moved at the labelled times, all
// others are those of the clean twin, and so are all pictures.
func TestScenarioSound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, faulty, clean := filepath.Join(dir, "x.yaml"), filepath.Join(dir, "faulty"), filepath.Join(dir, "clean")
	text := "version: 1\nname: x\nfaults:\n- {do: sound.drop, at: 1s, for: 600ms}\n- {do: sound.repeat, at: 3s, for: 1s}\n" +
		"- {do: sound.offset, at: 5s, for: 1s, with: {by: 200ms}}\n- {do: sound.silence, at: 7s, for: 1s}\n- {do: sound.clip, at: 9s, for: 1s}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	generate := []string{"generate", "--scenario", file, "--size", "160x90", "--fps", "25", "--segment", "1s", "--duration", "10s", "--bitrate", "200k", "--preset", "ultrafast",
		"--also", "ts,flv"}
	if _, log, code := refstream(t, append(slices.Clip(generate), "--out", faulty)...); code == 0 || !strings.Contains(log, "x.yaml:4: sound.drop: channel main has no sound: add --audio") {
		t.Errorf("without sound: %d, %s", code, log)
	}
	must(t, append(generate, "--audio", "--out", faulty, "--twin", clean)...)
	type packet struct {
		time float64
		sum  string
	}
	read := func(dir, name, of string) (list []packet) {
		out, err := exec.Command("ffprobe", "-v", "error", "-show_data_hash", "md5", "-select_streams", of, "-show_entries", "packet=pts_time,data_hash", "-of", "default=nw=1",
			filepath.Join(dir, name)).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for line := range strings.Lines(string(out)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
			case "pts_time":
				time, err := strconv.ParseFloat(value, 64)
				if err != nil {
					t.Fatalf("%s: %s", name, line)
				}
				list = append(list, packet{time: time - 1}) // sample 0 has the PTS of a second
			case "data_hash":
				list[len(list)-1].sum = value
			}
		}
		return list
	}
	for _, name := range []string{"stream.ts", "stream.flv", "index.m3u8"} {
		if a, b := read(clean, name, "v"), read(faulty, name, "v"); !slices.Equal(a, b) || len(a) != 250 {
			t.Errorf("%s: %d pictures, %d in the twin, are not the same", name, len(b), len(a))
		}
		var want []packet
		sounds, within := read(clean, name, "a"), func(p packet, from, to float64) bool { return p.time > from-0.001 && p.time+2048./48000 < to+0.001 }
		got, changed := read(faulty, name, "a"), 0
		for _, p := range sounds {
			switch {
			case within(p, 1, 1.6):
			case within(p, 3, 4):
				want = append(want, p, p)
			case within(p, 5, 6):
				want = append(want, packet{p.time + 0.2, p.sum})
			case within(p, 7, 8), within(p, 9, 10):
				want = append(want, packet{p.time, ""})
			default:
				want = append(want, p)
			}
		}
		for i := 0; i < min(len(want), len(got)); i++ {
			off := got[i].time - want[i].time
			if off < -0.0015 || off > 0.0015 || want[i].sum != "" && got[i].sum != want[i].sum {
				t.Errorf("%s: unit %d is at %f, want %f, the same bytes: %v", name, i, got[i].time, want[i].time, got[i].sum == want[i].sum)
				break
			}
			if want[i].sum == "" && !slices.ContainsFunc(sounds, func(p packet) bool { return p.sum == got[i].sum }) {
				changed++
			}
		}
		if len(got) != len(want) || changed < 80 {
			t.Errorf("%s: %d units, want %d; %d are silent or too loud", name, len(got), len(want), changed)
		}
	}
	for _, r := range readLines[markers.FaultRecord](t, filepath.Join(faulty, "faults.jsonl")) {
		if r.State != markers.FaultDone || len(r.Done) != 1 || r.Done[0] != r.Span || r.Clean == "" || len(r.Collateral) > 0 {
			t.Errorf("fault %s: %+v", r.ID, r)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestScenarioCommands(t *testing.T) {
	if text := inProcess(t, "scenario", "check", "freeze-black", "--duration", "4m"); !strings.Contains(text, "freeze-2") || !strings.Contains(text, "130 s") {
		t.Errorf("check prints\n%s", text)
	}
	if text := inProcess(t, "scenario", "kinds"); !strings.Contains(text, "\nfreeze ") {
		t.Errorf("kinds prints\n%s", text)
	}
	if text := inProcess(t, "scenario", "kinds", "cut"); !strings.Contains(text, "with by") {
		t.Errorf("kinds cut prints\n%s", text)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\nname: x\nfaults:\n- {do: frieze, at: 1s, for: 1s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"scenario check " + bad:                                    bad + `:4: do: there is no kind "frieze"`,
		"scenario check":                                           "name one file",
		"scenario kinds frieze":                                    `there is no kind of fault "frieze": did you mean freeze? refstream scenario kinds`,
		"scenario check no-such":                                   "freeze-black",
		"generate --out x --twin y":                                "--twin: it is for a clip with faults",
		"generate --out x --scenario " + bad:                       bad + ":4: ",
		"generate --out x --scenario tr101290 --container ts,fmp4": "--container: fragmented MP4 has no faults but those of pictures",
		"truth --scenario " + bad + " --duration 10s":              bad + ":4: ",
	} {
		var out, errs bytes.Buffer
		if err := run(t.Context(), strings.Fields(args), &out, &errs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}
