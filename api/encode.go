package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
)

// markerList is the answer of /markers.
type markerList struct {
	Channel   string       `json:"channel"`
	Markers   []markerView `json:"markers"`
	Truncated bool         `json:"truncated"`
}

// json writes one object.
func (l markerList) json() ([]byte, error) { return json.Marshal(l) }

// ndjson writes one marker a line.
func (l markerList) ndjson() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, m := range l.Markers {
		if err := enc.Encode(m); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// csvColumns names the columns of the CSV form: the members of a marker, box and block flattened.
func csvColumns() []string {
	return []string{
		"id", "channel", "run", "kind", "text", "time", "end_time", "frame", "last_frame", "scheduled_frame", "pts",
		"last_pts", "timecode", "utc", "gen_time", "gen_seconds", "msn", "offset", "box_x", "box_y", "box_width",
		"box_height", "block_x", "block_y", "block_width", "block_height", "block_roll", "color", "missing_frames",
	}
}

// csv writes a header row and one row a marker.
func (l markerList) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true // RFC 4180, 2
	if err := w.Write(csvColumns()); err != nil {
		return nil, err
	}
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, m := range l.Markers {
		run, genTime, genSeconds := n(m.Run), m.GenTime.Format(time.RFC3339Nano), m.GenSeconds.String()
		if m.foreign {
			run, genTime, genSeconds = "", "", ""
		}
		err := w.Write([]string{
			inert(m.ID), inert(m.Channel), run, m.Kind, inert(m.Text), m.Time.String(), m.EndTime.String(),
			n(m.Frame), n(m.LastFrame), n(m.ScheduledFrame), n(m.PTS), n(m.LastPTS), m.Timecode,
			m.UTC.Format(time.RFC3339Nano), genTime, genSeconds,
			n(m.MSN), n(m.Offset), n(int64(m.Box.X)), n(int64(m.Box.Y)), n(int64(m.Box.Width)), n(int64(m.Box.Height)),
			n(int64(m.Block.X)), n(int64(m.Block.Y)), n(int64(m.Block.Width)), n(int64(m.Block.Height)),
			n(int64(m.Block.Roll)), m.Color, n(m.MissingFrames),
		})
		if err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// inert puts an apostrophe before text that a spreadsheet would take for a formula. The other formats have the text as
// it is.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// vtt writes one cue a marker, on the HLS clock: from its first frame until the end of its last, identified by its id.
// The X-TIMESTAMP-MAP line puts time 0 at the PTS of frame 0, so that an HLS player can show the cues as subtitles.
func (l markerList) vtt(ch markers.Channel) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d\n", ch.PTSOrigin)
	clock := ch.Clock()
	oneLine := strings.NewReplacer("\r", " ", "\n", " ", "-->", "->")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", " ", "\n", " ")
	for _, m := range l.Markers {
		fmt.Fprintf(&b, "\n%s\n%s --> %s\n%s\n", oneLine.Replace(m.ID),
			cueTime(m.Time), cueTime(clock.Time(m.LastFrame+1)), escape.Replace(m.Text))
	}
	return b.Bytes()
}

// cueTime writes hours, minutes, seconds and milliseconds, rounded down: a frame begins at or after the time written,
// so a cue is on in its first frame and off in the frame after its last.
func cueTime(t markers.Seconds) string {
	ms := max(int64(t), 0) / int64(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
