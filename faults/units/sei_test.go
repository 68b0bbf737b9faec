package units

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// labels are the values in the SEI of a picture, as ffmpeg's trace_headers reads it, -1 for what is not there.
type labels struct {
	timecode   int64 // frames
	micros     int64 // of the MISB time stamp, from the epoch
	frame, gen int64 // of the frame record, gen in microseconds from the epoch
	others     int   // other user data
}

// trace reads the labels of a file's pictures, in decoding order.
func trace(t *testing.T, file string) (list []labels) {
	t.Helper()
	_, log := run(t, "ffmpeg", "-hide_banner", "-nostats", "-i", file, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
	var uuid, data []byte
	end := func() { // of a message
		if len(uuid) == 16 {
			list[len(list)-1].user(t, string(uuid), data)
		}
		uuid, data = nil, nil
	}
	for line := range strings.Lines(log) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[trace_headers") {
			continue
		}
		if strings.HasPrefix(text, "Packet: ") {
			if len(list) > 0 {
				end()
			}
			list = append(list, labels{timecode: -1, micros: -1, frame: -1, gen: -1})
		}
		fields := strings.Fields(text)
		if len(list) == 0 || len(fields) < 5 {
			continue
		}
		l := &list[len(list)-1]
		v, _ := strconv.ParseInt(fields[len(fields)-1], 10, 64)
		switch name := fields[1]; {
		case name == "n_frames":
			l.timecode = v
		case name == "seconds_value":
			l.timecode += 25 * v
		case name == "minutes_value":
			l.timecode += 25 * 60 * v
		case name == "uuid_iso_iec_11578[0]":
			end()
			fallthrough
		case strings.HasPrefix(name, "uuid_iso_iec_11578"):
			uuid = append(uuid, byte(v))
		case strings.HasPrefix(name, "user_data_payload_byte"):
			data = append(data, byte(v))
		}
	}
	end()
	return list
}

func (l *labels) user(t *testing.T, uuid string, data []byte) {
	t.Helper()
	epoch := testChannel().Epoch.UnixMicro()
	switch {
	case uuid == "MISPmicrosectime":
		b := append(append(append(append([]byte{}, data[1:3]...), data[4:6]...), data[7:9]...), data[10:12]...)
		l.micros = int64(binary.BigEndian.Uint64(b)) - epoch
	case data[0] == '{':
		var r struct {
			Frame, PTS int64
			GenNS      int64 `json:"gen_ns"`
		}
		if err := json.Unmarshal(data, &r); err != nil || r.PTS != testChannel().Clock().PTS(r.Frame) {
			t.Errorf("record %s: %v", data, err)
		}
		l.frame, l.gen = r.Frame, r.GenNS/1000-epoch
	default:
		l.others++
	}
}

// own is the values in the SEI of frame m where they are wrong by so many frames and microseconds.
func own(m, frames, us int64) labels {
	gen := m*40_000 + 3_000 + us
	return labels{timecode: m + frames, micros: gen, frame: m + frames, gen: gen}
}

// seiFault is a fault of SEI; want gives the labels of frame n, where the frames before it in decoding order are known.
type seiFault struct {
	kind, with string
	want       func(n int64, before []int64) labels
}

// length is how many frames each fault is given, and every how many there is one: some are across the edges of GOPs.
const length, every = 9, 10

func seiFaults() []seiFault {
	return []seiFault{
		{"sei.missing", "", func(int64, []int64) labels { return labels{timecode: -1, micros: -1, frame: -1, gen: -1} }},
		{"sei.late", "frames: 8", func(n int64, _ []int64) labels { return own(n-8, 0, 0) }},
		{"sei.frozen", "", func(n int64, before []int64) labels {
			for _, m := range append(before, n) {
				if m/every == n/every && m%every < length {
					return own(m, 0, 0)
				}
			}
			panic("not reached")
		}},
		{"sei.offset", "frames: -3", func(n int64, _ []int64) labels { return own(n, -3, -120_000) }},
		{"sei.late", "frames: 1", func(n int64, before []int64) labels {
			if slices.Contains(before, n-1) {
				return own(n-1, 0, 0)
			}
			return own(n, 0, 0)
		}},
		{"sei.offset", "by: 2s", func(n int64, _ []int64) labels { return own(n, 50, 2_000_000) }},
		{"sei.drift", "ppm: 100000", func(n int64, _ []int64) labels { return own(n, (n%every+5)/10, 4_000*(n%every)) }},
		{"sei.offset", "by: -7ms", func(n int64, _ []int64) labels { return own(n, 0, -7_000) }},
	}
}

// chosen takes of a picture's labels those of the message that a fault is for.
func chosen(message string, clean, faulty labels) labels {
	switch message {
	case "timecode":
		clean.timecode = faulty.timecode
	case "misb":
		clean.micros = faulty.micros
	case "record":
		clean.frame, clean.gen = faulty.frame, faulty.gen
	default:
		return faulty
	}
	return clean
}

// ffmpeg's trace_headers reads the labels that each fault makes, of each message alone and of all, and in all other frames their own.
func TestSEI(t *testing.T) {
	for k, message := range []string{"all", "timecode", "misb", "record"} {
		bframes := k * 2 % 4 // each clip twice
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			list := seiFaults()
			text := []string{"{decoy: sei.unknown, at: {frame: 30}, for: {frames: 5}}"}
			for i, f := range list {
				with := strings.TrimPrefix(f.with+", message: "+message, ", ")
				text = append(text, fmt.Sprintf("{id: f%d, do: %s, at: {frame: %d}, for: {frames: %d}, with: {%s}}", i, f.kind, (i+1)*every, length, with))
			}
			w := rewrite(t, bframes, strings.Join(text, ", "))
			got := trace(t, pack(t, w.faulty, w.clock))
			if len(got) != len(w.clean) {
				t.Fatalf("%d pictures were traced, want %d", len(got), len(w.clean))
			}
			var before []int64
			for i, au := range w.clean {
				want := own(au.Frame, 0, 0)
				if k := au.Frame/every - 1; k >= 0 && int(k) < len(list) && au.Frame%every < length {
					want = chosen(message, want, list[k].want(au.Frame, before))
				}
				if au.Frame >= 30 && au.Frame < 35 {
					want.others = 1
				}
				if got[i] != want {
					t.Errorf("frame %d: labels %+v, want %+v", au.Frame, got[i], want)
				}
				before = append(before, au.Frame)
			}
		})
	}
}
