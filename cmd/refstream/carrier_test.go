package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// carrierFrames is how many frames of a live carrier are read: some seconds of a small stream.
const carrierFrames = 130

// reorder is more than the pictures that any stream of the tests holds back.
const reorder = 8

// carrier is a place where the stream can be read, and how exact its time stamps are.
type carrier struct {
	name, url string
	// options go before ffmpeg's and ffprobe's -i.
	options []string
	// ticks is the unit of its time stamps in 90 kHz ticks: 1, or 90 for milliseconds.
	ticks int64
	// frames is how many frames are read, carrierFrames where it is 0.
	frames int
}

func (c carrier) count() int { return cmp.Or(c.frames, carrierFrames) }

// seen is an access unit as ffmpeg's tools see it.
type seen struct {
	pts    int64 // 90 kHz
	frame  int64 // as the frame record says
	misb   []byte
	record []byte
}

// readTimeout bounds the reading of a carrier: a slow machine takes the time that the frames last, and some to begin.
const readTimeout = 60 * time.Second

// reading is what ffmpeg's tools printed about a carrier.
type reading struct {
	carrier
	trace, frames []byte
	err           error
}

// run runs a program that reads from the carrier and returns what it printed on both outputs.
func (c carrier) run(ctx context.Context, name string, args ...string) (stdout, stderr []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%s: %s %q: %w: %s", c.name, name, args, err, tail(errs.String(), 2000))
	}
	return out.Bytes(), errs.Bytes(), err
}

// read reads the carrier twice: access units as they are, with trace_headers, and decoded frames, with ffprobe. between is
// called in between.
func (c carrier) read(ctx context.Context, between func()) reading {
	r := reading{carrier: c}
	// An SRT listener that nobody has come to begins anew now and then: who comes just then is not heard.
	run := func(name string, args ...string) (stdout, stderr []byte, err error) {
		for range 5 {
			if stdout, stderr, err = c.run(ctx, name, args...); err == nil || !strings.HasPrefix(c.url, "srt:") {
				break
			}
			between()
		}
		return stdout, stderr, err
	}
	args := append([]string{"-hide_banner", "-copyts"}, c.options...)
	_, r.trace, r.err = run("ffmpeg", append(args, "-i", c.url, "-map", "0:v", "-c", "copy",
		"-frames:v", strconv.Itoa(c.count()), "-bsf:v", "trace_headers", "-f", "null", "-")...)
	if r.err != nil {
		return r
	}
	between()
	args = append([]string{"-v", "error"}, c.options...)
	r.frames, _, r.err = run("ffprobe", append(args, "-select_streams", "v", "-read_intervals", fmt.Sprintf("%%+#%d", c.count()),
		"-show_frames", "-show_entries", "frame=pts:frame_tags=timecode", "-of", "json", c.url)...)
	return r
}

var tracedPacket = regexp.MustCompile(`Packet: \d+ bytes(?:, key frame)?, pts (-?\d+)`)

// packets are the access units in decoding order, with their SEI messages.
func (r reading) packets(t *testing.T) (list []seen) {
	t.Helper()
	c, trace := r.carrier, r.trace
	places := tracedPacket.FindAllSubmatchIndex(trace, -1)
	for i, at := range places {
		end := len(trace)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		pts, err := strconv.ParseInt(string(trace[at[2]:at[3]]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s := seen{pts: pts * c.ticks, frame: -1}
		unit := string(trace[at[1]:end])
		if n := strings.Count(unit, "Picture Timing"); n != 1 {
			t.Fatalf("%s: packet %d has %d pic_timing messages, want 1", c.name, i, n)
		}
		for _, part := range strings.Split(unit, "User Data Unregistered")[1:] {
			body := tracedBytes(t, part)
			switch {
			case bytes.HasPrefix(body, []byte("MISPmicrosectime")):
				s.misb = body
			case len(body) > 16 && body[16] == '{':
				var record struct{ Frame int64 }
				if err := json.Unmarshal(body[16:], &record); err != nil {
					t.Fatalf("%s: frame record %q: %v", c.name, body[16:], err)
				}
				s.frame, s.record = record.Frame, body[16:]
			}
		}
		list = append(list, s)
	}
	if len(list) < c.count() {
		t.Fatalf("%s: %d packets, want %d", c.name, len(list), c.count())
	}
	return list
}

func tracedBytes(t *testing.T, trace string) (body []byte) {
	t.Helper()
	for _, m := range userData.FindAllStringSubmatch(trace, -1) {
		v, err := strconv.Atoi(m[1])
		if err != nil || v > 255 {
			t.Fatalf("byte %q", m[1])
		}
		body = append(body, byte(v))
	}
	return body
}

// probed is a decoded frame as ffprobe shows it.
type probed struct {
	PTS  int64             `json:"pts"`
	Tags map[string]string `json:"tags"`
}

// decoded are the frames.
func (r reading) decoded(t *testing.T) []probed {
	t.Helper()
	var answer struct{ Frames []probed }
	if err := json.Unmarshal(r.frames, &answer); err != nil {
		t.Fatal(err)
	}
	// The decoder keeps the last few.
	if len(answer.Frames) < r.count()/2 {
		t.Fatalf("%s: ffprobe shows %d frames, want about %d", r.name, len(answer.Frames), r.count())
	}
	return answer.Frames
}

// near says whether a time stamp read from a carrier, modulo its wrap, is that of the ledger as exactly as the carrier can say.
func (c carrier) near(read, want int64) bool {
	if c.ticks == 1 {
		return (read-want)&media.PTSMask == 0
	}
	const wrap = int64(1) << 32 * 90
	d := ((read-want)%wrap + wrap) % wrap
	return min(d, wrap-d) <= c.ticks
}

// check holds what was read against the ledger: every access unit's frame, MISB time stamp and PTS, every decoded frame's
// timecode; no frame is missing between the first and the last.
func (r reading) check(t *testing.T, ledger []markers.FrameRecord) {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	c, packets, frames := r.carrier, r.packets(t), r.decoded(t)
	byFrame := map[int64]markers.FrameRecord{}
	for _, f := range ledger {
		byFrame[f.Frame] = f
	}
	if f := byFrame[packets[0].frame]; !f.Key {
		t.Errorf("%s: begins with frame %d, which is no key frame", c.name, packets[0].frame)
	}
	var lowest, highest int64 = packets[0].frame, 0
	for _, p := range packets {
		f, ok := byFrame[p.frame]
		if !ok {
			t.Fatalf("%s: a packet says that it is frame %d, which is not in the ledger", c.name, p.frame)
		}
		if !c.near(p.pts, f.PTS) {
			t.Fatalf("%s: frame %d has PTS %d, ledger %d", c.name, f.Frame, p.pts, f.PTS)
		}
		checkMISB(t, f, p.misb)
		highest = max(highest, f.Frame)
	}
	// Every frame that left the encoder is there; with reordering some of the last ones have not been read yet.
	missing := -int64(len(packets))
	for n := lowest; n <= highest; n++ {
		if _, ok := byFrame[n]; ok {
			missing++
		}
	}
	if missing < 0 || missing > reorder {
		t.Errorf("%s: %d packets hold frames %d to %d, and %d are missing", c.name, len(packets), lowest, highest, missing)
	}
	previous := int64(-1)
	for i, p := range frames {
		f, ok := c.ledgerOf(ledger, p.PTS*c.ticks)
		if !ok {
			t.Fatalf("%s: ffprobe shows a frame at PTS %d, which is not in the ledger", c.name, p.PTS)
		}
		if got := strings.ReplaceAll(p.Tags["timecode"], ";", ":"); got != asProbed(f.Timecode) {
			t.Fatalf("%s: frame %d has timecode %q, ledger %q", c.name, f.Frame, got, f.Timecode)
		}
		// Of the last ones those that are decoded after the last packet are not there.
		for n := previous + 1; previous >= 0 && n < f.Frame && i < len(frames)-reorder; n++ {
			if _, ok := byFrame[n]; ok {
				t.Errorf("%s: frame %d after %d", c.name, f.Frame, previous)
			}
		}
		previous = f.Frame
	}
}

// ledgerOf finds the frame at a time stamp.
func (c carrier) ledgerOf(ledger []markers.FrameRecord, pts int64) (markers.FrameRecord, bool) {
	for _, f := range ledger {
		if c.near(pts, f.PTS) {
			return f, true
		}
	}
	return markers.FrameRecord{}, false
}
