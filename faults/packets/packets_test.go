package packets

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
)

// Tools that are not ours find each kind at the frames of its label, and nothing in the clean stream. The second reader is
// analyzer/tr101290, which finds what the kind expects, and nothing that it does not tolerate.
func TestKinds(t *testing.T) {
	clean := clip(t, markers.PTSOrigin)
	if names := monitor(join(clean)); len(names) > 0 {
		t.Fatalf("%s in the clean stream", names)
	}
	const pats = `PID 0000 \[pusi\] PAT`
	continuity := func(pid int) func(*testing.T, []chunk) []int64 {
		return func(t *testing.T, chunks []chunk) []int64 {
			return tsreport(t, chunks, `Continuity Counter .* at (\d+)`, "-cnt", strconv.Itoa(pid))
		}
	}
	report := func(pattern string, args ...string) func(*testing.T, []chunk) []int64 {
		return func(t *testing.T, chunks []chunk) []int64 { return tsreport(t, chunks, pattern, args...) }
	}
	// missing is the frames without a line.
	missing := func(pattern string, args ...string) func(*testing.T, []chunk) []int64 {
		return func(t *testing.T, chunks []chunk) []int64 { return without(tsreport(t, chunks, pattern, args...)) }
	}
	// corrupt is the frames whose PES packets ffmpeg calls corrupt, because of what it prints too.
	corrupt := func(because string) func(*testing.T, []chunk) []int64 {
		return func(t *testing.T, chunks []chunk) (frames []int64) {
			out := debug(t, chunks)
			if bytes.Contains(out, []byte(because)) != bytes.Contains(out, []byte("Packet corrupt")) {
				t.Errorf("not because of: %s", because)
			}
			for _, m := range regexp.MustCompile(`Packet corrupt \(stream = (\d), dts = (\d+)\)`).FindAllSubmatch(out, -1) {
				dts, _ := strconv.ParseInt(string(m[2]), 10, 64)
				for _, c := range chunks {
					for p := range ts.Split(c.packets) {
						if s, ok := p.PES(); ok && s.DTS == dts && s.Video() == (string(m[1]) == "0") && !slices.Contains(frames, c.frame) {
							frames = append(frames, c.frame)
						}
					}
				}
			}
			return frames
		}
	}
	// lost is the frames without a PAT, where ffmpeg finds a gap in its counter too.
	lost := func(t *testing.T, chunks []chunk) (frames []int64) {
		if bytes.Contains(debug(t, chunks), []byte("Continuity check failed for pid 0 ")) == (len(join(chunks)) == len(join(clean))) {
			t.Error("ffmpeg finds no gap, or one in the clean stream")
		}
		left := tsreport(t, chunks, pats, "-v")
		return slices.DeleteFunc(tsreport(t, clean, pats, "-v"), func(n int64) bool { return slices.Contains(left, n) })
	}
	const (
		tei     = "Packet had TEI flag set"
		pcr     = `^ *(\d+): read PCR`
		stepped = `PCR gap of`
		unread  = `Discarding partial \(unstarted\) `
		badCRC  = `Calculated CRC for `
	)
	cases := []struct {
		faults string
		find   func(*testing.T, []chunk) []int64
		// want is the frames that are found, changed those that are changed where they are others.
		want, changed []int64
	}{
		{"do: ts.lose, at: {frame: 100}", continuity(videoPID), to(100, 100), nil},
		{"do: ts.lose, at: {frame: 99}, with: {packets: 2}", continuity(videoPID), to(99, 99), nil},
		// The first of these that no other refers to; the tool reports the first gap alone.
		{"do: ts.lose, at: {frame: 120}, for: {frames: 3}, with: {of: disposable}", continuity(videoPID), to(120, 120), []int64{120, 122}},
		{"do: ts.lose, at: {frame: 100}, with: {pid: id3, packets: 2}", corrupt("Continuity check failed for pid 257"), to(100, 100), nil},
		{"do: ts.lose, at: {frame: 100}, with: {pid: psi, packets: 2}", lost, to(100, 100), nil},
		{"do: ts.swap, at: {frame: 101}", continuity(videoPID), to(101, 101), nil},
		{"do: ts.swap, at: {frame: 100}, with: {packets: 5}", continuity(videoPID), to(100, 100), nil},
		{"do: ts.duplicate, at: {frame: 100}", continuity(videoPID), to(100, 100), nil},
		// Not of a packet whose counter is 0: there the tool is blind.
		{"do: ts.duplicate, at: {frame: 148}, with: {copies: 3}", continuity(videoPID), to(148, 148), nil},
		{"decoy: ts.duplicate_once, at: {frame: 100}, for: {frames: 3}", continuity(videoPID), nil, to(100, 102)},
		{"do: ts.tei, at: {frame: 100}", corrupt(tei), to(100, 100), nil},
		{"do: ts.tei, at: {frame: 149}, with: {packets: 2}", corrupt(tei), to(149, 149), nil},
		{"do: ts.sync, at: {frame: 100}", report(`TS packet starts b8, not 47`, "-v"), to(100, 100), nil},
		{"do: ts.pat, at: {frame: 100}, for: 2s", report(unread+"PAT", "-v"), []int64{100, 112, 119, 129, 142}, nil},
		{"do: ts.pmt, at: {frame: 99}, for: 1s", report(unread+"PMT", "-v"), []int64{100, 112, 119}, nil},
		{"do: ts.crc, at: {frame: 100}, for: {frames: 1}, with: {table: pat}", report(badCRC+"PAT", "-v"), to(100, 100), nil},
		{"do: ts.crc, at: {frame: 95}, for: 1s", report(badCRC+"PMT", "-v"), []int64{100, 112, 119}, nil},
		{"do: ts.pcr_absent, at: {frame: 100}, for: {segments: 1}", missing(pcr, "-b", "-v"), to(100, 149), nil},
		{"do: ts.pcr_absent, at: {frame: 90}, for: 1s", missing(pcr, "-b", "-v"), to(90, 114), nil},
		{"do: ts.pcr_step, at: {frame: 100}, with: {by: 3s}", report(stepped, "-b", "-v"), []int64{100}, to(100, 149)},
		{"do: ts.pcr_step, at: {frame: 100}, with: {by: -200ms}", report(stepped, "-b", "-v"), []int64{150}, to(100, 149)},
		{"decoy: ts.announced, at: {frame: 99}, for: {frames: 3}", report(`###|!!!`, "-b", "-v"), nil, to(99, 101)},
		{"do: ts.pts_rare, at: {frame: 90}, for: 2s", missing(` video PTS `, "-b", "-v"), to(90, 139), nil},
		{"do: ts.pid_missing, at: {frame: 90}, for: 6s", missing(`TS Packet .* PID 0100`, "-v"), to(90, 239), nil},
		{"do: ts.unreferenced, at: {frame: 90}, for: 2s", report("PID 0400 stream type not identified", "-v"), to(90, 139), nil},
		{"decoy: ts.null, at: {frame: 99}, for: {frames: 3}", report(`###|!!!`, "-b", "-v"), nil, to(99, 101)},
	}
	for _, c := range cases {
		t.Run(c.faults, func(t *testing.T) {
			t.Parallel()
			p := plan(t, "{"+c.faults+"}")
			faulty, changed, _ := rewrite(t, p, clean)
			want := c.changed
			if want == nil {
				want = c.want
			}
			if !slices.Equal(changed, want) {
				t.Errorf("frames %d were changed, want %d", changed, want)
			}
			if got := c.find(t, clean); len(got) > 0 {
				t.Errorf("found in frames %d of the clean stream", got)
			}
			if got := c.find(t, faulty); !slices.Equal(got, c.want) {
				t.Errorf("found in frames %d, want %d", got, c.want)
			}
			k := p.Between(0, length)[0].Kind
			found := monitor(join(faulty))
			for _, name := range k.Expects {
				if name == "missing" { // pictures
					continue
				}
				if !slices.Contains(found, name) {
					t.Errorf("no %s in %s", name, found)
				}
			}
			for _, name := range found {
				if !slices.Contains(k.Expects, name) && !slices.Contains(k.Tolerates, name) {
					t.Errorf("%s", name)
				}
			}
		})
	}
}
