package packets

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Clocks and time stamps across the wrap of their 33 bits, which is in the label.
func TestWrap(t *testing.T) {
	t.Parallel()
	step := channel().Rate.Ticks(1)
	clean := clip(t, media.PTSMask+1-120*step)
	pcrs := func(chunks []chunk) (list []int64) {
		for p := range ts.Split(join(chunks)) {
			if pcr, ok := p.PCR(); ok {
				list = append(list, pcr)
			}
		}
		return list
	}
	if names := monitor(join(clean)); len(names) > 0 {
		t.Fatalf("%s in the clean stream", names)
	}
	for list, shift := range map[string]int64{
		"{do: ts.pcr_step, at: {frame: 100}, with: {by: 3s}}":    270_000,
		"{do: ts.pcr_step, at: {frame: 100}, with: {by: -1h}}":   -3600 * 90_000,
		"{do: ts.pcr_absent, at: {frame: 105}, for: 1s}":         0,
		"{do: ts.pts_rare, at: {frame: 95}, for: {segments: 1}}": 0,
		"{decoy: ts.announced, at: {frame: 100}, for: 2s}":       0,
	} {
		p := plan(t, list)
		faulty, changed, _ := rewrite(t, p, clean)
		k := p.Between(0, length)[0].Kind
		if got := monitor(join(faulty)); !slices.Equal(got, k.Expects) || len(changed) < fps {
			t.Errorf("%s: %s, frames %d", list, got, changed)
		}
		before, after := pcrs(clean), pcrs(faulty)
		if k.Name == "ts.pcr_absent" {
			if len(after) != len(before)-fps {
				t.Errorf("%d PCRs of %d are left", len(after), len(before))
			}
			continue
		}
		for i := range before {
			want := before[i]
			if slices.Contains(changed, clean[i].frame) {
				want = (want + shift) & media.PTSMask
			}
			if after[i] != want {
				t.Fatalf("%s: PCR %d of frame %d, want %d", list, after[i], clean[i].frame, want)
			}
		}
	}
}

// What is spoilt is in the label and its collateral. Where a decoder is given no picture that is there in part, one that no other
// refers to spoils none.
func TestSpoiled(t *testing.T) {
	t.Parallel()
	clean := clip(t, markers.PTSOrigin)
	// pictures is the pictures' checksums by PTS, without those of incomplete PES packets.
	pictures := func(chunks []chunk, flags string) map[string]string {
		sums := map[string]string{}
		out := run(t, join(chunks), "ffmpeg", "-v", "quiet", "-threads", "1", "-flags", "+output_corrupt", "-fflags", flags, "-copyts", "-f", "mpegts", "-i", "pipe:0",
			"-map", "0:v", "-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-f", "framemd5", "-")
		for line := range strings.Lines(out) {
			if fields := strings.Split(line, ","); !strings.HasPrefix(line, "#") {
				sums[strings.TrimSpace(fields[2])] = fields[len(fields)-1]
			}
		}
		return sums
	}
	const all, whole = "+genpts", "+discardcorrupt"
	right := pictures(clean, all)
	if len(right) != length {
		t.Fatalf("%d clean pictures", len(right))
	}
	for _, c := range []struct {
		fault, flags string
		// wrong is the first and last frame that may be wrong, -1 for none, spoiled the last that is reported.
		first, last, spoiled int64
	}{
		{"do: ts.lose, at: {frame: 119}, for: {frames: 2}, with: {of: disposable}", whole, 119, 120, 149},
		{"do: ts.lose, at: {frame: 120}", all, 120, 149, 149},
		{"do: ts.lose, at: {frame: 121}", all, 119, 149, 149}, // those before refer to it too
		{"do: ts.tei, at: {frame: 100}, with: {pid: psi, packets: 2}", all, -1, -1, 100},
	} {
		last := int64(-1)
		r := New(plan(t, "{"+c.fault+"}"), channel().Clock(), func(c faults.Change) { last = max(last, c.Spoiled) })
		var faulty []chunk
		for _, c := range clean {
			faulty = append(faulty, chunk{c.frame, r.Packets(c.frame, c.packets)})
		}
		if last != c.spoiled {
			t.Errorf("%s: spoiled to frame %d", c.fault, last)
		}
		got := pictures(faulty, c.flags)
		wrong := 0
		for n := range int64(length) {
			pts := strconv.FormatInt(channel().Clock().PTS(n), 10)
			if got[pts] == right[pts] {
				continue
			}
			if wrong++; n < c.first || n > c.last {
				t.Errorf("%s: picture %d is wrong", c.fault, n)
			}
		}
		if wrong == 0 != (c.first < 0) {
			t.Errorf("%s: %d pictures are wrong", c.fault, wrong)
		}
	}
}

// What can't be made is reported with the reason, and changes nothing.
func TestNotDone(t *testing.T) {
	t.Parallel()
	clean := clip(t, markers.PTSOrigin)
	for list, want := range map[string]string{
		"{do: ts.lose, at: {frame: 121}, with: {of: disposable}}":                         "121 other pictures refer to the frame's",
		"{do: ts.lose, at: {frame: 121}, with: {pid: psi}}":                               "121 the frame has 0 packets of psi that it can be made with, not 1",
		"{do: ts.swap, at: {frame: 120}, with: {pid: id3, packets: 15}}":                  "120 the frame has 6 packets of id3 that it can be made with, not 15",
		"{do: ts.crc, at: {frame: 121}, for: {frames: 1}}":                                "121 no such table that is all in one packet is due with the frame",
		"{do: ts.unreferenced, at: {frame: 121}, for: 1s, with: {pid: 257}}":              "121 PID 257 is one of the stream",
		"{do: ts.pid_missing, at: {frame: 121}, for: 6s}, {do: ts.tei, at: {frame: 121}}": "121 the frame has 0 packets of video that it can be made with, not 1",
	} {
		if _, _, got := rewrite(t, plan(t, list), clean); len(got) == 0 || got[0] != want {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	}
	for why, b := range map[string][]byte{
		"the bytes are not whole packets":                                  clean[0].packets[:300],
		"the frame has 0 packets of video that it can be made with, not 1": slices.Clone(clean[1].packets), // no table was there yet
	} {
		got := ""
		r := New(plan(t, "{do: ts.tei, at: {frame: 0}}"), channel().Clock(), func(c faults.Change) { got = c.NotDone })
		if out := r.Packets(0, b); !bytes.Equal(out, b) || got != why {
			t.Errorf("%q, want %q", got, why)
		}
	}
}

// Faults of several properties are made to the same frame.
func TestTogether(t *testing.T) {
	t.Parallel()
	p := plan(t, "{do: ts.lose, at: {frame: 100}}, {do: ts.pmt, at: {frame: 100}, for: 1s}, {do: ts.pcr_step, at: {msn: 2}}, {decoy: ts.null, at: {frame: 100}}")
	faulty, changed, _ := rewrite(t, p, clip(t, markers.PTSOrigin))
	want := []string{"continuity_count_error", "pcr_discontinuity_indicator_error", "pmt_error"}
	if got := monitor(join(faulty)); !slices.Equal(got, want) || len(changed) != perSegment {
		t.Errorf("%s, frames %d", got, changed)
	}
}

// The catalogue is whole, and refuses what is no error.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	for i, k := range Kinds() {
		word := "do"
		if k.Decoy {
			word = "decoy"
		}
		p := plan(t, fmt.Sprintf("{%s: %s, at: 1s}", word, k.Name))
		if f := p.Between(0, length)[0]; f.Refused != "" || len(f.Params) != len(k.Params) {
			t.Errorf("%+v", f)
		}
		if k.Layer != scenario.LayerPackets || k.Property == "" || !strings.HasSuffix(k.Doc, ".") || k.Oracle == "" || len(k.Carriers) != 2 || k.Decoy != (len(k.Alarms) == 0) {
			t.Errorf("%+v", k)
		}
		for _, name := range k.Implies {
			if !slices.ContainsFunc(Kinds(), func(other *scenario.Kind) bool { return other.Name == name && name != k.Name }) {
				t.Errorf("%s implies %s", k.Name, name)
			}
		}
		if slices.ContainsFunc(Kinds()[:i], func(other *scenario.Kind) bool { return other.Name == k.Name }) {
			t.Errorf("%s is there twice", k.Name)
		}
	}
	for _, short := range []string{"do: ts.pat, at: 1s, for: 500ms", "do: ts.pcr_step, at: 2s, with: {by: -100ms}", "do: ts.pid_missing, at: 1s, for: 5s"} {
		f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults: [{"+short+"}]"), Kinds())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Plan(channel()); err == nil {
			t.Errorf("%s is taken", short)
		}
	}
}

// Any bytes are taken; those that are no packets are passed on.
func FuzzPackets(f *testing.F) {
	tables := ts.AppendTables(nil, 0x20, ts.ProgramStream{Type: 0x1B, PID: 0x40})
	packet := append([]byte{ts.SyncByte, 0x40, 0x40, 0x30, 7, 0x50, 1, 2, 3, 4, 5, 6, 0, 0, 1, 0xE0, 0, 0, 0x84, 0xC0, 10}, make([]byte, 167)...)
	f.Add(packet)
	f.Add(slices.Concat(tables, packet, packet, packet))
	f.Add(packet[:100])
	list := ""
	kinds := Kinds()
	for i, k := range kinds {
		word := map[bool]string{true: "decoy", false: "do"}[k.Decoy]
		list += fmt.Sprintf("{%s: %s, at: {frame: %d}, for: 10s},", word, k.Name, i*1000)
	}
	p := plan(f, list)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for i := range kinds {
			n := int64(i*1000 + perSegment)
			done := false
			r := New(p, channel().Clock(), func(c faults.Change) { done = c.NotDone == "" })
			r.Packets(0, tables)
			out := r.Packets(n, b)
			if !bytes.Equal(b, before) {
				t.Fatalf("%s changed the clean packets", kinds[i].Name)
			}
			if whole := len(b)%ts.PacketSize == 0; !done && !bytes.Equal(out, b) || !whole && done || whole && len(out)%ts.PacketSize != 0 {
				t.Fatalf("%s: %d bytes of %d, done %t", kinds[i].Name, len(out), len(b), done)
			}
		}
	})
}
