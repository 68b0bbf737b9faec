package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

const (
	// maxDetectionList is how many detections a body may hold: what a store adds in one step.
	maxDetectionList = 500
	// maxDetectionBody holds as many with the longest names and texts, unescaped.
	maxDetectionBody = 512 << 10
	// maxAhead is how far beyond the newest frame a detection may be, for records that are under way to this process's store.
	// What is further cannot have been seen: it is a time in milliseconds, or on another clock.
	maxAhead = time.Minute
	// roundedDown is how much earlier than a frame a time may be that means it: players and Date give whole milliseconds.
	roundedDown = markers.Seconds(time.Millisecond)
)

// detectionClocks are those that a detection can be posted on.
func detectionClocks() []score.Clock {
	return []score.Clock{score.Time, score.Frame, score.UTC, score.PTS}
}

// detectionReader reads detections of a channel whose newest frame is known.
type detectionReader struct {
	channel markers.Channel
	newest  int64
}

// read reads the body of POST /detections, an object or an array of them, all or none.
func (d detectionReader) read(w http.ResponseWriter, r *http.Request) ([]markers.Detection, error) {
	body, err := readJSONBody(w, r, maxDetectionBody, `{"source":"mine","frame":600} or an array of such`)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if body[0] != '[' {
		one, err := d.detection(body)
		return []markers.Detection{one}, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, badField("body", "the body can't be read: %s", err)
	}
	if len(list) == 0 || len(list) > maxDetectionList {
		return nil, badField("body", "the array has %d detections: send 1 to %d at a time", len(list), maxDetectionList)
	}
	out := make([]markers.Detection, len(list))
	for i, raw := range list {
		if out[i], err = d.detection(raw); err != nil {
			var p *Problem
			if errors.As(err, &p) {
				p.Detail = fmt.Sprintf("detection %d: %s", i+1, p.Detail)
			}
			return nil, err
		}
	}
	return out, nil
}

func (d detectionReader) detection(body []byte) (out markers.Detection, err error) {
	known := []string{"source", "end", "confidence", "text"}
	for _, c := range detectionClocks() {
		known = append(known, string(c))
	}
	members, err := membersOf(body, known...)
	if err != nil {
		return out, err
	}
	if out.Text, err = textOf(members); err != nil {
		return out, err
	}
	if json.Unmarshal(members["source"], &out.Source) != nil || markers.CheckSource(out.Source) != nil {
		return out, badField("source", "source is missing or no name: name your detector with 1 to 64 letters, digits, '-', '_' and '.'")
	}
	if raw, ok := members["confidence"]; ok {
		if err := markers.CheckConfidence(string(raw)); err != nil {
			return out, badField("confidence", "%s", err)
		}
		out.Confidence = json.Number(raw)
	}
	var clock score.Clock
	for _, c := range detectionClocks() {
		if members[string(c)] == nil {
			continue
		}
		if clock != "" {
			return out, badField(string(c), "both %s and %s are given: name the instant on one clock", clock, c)
		}
		clock = c
	}
	if clock == "" {
		return out, badField("time", "the instant is missing: give time, frame, utc or pts")
	}
	if out.Time, out.Frame, err = d.instant(string(clock), clock, members[string(clock)]); err != nil {
		return out, err
	}
	out.EndTime, out.LastFrame = out.Time, out.Frame
	if raw, ok := members["end"]; ok {
		if out.EndTime, out.LastFrame, err = d.instant("end", clock, raw); err != nil {
			return out, err
		}
		if out.EndTime < out.Time {
			return out, badField("end", "end is before %s", clock)
		}
	}
	return out, nil
}

// instant reads an instant on a clock, and finds the frame that is shown then.
func (d detectionReader) instant(field string, c score.Clock, raw json.RawMessage) (t markers.Seconds, frame int64, err error) {
	text := string(raw)
	if c == score.UTC {
		if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
			return 0, 0, badField(field, "%s must be a string such as \"2026-01-31T12:00:00.5Z\"", field)
		}
	} else if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, 0, badField(field, "%s must be a number", field)
	}
	if c == score.PTS {
		text = d.unwrapped(text)
	}
	if t, err = c.Parse(text, d.channel); err != nil {
		return 0, 0, badField(field, "%s: %s", field, err)
	}
	furthest := d.newest + d.channel.Rate.Frames(maxAhead.Nanoseconds())
	switch frame = d.channel.Rate.FrameAtNanos(int64(t + roundedDown)); {
	case t < 0:
		return 0, 0, badField(field, "%s is %s s before the epoch, where the stream begins", field, -t)
	case frame > furthest:
		return 0, 0, badField(field, "%s is at frame %d, and the newest frame is %d: nobody can have seen that yet; see /clocks",
			field, frame, d.newest)
	}
	return t, frame, nil
}

// unwrapped is a PTS of 33 bits, as the wire has it, with the bits above that bring it nearest to the newest frame; any other
// text is as it was.
func (d detectionReader) unwrapped(text string) string {
	const half = (media.PTSMask + 1) / 2
	pts, err := parseDigits(text)
	if err != nil || pts > media.PTSMask {
		return text
	}
	newest := d.channel.Clock().PTS(d.newest)
	return strconv.FormatInt(media.Unwrap(pts, max(newest+1, half)), 10) // no less than half: never negative
}
