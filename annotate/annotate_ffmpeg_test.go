package annotate

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func clockOf(num, den int64, drop bool) markers.Clock {
	return markers.Clock{
		Rate: media.FrameRate{Num: num, Den: den}, Epoch: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), FramesPerSegment: 12,
		DropFrame: drop,
	}
}

// countTimecodes gives the timecodes of the frames from first on, and which of them follow a skip. It counts addresses
// one by one as SMPTE ST 12-1 tells it, by no formula: with drop-frame, the first two numbers of a minute, or four at
// 60000/1001, don't exist but in every tenth minute.
func countTimecodes(base int, drop bool, first, frames int64) (codes []string, skipped []bool) {
	h, m, s, f := 0, 0, 0, 0
	for n := int64(0); n < first+frames; n++ {
		skip := drop && f == 0 && s == 0 && m%10 != 0
		if skip {
			f = 2 * base / 30
		}
		if n >= first {
			codes = append(codes, fmt.Sprintf("%02d:%02d:%02d:%02d", h, m, s, f))
			skipped = append(skipped, skip)
		}
		if f++; f == base {
			f, s = 0, s+1
		}
		if s == 60 {
			s, m = 0, m+1
		}
		if m == 60 {
			m, h = 0, (h+1)%24
		}
	}
	return codes, skipped
}

const hrdArgs = "-maxrate 400k -bufsize 400k"

func TestAnnotatedStreamsReadBackWithFFmpeg(t *testing.T) {
	type stream struct {
		name   string
		clock  markers.Clock
		base   int
		first  int64
		frames int64
		x264   string
		args   string
	}
	var streams []stream
	for _, r := range media.FrameRates() {
		base := int((r.Num + r.Den - 1) / r.Den)
		streams = append(streams,
			stream{r.String(), clockOf(r.Num, r.Den, false), base, 0, int64(base) + 5, "pic-struct=1", "-bf 2"},
			stream{r.String() + " at a minute", clockOf(r.Num, r.Den, false), base, int64(60*base) - 10, 20, "pic-struct=1", "-bf 3"})
		if r.Den == 1001 && base%30 == 0 {
			k := int64(base / 30)
			for _, at := range []int64{1800, 3598, 16184, 17982, 19782, 107892} { // minutes 1, 2, 9, 10, 11 and 60
				streams = append(streams, stream{
					fmt.Sprintf("%v drop-frame near %d", r, at*k), clockOf(r.Num, r.Den, true), base, at*k - 12, 24, "pic-struct=1", "-bf 2",
				})
			}
		}
	}
	for _, bf := range []string{"0", "2", "3"} {
		for _, slices := range []string{"1", "4"} {
			streams = append(streams, stream{
				"B-frames " + bf + ", slices " + slices + ", HRD", clockOf(30000, 1001, true), 30, 1790, 40,
				"pic-struct=1:nal-hrd=vbr:slices=" + slices, "-bf " + bf + " " + hrdArgs,
			})
		}
	}
	if testing.Short() { // every twelfth one: both places, some skips, some numbers of B-frames; the matrix of rates is elsewhere
		var some []stream
		for i := 0; i < len(streams); i += 12 {
			some = append(some, streams[i])
		}
		streams = some
	}
	streams = append(streams,
		stream{"no B-frames, slices", clockOf(25, 1, false), 25, 90000, 30, "pic-struct=1:slices=3", "-bf 0"},
		stream{"CBR with filler", clockOf(50, 1, false), 50, 0, 30, "pic-struct=1:nal-hrd=cbr", "-bf 2 -b:v 400k " + hrdArgs},
		stream{"open GOP, pyramid", clockOf(24, 1, false), 24, 1436, 40, "pic-struct=1:open-gop=1:b-pyramid=normal", "-bf 3"},
		stream{"low latency", clockOf(60, 1, false), 60, 100, 30, "pic-struct=1", "-tune zerolatency"},
	)
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			codes, skipped := countTimecodes(s.base, s.clock.DropFrame, s.first, s.frames)
			units := encode(t, s.clock, s.first, s.frames, s.x264, strings.Fields(s.args)...)
			out := annotateAll(t, s.clock, units, true)
			checkDecoded(t, s.clock, s.first, codes, skipped, decode(t, out), probedTimecodes(t, out))
			checkTraced(t, s.clock, units, skipped, traceSEI(t, write(t, join(units))), traceSEI(t, out))
		})
	}
}

// checkDecoded compares what ffmpeg's decoder shows, in the order of presentation.
func checkDecoded(t *testing.T, clock markers.Clock, first int64, codes []string, skipped []bool, got []decoded, probed []string) {
	t.Helper()
	if len(got) != len(codes) || len(probed) != len(codes) {
		t.Fatalf("%d frames were decoded and %d probed, want %d", len(got), len(probed), len(codes))
	}
	// ffmpeg prints the semicolon of drop-frame from a frame with cnt_dropped_flag on, but each of its decoding threads
	// learns that by itself: there must be one on the frame itself and none before, and what follows may have either.
	skip := slices.Index(skipped, true)
	for i, frame := range got {
		n := first + int64(i)
		if len(frame.timecodes) != 1 {
			t.Errorf("frame %d: showinfo shows timecodes %q, want one", n, frame.timecodes)
			continue
		}
		for _, code := range []string{probed[i], frame.timecodes[0]} {
			semicolon := strings.Contains(code, ";")
			if strings.ReplaceAll(code, ";", ":") != codes[i] || skipped[i] && !semicolon ||
				semicolon && (skip < 0 || i < skip) {
				t.Errorf("frame %d: timecode %q, want %q, skipped: %v", n, code, codes[i], skipped[i])
			}
		}
		checkUserData(t, clock, n, frame.userData)
	}
}

// checkUserData wants the MISB time stamp and the frame record of frame n, once each and nothing else. The bytes are
// taken apart here without the code that writes them.
func checkUserData(t *testing.T, clock markers.Clock, n int64, data []string) {
	t.Helper()
	want := recordOf(clock, n)
	if len(data) != 2 {
		t.Errorf("frame %d: %d user data, want 2: %q", n, len(data), data)
		return
	}
	stamp, record := []byte(data[0]), []byte(data[1])
	micros := slices.Concat(stamp[17:19], stamp[20:22], stamp[23:25], stamp[26:28])
	if string(stamp[:17]) != "MISPmicrosectime\x1f" || len(stamp) != 28 || stamp[19] != 0xFF || stamp[22] != 0xFF ||
		stamp[25] != 0xFF || int64(binary.BigEndian.Uint64(micros)) != want.GenNS/1000 {
		t.Errorf("frame %d: time stamp %x, want %d us", n, stamp, want.GenNS/1000)
	}
	var got map[string]any
	d := json.NewDecoder(strings.NewReader(string(record[16:])))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Errorf("frame %d: %v in %q", n, err, record)
		return
	}
	var event any
	if want.Event != "" {
		event = want.Event
	}
	for name, value := range map[string]any{
		"frame": num(n), "channel": "test", "run": num(3), "gen_ns": num(want.GenNS), "pts": num(want.PTS), "event": event,
	} {
		if got[name] != value {
			t.Errorf("frame %d: %s is %v, want %v", n, name, got[name], value)
		}
	}
	if len(got) != 6 || string(record[:16]) != RecordUUID {
		t.Errorf("frame %d: record %q", n, record)
	}
}

func num(v int64) json.Number { return json.Number(fmt.Sprint(v)) }

// checkTraced compares the syntax elements of each access unit with those of the stream before, in decoding order.
func checkTraced(t *testing.T, clock markers.Clock, units []media.Unit, skipped []bool, before, after [][]tracedMessage) {
	t.Helper()
	if len(before) != len(units) || len(after) != len(units) {
		t.Fatalf("%d and %d access units were traced, want %d", len(before), len(after), len(units))
	}
	first := slices.MinFunc(units, func(a, b media.Unit) int { return int(a.Frame - b.Frame) }).Frame
	for i, au := range units {
		var others, othersBefore []string
		timings, users := 0, 0
		var old tracedMessage
		for _, m := range before[i] {
			switch {
			case m.name == "Picture Timing":
				old = m
			case m.name != "User Data Unregistered":
				othersBefore = append(othersBefore, m.name)
			}
		}
		for j, m := range after[i] {
			switch m.name {
			case "Picture Timing":
				timings++
				checkTiming(t, clock, au.Frame, skipped[au.Frame-first], old, m)
			case "User Data Unregistered":
				users++
				if strings.Contains(m.bytesOf("user_data_payload_byte"), "x264") {
					t.Errorf("frame %d: x264's banner is still there", au.Frame)
				}
			case "Buffering Period":
				if j != 0 {
					t.Errorf("frame %d: the buffering period comes after %d messages", au.Frame, j)
				}
				fallthrough
			default:
				others = append(others, m.name)
			}
		}
		if timings != 1 || users != 2 || !slices.Equal(others, othersBefore) {
			t.Errorf("frame %d: %d pic_timing, %d user data, and %v, which were %v", au.Frame, timings, users, others, othersBefore)
		}
	}
}

// checkTiming compares the elements of one pic_timing with what they should be, and the delays with the encoder's.
func checkTiming(t *testing.T, clock markers.Clock, n int64, skipped bool, old, got tracedMessage) {
	t.Helper()
	counting, dropped := int64(0), int64(0)
	if clock.DropFrame {
		counting = 4
		if clock.Rate.Num == 60000 {
			counting = 6
		}
	}
	if skipped {
		dropped = 1
	}
	want := map[string]int64{
		"pic_struct": 0, "clock_timestamp_flag[0]": 1, "ct_type": 0, "nuit_field_based_flag": 1,
		"counting_type": counting, "full_timestamp_flag": 1, "discontinuity_flag": 0, "cnt_dropped_flag": dropped,
	}
	for _, name := range []string{"cpb_removal_delay", "dpb_output_delay"} {
		if v, ok := old.fields[name]; ok {
			want[name] = v
		} else if _, ok := got.fields[name]; ok {
			t.Errorf("frame %d: %s came from nowhere", n, name)
		}
	}
	for name, v := range want {
		if g, ok := got.fields[name]; !ok || g != v {
			t.Errorf("frame %d: %s is %d (%v), want %d", n, name, g, ok, v)
		}
	}
}
