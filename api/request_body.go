package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// readJSONBody reads a body of at most so many bytes and checks its syntax. example is what to send instead.
func readJSONBody(w http.ResponseWriter, r *http.Request, most int64, example string) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, refusal(http.StatusUnsupportedMediaType, "Content-Type", "the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusal(http.StatusRequestEntityTooLarge, "body", "the body has more than %d bytes", most)
	case err != nil:
		return nil, badField("body", "the body can't be read")
	case !utf8.Valid(body): // the decoder would put replacement characters in
		return nil, badField("body", "the body is not valid UTF-8")
	case !json.Valid(body):
		return nil, badField("body", "the body is not JSON: send %s", example)
	}
	return body, nil
}

// textOf reads the member text, empty where there is none. What can't be seen in it is escaped: it is shown in playlists, tables
// and terminals, beside texts of others.
func textOf(members map[string]json.RawMessage) (text string, err error) {
	raw, ok := members["text"]
	if !ok {
		return "", nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", badField("text", "text must be a string")
	}
	err = markers.CheckText(text)
	if err == nil {
		text = redact.Unseen(text)
		err = markers.CheckText(text)
	}
	if err != nil {
		return "", badField("text", "%s", err)
	}
	return text, nil
}

// membersOf splits a JSON object whose syntax has been checked. Members that are not known or come twice are refused.
func membersOf(body []byte, known ...string) (map[string]json.RawMessage, error) {
	if body = bytes.TrimLeft(body, " \t\r\n"); body[0] != '{' {
		return nil, badField("body", "the body must be a JSON object")
	}
	members := map[string]json.RawMessage{}
	for name, raw := range eachMember(body) {
		if !slices.Contains(known, name) {
			return nil, badField(name, "there is no member %q: there are %s", name, strings.Join(known, ", "))
		}
		if _, twice := members[name]; twice {
			return nil, badField(name, "%s is given twice", name)
		}
		members[name] = raw
	}
	return members, nil
}

// eachMember gives the members of a JSON object whose syntax has been checked, in their order.
func eachMember(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(object))
		for open, _ := dec.Token(); open != nil && dec.More(); {
			key, _ := dec.Token()
			name, _ := key.(string)
			var raw json.RawMessage
			if dec.Decode(&raw) != nil || !yield(name, raw) {
				return
			}
		}
	}
}

const (
	// maxDetectionList is how many detections a body may hold: what a store adds in one step.
	maxDetectionList = 500
	// maxDetectionBody holds as many with the longest names and texts, unescaped.
	maxDetectionBody = 512 << 10
	// maxAhead is how far beyond the newest frame a detection may be, for records that are under way to this process's store.
	// What is further cannot have been seen: it is a time in milliseconds, or on another clock.
	maxAhead = time.Minute
	// roundedDown is how much earlier than a frame a time may be that means it: players and Date give whole milliseconds.
	roundedDown = media.Seconds(time.Millisecond)
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
func (d detectionReader) instant(field string, c score.Clock, raw json.RawMessage) (t media.Seconds, frame int64, err error) {
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

// maxTriggerBody is far above what 120 characters need, however they are escaped.
const maxTriggerBody = 16 << 10

// readTrigger reads and checks the body of POST /markers. Members that are unknown or given twice are refused: they are
// mistakes that would pass silently.
func readTrigger(w http.ResponseWriter, r *http.Request, ch markers.Channel) (text string, length int64, err error) {
	body, err := readJSONBody(w, r, maxTriggerBody, "{} or {\"text\":…,\"length_frames\":…}")
	if err != nil {
		return "", 0, err
	}
	members, err := membersOf(body, "text", "length_frames")
	if err != nil {
		return "", 0, err
	}
	if text, err = textOf(members); err != nil {
		return "", 0, err
	}
	length = ch.EventLength
	if raw, ok := members["length_frames"]; ok {
		longest := markers.MaxEventSeconds * ch.Rate.Base()
		length, err = parseDigits(string(raw))
		if err != nil || length < 1 || length > longest {
			return "", 0, badField("length_frames", "length_frames must be a whole number from 1 to %d", longest)
		}
	}
	return text, length, nil
}
