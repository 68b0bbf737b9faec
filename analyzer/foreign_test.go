package analyzer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestForeignStreams reads streams that ffmpeg and x264 made, and wants what ffprobe and trace_headers say of them, frame
// by frame.
func TestForeignStreams(t *testing.T) {
	codings := map[string][]string{
		"plain":            {"-bf", "0"},
		"B-frames":         {"-bf", "3", "-x264-params", "b-adapt=0"},
		"pic-struct":       {"-bf", "2", "-x264-params", "pic-struct=1:b-adapt=0"},
		"HRD":              {"-bf", "2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:b-adapt=0"},
		"HRD CBR":          {"-x264-params", "nal-hrd=cbr:vbv-maxrate=900:vbv-bufsize=900:bitrate=900:pic-struct=1"},
		"slices":           {"-x264-params", "slices=4:pic-struct=1"},
		"interlaced":       {"-bf", "2", "-x264-params", "tff=1:pic-struct=1:b-adapt=0"},
		"interlaced, HRD":  {"-x264-params", "bff=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"},
		"no delimiter":     {"-x264-params", "aud=0:no-8x8dct=1"},
		"intra only, Main": {"-g", "1", "-pix_fmt", "yuv420p", "-profile:v", "main", "-x264-params", "pic-struct=1"},
	}
	files := []string{"a.ts", "a.flv", "a.mp4"}
	for i, name := range slices.Sorted(maps.Keys(codings)) {
		args := codings[name]
		if testing.Short() && (name == "HRD" || name == "interlaced" || name == "plain") {
			continue // another of these, or of those of TestTimestamps, is like it
		}
		for k, file := range files {
			if testing.Short() && k != i%len(files) {
				continue // each coding in one container
			}
			t.Run(name+" "+file, func(t *testing.T) { comparePackets(t, encode(t, file, "1.2", args...)) })
		}
	}
	t.Run("fragmented MP4", func(t *testing.T) {
		path := encode(t, "a.mp4", "2", "-bf", "2", "-x264-params", "pic-struct=1:b-adapt=0", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
		comparePackets(t, path)
	})
	t.Run("initial discontinuity", func(t *testing.T) {
		path := encode(t, "a.ts", "1", "-muxdelay", "0.2", "-bf", "0", "-mpegts_flags", "+initial_discontinuity")
		comparePackets(t, path)
	})
}

// comparePackets compares the units and pic_timing records of a stream with what ffmpeg's tools say.
func comparePackets(t *testing.T, path string) {
	t.Helper()
	r := analyze(t, path)
	want, timing := packets(t, path), traceMessages(t, path, "Picture Timing")
	if len(r.units) != len(want) || len(want) == 0 {
		t.Fatalf("%d units, ffprobe has %d", len(r.units), len(want))
	}
	if got := r.kinds(); got != "connected ended" {
		t.Errorf("notes: %s: %v", got, r.notes)
	}
	for i, u := range r.units {
		if got := (packet{u.PTS, u.DTS, u.Offset, u.Key}); got != want[i] || u.Number != int64(i) {
			t.Fatalf("unit %d is %+v, ffprobe says %+v", i, got, want[i])
		}
	}
	got := map[int64][]Record{}
	for _, rec := range r.of(PicTiming) {
		got[rec.Unit] = append(got[rec.Unit], rec)
	}
	for i := range want {
		if len(got[int64(i)]) != len(timing[i]) {
			t.Fatalf("unit %d has %d pic_timing records, trace_headers %d", i, len(got[int64(i)]), len(timing[i]))
		}
		for k, rec := range got[int64(i)] {
			if *rec.PTS != want[i].PTS || *rec.DTS != want[i].DTS || rec.Key != want[i].Key || rec.Offset != want[i].Pos {
				t.Fatalf("record of unit %d: %+v, ffprobe says %+v", i, rec, want[i])
			}
			compareTiming(t, i, rec, timing[i][k])
		}
	}
}

// compareTiming compares what a pic_timing record says with the syntax elements.
func compareTiming(t *testing.T, unit int, rec Record, want traced) {
	t.Helper()
	got := traced{}
	var extra map[string]any
	if err := json.Unmarshal(rec.Extra, &extra); err != nil {
		t.Fatalf("unit %d: %s: %v", unit, rec.Extra, err)
	}
	for name, v := range extra {
		if list, ok := v.([]any); ok {
			for i, stamp := range list {
				for name, v := range stamp.(map[string]any) {
					if name == "clock_timestamp_flag" {
						name = fmt.Sprintf("clock_timestamp_flag[%d]", i)
					}
					got[name] = number(v)
				}
			}
			continue
		}
		got[name] = number(v)
	}
	for name, v := range want {
		switch name {
		// They say whether parts are coded, bits that mean nothing, and what a part of zero length is.
		case "seconds_flag", "minutes_flag", "hours_flag", "bit_equal_to_one", "bit_equal_to_zero",
			"rbsp_stop_one_bit", "rbsp_alignment_zero_bit", "last_payload_type_byte", "last_payload_size_byte":
			continue
		}
		if g, ok := got[name]; !ok || g != v {
			t.Fatalf("unit %d: %s is %d in %s, trace_headers says %d", unit, name, g, rec.Extra, v)
		}
		delete(got, name)
	}
	delete(got, "time_offset") // it is not coded where its length is 0
	if len(got) > 0 {
		t.Fatalf("unit %d: trace_headers does not know %v", unit, got)
	}
}

func number(v any) int64 {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case bool:
		if v {
			return 1
		}
	}
	return 0
}
