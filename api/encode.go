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

// listWriter writes a list of records in one format: what comes first, each record, and what comes last. next is where the
// records are that the limit left out, empty where it left none out.
type listWriter[T any] interface {
	begin(b *bytes.Buffer)
	add(b *bytes.Buffer, rec T) error
	end(b *bytes.Buffer, next string)
}

// listForm is what the formats have to know of a kind of record.
type listForm[T any] struct {
	name    string // of the list
	columns []string
	cells   func(T) []string
	cue     func(T) cue
}

// writerOf finds the writer of a format for records of ch.
func writerOf[T any](f format, form listForm[T], ch markers.Channel) listWriter[T] {
	switch f.name {
	case "csv":
		return csvWriter[T]{form}
	case "ndjson":
		return ndjsonWriter[T]{}
	case "vtt":
		return newVTTWriter(form, ch)
	}
	return &jsonWriter[T]{channel: ch.Name, name: form.name}
}

// jsonWriter writes one object.
type jsonWriter[T any] struct {
	channel, name string
	some          bool
}

func (w *jsonWriter[T]) begin(b *bytes.Buffer) {
	fmt.Fprintf(b, `{"channel":%q,"%s":[`, w.channel, w.name) // a channel's name needs no escapes
}

func (w *jsonWriter[T]) add(b *bytes.Buffer, rec T) error {
	text, err := json.Marshal(rec)
	if w.some {
		b.WriteByte(',')
	}
	w.some = true
	b.Write(text)
	return err
}

func (w *jsonWriter[T]) end(b *bytes.Buffer, next string) {
	fmt.Fprintf(b, `],"truncated":%t`, next != "")
	if next != "" {
		fmt.Fprintf(b, `,"next":%q`, next) // an address needs none either
	}
	b.WriteByte('}')
}

// ndjsonWriter writes one record a line. That records were left out is in the headers only: each line is a record.
type ndjsonWriter[T any] struct{}

func (ndjsonWriter[T]) begin(*bytes.Buffer) {}

func (ndjsonWriter[T]) add(b *bytes.Buffer, rec T) error { return json.NewEncoder(b).Encode(rec) }

func (ndjsonWriter[T]) end(*bytes.Buffer, string) {}

// markerForm is the form of markers. The columns are a marker's members, box and block flattened.
func markerForm(ch markers.Channel) listForm[markerView] {
	clock := ch.Clock()
	return listForm[markerView]{
		name: "markers", columns: markerColumns(), cells: markerCells,
		cue: func(m markerView) cue { return cue{m.ID, m.Time, clock.Time(m.LastFrame + 1), m.Text} },
	}
}

func markerColumns() []string {
	return []string{
		"id", "channel", "run", "kind", "text", "time", "end_time", "frame", "last_frame", "scheduled_frame", "pts",
		"last_pts", "timecode", "utc", "gen_time", "gen_seconds", "msn", "offset", "box_x", "box_y", "box_width",
		"box_height", "block_x", "block_y", "block_width", "block_height", "block_roll", "color", "missing_frames",
	}
}

// csvWriter writes a header row and one row a record. RFC 4180 has no comments, so that records were left out is in the headers
// only.
type csvWriter[T any] struct{ form listForm[T] }

func (w csvWriter[T]) begin(b *bytes.Buffer) { _ = w.row(b, w.form.columns) }

func (w csvWriter[T]) add(b *bytes.Buffer, rec T) error { return w.row(b, w.form.cells(rec)) }

func (csvWriter[T]) end(*bytes.Buffer, string) {}

func (csvWriter[T]) row(b *bytes.Buffer, cells []string) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true // RFC 4180, 2
	err := w.Write(cells)
	w.Flush()
	return err
}

func markerCells(m markerView) []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	run, genTime, genSeconds := n(m.Run), m.GenTime.Format(time.RFC3339Nano), m.GenSeconds.String()
	if m.foreign {
		run, genTime, genSeconds = "", "", ""
	}
	return []string{
		inert(m.ID), inert(m.Channel), run, m.Kind, inert(m.Text), m.Time.String(), m.EndTime.String(),
		n(m.Frame), n(m.LastFrame), n(m.ScheduledFrame), n(m.PTS), n(m.LastPTS), m.Timecode,
		m.UTC.Format(time.RFC3339Nano), genTime, genSeconds,
		n(m.MSN), n(m.Offset), n(int64(m.Box.X)), n(int64(m.Box.Y)), n(int64(m.Box.Width)), n(int64(m.Box.Height)),
		n(int64(m.Block.X)), n(int64(m.Block.Y)), n(int64(m.Block.Width)), n(int64(m.Block.Height)),
		n(int64(m.Block.Roll)), m.Color, n(m.MissingFrames),
	}
}

// inert puts an apostrophe before text that a spreadsheet would take for a formula. The other formats have the text as
// it is.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// cue is a record in WebVTT, on the HLS clock: from its first frame until the end of its last.
type cue struct {
	id       string
	from, to markers.Seconds
	text     string
}

// vttWriter writes one cue a record. The X-TIMESTAMP-MAP line puts time 0 at the PTS of frame 0, so that an HLS player can show
// the cues as subtitles.
type vttWriter[T any] struct {
	form             listForm[T]
	origin           int64
	oneLine, escaped *strings.Replacer
}

func newVTTWriter[T any](form listForm[T], ch markers.Channel) vttWriter[T] {
	return vttWriter[T]{
		form: form, origin: ch.PTSOrigin, oneLine: strings.NewReplacer("\r", " ", "\n", " ", "-->", "->"),
		escaped: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", " ", "\n", " "),
	}
}

func (w vttWriter[T]) begin(b *bytes.Buffer) {
	fmt.Fprintf(b, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d\n", w.origin)
}

func (w vttWriter[T]) add(b *bytes.Buffer, rec T) error {
	c := w.form.cue(rec)
	fmt.Fprintf(b, "\n%s\n%s --> %s\n%s\n", w.oneLine.Replace(c.id), cueTime(c.from), cueTime(c.to), w.escaped.Replace(c.text))
	return nil
}

func (w vttWriter[T]) end(b *bytes.Buffer, next string) {
	if next != "" {
		fmt.Fprintf(b, "\nNOTE The limit left %s out: %s\n", w.form.name, next)
	}
}

// cueTime writes hours, minutes, seconds and milliseconds, rounded down: a frame begins at or after the time written,
// so a cue is on in its first frame and off in the frame after its last.
func cueTime(t markers.Seconds) string {
	ms := max(int64(t), 0) / int64(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
