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

// markerWriter writes a list of markers in one format: what comes first, each marker, and what comes last. next is where the
// markers are that the limit left out, empty where it left none out.
type markerWriter interface {
	begin(b *bytes.Buffer)
	add(b *bytes.Buffer, m markerView) error
	end(b *bytes.Buffer, next string)
}

// writer finds the writer of a format for markers of ch.
func (f format) writer(ch markers.Channel) markerWriter {
	switch f.name {
	case "csv":
		return csvWriter{}
	case "ndjson":
		return ndjsonWriter{}
	case "vtt":
		return newVTTWriter(ch)
	}
	return &jsonWriter{channel: ch.Name}
}

// jsonWriter writes one object.
type jsonWriter struct {
	channel string
	some    bool
}

func (w *jsonWriter) begin(b *bytes.Buffer) {
	fmt.Fprintf(b, `{"channel":%q,"markers":[`, w.channel) // a channel's name needs no escapes
}

func (w *jsonWriter) add(b *bytes.Buffer, m markerView) error {
	text, err := json.Marshal(m)
	if w.some {
		b.WriteByte(',')
	}
	w.some = true
	b.Write(text)
	return err
}

func (w *jsonWriter) end(b *bytes.Buffer, next string) {
	fmt.Fprintf(b, `],"truncated":%t`, next != "")
	if next != "" {
		fmt.Fprintf(b, `,"next":%q`, next) // an address needs none either
	}
	b.WriteByte('}')
}

// ndjsonWriter writes one marker a line. That markers were left out is in the headers only: each line is a marker.
type ndjsonWriter struct{}

func (ndjsonWriter) begin(*bytes.Buffer) {}

func (ndjsonWriter) add(b *bytes.Buffer, m markerView) error { return json.NewEncoder(b).Encode(m) }

func (ndjsonWriter) end(*bytes.Buffer, string) {}

// csvColumns names the columns of the CSV form: the members of a marker, box and block flattened.
func csvColumns() []string {
	return []string{
		"id", "channel", "run", "kind", "text", "time", "end_time", "frame", "last_frame", "scheduled_frame", "pts",
		"last_pts", "timecode", "utc", "gen_time", "gen_seconds", "msn", "offset", "box_x", "box_y", "box_width",
		"box_height", "block_x", "block_y", "block_width", "block_height", "block_roll", "color", "missing_frames",
	}
}

// csvWriter writes a header row and one row a marker. RFC 4180 has no comments, so that markers were left out is in the headers
// only.
type csvWriter struct{}

func (w csvWriter) begin(b *bytes.Buffer) { _ = w.row(b, csvColumns()) }

func (csvWriter) row(b *bytes.Buffer, cells []string) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true // RFC 4180, 2
	err := w.Write(cells)
	w.Flush()
	return err
}

func (w csvWriter) add(b *bytes.Buffer, m markerView) error {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	run, genTime, genSeconds := n(m.Run), m.GenTime.Format(time.RFC3339Nano), m.GenSeconds.String()
	if m.foreign {
		run, genTime, genSeconds = "", "", ""
	}
	return w.row(b, []string{
		inert(m.ID), inert(m.Channel), run, m.Kind, inert(m.Text), m.Time.String(), m.EndTime.String(),
		n(m.Frame), n(m.LastFrame), n(m.ScheduledFrame), n(m.PTS), n(m.LastPTS), m.Timecode,
		m.UTC.Format(time.RFC3339Nano), genTime, genSeconds,
		n(m.MSN), n(m.Offset), n(int64(m.Box.X)), n(int64(m.Box.Y)), n(int64(m.Box.Width)), n(int64(m.Box.Height)),
		n(int64(m.Block.X)), n(int64(m.Block.Y)), n(int64(m.Block.Width)), n(int64(m.Block.Height)),
		n(int64(m.Block.Roll)), m.Color, n(m.MissingFrames),
	})
}

func (csvWriter) end(*bytes.Buffer, string) {}

// inert puts an apostrophe before text that a spreadsheet would take for a formula. The other formats have the text as
// it is.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// vttWriter writes one cue a marker, on the HLS clock: from its first frame until the end of its last, identified by its id.
// The X-TIMESTAMP-MAP line puts time 0 at the PTS of frame 0, so that an HLS player can show the cues as subtitles.
type vttWriter struct {
	origin           int64
	clock            markers.Clock
	oneLine, escaped *strings.Replacer
}

func newVTTWriter(ch markers.Channel) vttWriter {
	return vttWriter{
		origin: ch.PTSOrigin, clock: ch.Clock(), oneLine: strings.NewReplacer("\r", " ", "\n", " ", "-->", "->"),
		escaped: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", " ", "\n", " "),
	}
}

func (w vttWriter) begin(b *bytes.Buffer) {
	fmt.Fprintf(b, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d\n", w.origin)
}

func (w vttWriter) add(b *bytes.Buffer, m markerView) error {
	fmt.Fprintf(b, "\n%s\n%s --> %s\n%s\n", w.oneLine.Replace(m.ID),
		cueTime(m.Time), cueTime(w.clock.Time(m.LastFrame+1)), w.escaped.Replace(m.Text))
	return nil
}

func (w vttWriter) end(b *bytes.Buffer, next string) {
	if next != "" {
		fmt.Fprintf(b, "\nNOTE The limit left markers out: %s\n", next)
	}
}

// cueTime writes hours, minutes, seconds and milliseconds, rounded down: a frame begins at or after the time written,
// so a cue is on in its first frame and off in the frame after its last.
func cueTime(t markers.Seconds) string {
	ms := max(int64(t), 0) / int64(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
