package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// packet is one of a data stream, as ffprobe shows it: a timed ID3 tag, or an FLV script.
type packet struct {
	PTS  int64
	Data []byte
}

// dataPackets reads the data streams of a file, or of some seconds of a live stream, and what ffprobe prints of its format.
func dataPackets(t *testing.T, name string, options ...string) (list []packet, about []byte) {
	t.Helper()
	out, _ := tool(t, "ffprobe", append(options, "-v", "error", "-show_packets", "-show_data",
		"-show_entries", "packet=codec_type,pts,data:format_tags=encoder:stream=codec_name,width,height", "-of", "json", name)...)
	var answer struct {
		Packets []struct {
			PTS  int64
			Type string `json:"codec_type"`
			Data string
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	for _, p := range answer.Packets {
		if p.Type == "video" {
			continue // ffprobe takes cue points for subtitles
		}
		var data []byte
		for line := range strings.Lines(p.Data) {
			// 00000000: 4944 3304 0000 ...  ID3...
			_, line, _ = strings.Cut(line, ": ")
			dump, _, _ := strings.Cut(line, "  ")
			b, err := hex.DecodeString(strings.ReplaceAll(dump, " ", ""))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			data = append(data, b...)
		}
		list = append(list, packet{p.PTS, data})
	}
	return list, out
}

// checkAlso holds the files of --also against the ledger: the transport stream is the segments, joined, and FLV has the same
// access units, each with the carrier's own messages at their times.
func (c clip) checkAlso(t *testing.T) {
	t.Helper()
	events := readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl"))
	if len(events) == 0 {
		t.Fatal("no events")
	}
	if slices.Contains(c.also, "ts") {
		name := filepath.Join(c.dir, "stream.ts")
		one, err := os.ReadFile(name)
		joined, err2 := os.ReadFile(c.stream)
		if err != nil || err2 != nil || !bytes.Equal(one, joined) {
			t.Errorf("stream.ts has %d bytes, the segments %d, or they differ (%v, %v)", len(one), len(joined), err, err2)
		}
		checkID3(t, name, events)
	}
	if slices.Contains(c.also, "flv") {
		flv := carrier{name: "flv", url: filepath.Join(c.dir, "stream.flv"), ticks: 90, frames: len(c.frames)}
		flv.read(t.Context(), func() {}).check(t, c.frames)
		c.checkScripts(t, flv, events)
	}
}

// checkID3 wants a tag for each marker, at its PTS, that holds its JSON.
func checkID3(t *testing.T, name string, events []markers.Marker) {
	t.Helper()
	tags, _ := dataPackets(t, name)
	if len(tags) != len(events) {
		t.Fatalf("%d ID3 tags, want %d", len(tags), len(events))
	}
	for i, m := range events {
		if (tags[i].PTS-m.PTS)&media.PTSMask != 0 {
			t.Errorf("tag %d at PTS %d, its marker at %d", i, tags[i].PTS, m.PTS)
		}
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if tag := string(tags[i].Data); !strings.HasPrefix(tag, "ID3\x04") || !strings.Contains(tag, string(want)) {
			t.Errorf("tag %d: %q, want %s", i, tag, want)
		}
	}
}

// checkScripts wants onFI once a second and at each event's first frame, and onCuePoint for each event, each at its
// frame's time and with what the ledger says of it.
func (c clip) checkScripts(t *testing.T, carrier carrier, events []markers.Marker) {
	t.Helper()
	got := map[string][]packet{}
	packets, about := dataPackets(t, carrier.url)
	for _, p := range packets {
		if len(p.Data) < 3 || p.Data[0] != 2 || len(p.Data) < 3+int(p.Data[2]) {
			t.Fatalf("script data % x", p.Data)
		}
		name := string(p.Data[3 : 3+p.Data[2]])
		got[name] = append(got[name], p)
	}
	rate := c.truth.Channel.Rate
	var due []markers.FrameRecord
	for i, f := range c.frames {
		// The frame is the first of a second where its second is not that of the frame before.
		second := f.Frame == 0 || f.Frame*rate.Den/rate.Num != (f.Frame-1)*rate.Den/rate.Num
		event := slices.ContainsFunc(events, func(m markers.Marker) bool { return m.Frame == f.Frame })
		if i == 0 || second || event {
			due = append(due, f)
		}
	}
	if len(got["onFI"]) != len(due) {
		t.Fatalf("%d onFI, want %d", len(got["onFI"]), len(due))
	}
	for i, f := range due {
		carrier.checkFI(t, got["onFI"][i], f)
	}
	if len(got["onCuePoint"]) != len(events) {
		t.Fatalf("%d onCuePoint, want %d", len(got["onCuePoint"]), len(events))
	}
	for i, m := range events {
		p := got["onCuePoint"][i]
		if !carrier.near(p.PTS*90, m.PTS) || !strings.Contains(string(p.Data), amfString("name", m.ID)) {
			t.Errorf("onCuePoint %q at %d ms, want %s at PTS %d", p.Data, p.PTS, m.ID, m.PTS)
		}
	}
	for _, want := range []string{`"codec_name": "h264"`, `"width": 160`, `"height": 90`, `"encoder": "refstream`} {
		if !bytes.Contains(about, []byte(want)) {
			t.Errorf("ffprobe does not print %s of the FLV file: %.1000s", want, about)
		}
	}
}

// checkFI holds an onFI against the frame that it is about.
func (c carrier) checkFI(t *testing.T, p packet, f markers.FrameRecord) {
	t.Helper()
	if !c.near(p.PTS*90, f.PTS) {
		t.Errorf("%s: onFI at %d ms, frame %d is at PTS %d", c.name, p.PTS, f.Frame, f.PTS)
	}
	gen := time.Unix(0, f.GenNS).UTC()
	for name, value := range map[string]string{
		"sd": gen.Format("02-01-2006"), "st": gen.Format("15:04:05.000"), "tc": f.Timecode, "tz": "+00:00",
	} {
		if !strings.Contains(string(p.Data), amfString(name, value)) {
			t.Errorf("%s: onFI of frame %d: no %s %q in %q", c.name, f.Frame, name, value, p.Data)
		}
	}
}

// amfString is a property with a string value in AMF0.
func amfString(name, value string) string {
	return fmt.Sprintf("\x00%c%s\x02\x00%c%s", len(name), name, len(value), value)
}
