package formats

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Writer writes a list of records in one format: what comes first, each record, and what comes last. next is where the
// records are that the limit left out, empty where it left none out.
type Writer[T any] interface {
	Begin(b *bytes.Buffer)
	Add(b *bytes.Buffer, rec T) error
	End(b *bytes.Buffer, next string)
}

// List is what the formats have to know of a list of records.
type List[T any] struct {
	// Name is the member of the JSON object that has the records.
	Name string
	// Columns are those of CSV, and Cells a record's values in them.
	Columns []string
	Cells   func(T) []string
	// Cue is a record in WebVTT.
	Cue func(T) Cue
}

// NewWriter makes the writer of a format for records of ch.
func NewWriter[T any](f Format, list List[T], ch markers.Channel) Writer[T] {
	switch f.Name {
	case "csv":
		return csvWriter[T]{list}
	case "ndjson":
		return ndjsonWriter[T]{}
	case "vtt":
		return newVTTWriter(list, ch)
	}
	return &jsonWriter[T]{channel: ch.Name, name: list.Name}
}

// jsonWriter writes one object.
type jsonWriter[T any] struct {
	channel, name string
	some          bool
}

func (w *jsonWriter[T]) Begin(b *bytes.Buffer) {
	fmt.Fprintf(b, `{"channel":%q,"%s":[`, w.channel, w.name) // a channel's name needs no escapes
}

func (w *jsonWriter[T]) Add(b *bytes.Buffer, rec T) error {
	text, err := json.Marshal(rec)
	if w.some {
		b.WriteByte(',')
	}
	w.some = true
	b.Write(text)
	return err
}

func (w *jsonWriter[T]) End(b *bytes.Buffer, next string) {
	fmt.Fprintf(b, `],"truncated":%t`, next != "")
	if next != "" {
		fmt.Fprintf(b, `,"next":%q`, next) // an address needs none either
	}
	b.WriteByte('}')
}

// ndjsonWriter writes one record a line. That records were left out is in the headers only: each line is a record.
type ndjsonWriter[T any] struct{}

func (ndjsonWriter[T]) Begin(*bytes.Buffer) {}

func (ndjsonWriter[T]) Add(b *bytes.Buffer, rec T) error { return json.NewEncoder(b).Encode(rec) }

func (ndjsonWriter[T]) End(*bytes.Buffer, string) {}

// csvWriter writes a header row and one row a record. RFC 4180 has no comments, so that records were left out is in the headers
// only.
type csvWriter[T any] struct{ list List[T] }

func (w csvWriter[T]) Begin(b *bytes.Buffer) { _ = w.row(b, w.list.Columns) }

func (w csvWriter[T]) Add(b *bytes.Buffer, rec T) error { return w.row(b, w.list.Cells(rec)) }

func (csvWriter[T]) End(*bytes.Buffer, string) {}

func (csvWriter[T]) row(b *bytes.Buffer, cells []string) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true // RFC 4180, 2
	err := w.Write(cells)
	w.Flush()
	return err
}

// Inert puts an apostrophe before text that a spreadsheet would take for a formula. The other formats have the text as
// it is.
func Inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Cue is a record in WebVTT, on the HLS clock: from its first frame until the end of its last.
type Cue struct {
	ID       string
	From, To media.Seconds
	Text     string
}

// vttWriter writes one cue a record. The X-TIMESTAMP-MAP line puts time 0 at the PTS of frame 0, so that an HLS player can show
// the cues as subtitles.
type vttWriter[T any] struct {
	list             List[T]
	origin           int64
	oneLine, escaped *strings.Replacer
}

func newVTTWriter[T any](list List[T], ch markers.Channel) vttWriter[T] {
	return vttWriter[T]{
		list: list, origin: ch.PTSOrigin, oneLine: strings.NewReplacer("\r", " ", "\n", " ", "-->", "->"),
		escaped: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", " ", "\n", " "),
	}
}

func (w vttWriter[T]) Begin(b *bytes.Buffer) {
	fmt.Fprintf(b, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d\n", w.origin)
}

func (w vttWriter[T]) Add(b *bytes.Buffer, rec T) error {
	c := w.list.Cue(rec)
	fmt.Fprintf(b, "\n%s\n%s --> %s\n%s\n", w.oneLine.Replace(c.ID), cueTime(c.From), cueTime(c.To), w.escaped.Replace(c.Text))
	return nil
}

func (w vttWriter[T]) End(b *bytes.Buffer, next string) {
	if next != "" {
		fmt.Fprintf(b, "\nNOTE The limit left %s out: %s\n", w.list.Name, next)
	}
}

// cueTime writes hours, minutes, seconds and milliseconds, rounded down: a frame begins at or after the time written,
// so a cue is on in its first frame and off in the frame after its last.
func cueTime(t media.Seconds) string {
	ms := max(int64(t), 0) / int64(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
