package replay

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/recorder"
)

// outcome is a recorded request with its answer.
type outcome struct {
	// began, answered and ended are times of the recording; answered is -1 without an answer.
	began, answered, ended time.Duration
	status                 int
	header                 string // as headerText writes it
	body                   recorder.Body
	announced              int64           // Content-Length, -1 for none
	coding                 string          // Content-Encoding, empty for none
	broken                 bool            // the body broke off
	part                   *m3u8.ByteRange // what was requested, nil for all
	content                m3u8.ByteRange  // what the body is of the whole resource; its Length is 0 where that is not known
	total                  int64           // the length of the whole resource, -1 where it is not known
	final                  *resource       // the address of the answer, after redirections
	base                   string          // its address
}

// whole reports whether the answer is the complete resource.
func (o *outcome) whole() bool {
	return o.status == http.StatusOK && !o.broken && o.part == nil
}

func newOutcome(e *recorder.Exchange, start time.Duration) outcome {
	o := outcome{
		began: start + e.Began, answered: -1, ended: start + max(e.Ended, e.Began), status: e.Status, body: e.Body,
		announced: -1, part: e.Range, total: -1, base: e.FinalURL,
	}
	if o.base == "" {
		o.base = e.URL
	}
	file := strings.HasPrefix(o.base, "file:") || strings.HasPrefix(o.base, "/")
	if e.Answered >= 0 {
		o.answered = min(max(start+e.Answered, o.began), o.ended)
	}
	if file {
		// The status that a server has for it.
		switch {
		case o.answered < 0:
			o.status, o.answered = http.StatusNotFound, o.ended
		case e.Range == nil:
			o.status = http.StatusOK
		default:
			o.status, o.content, o.broken = http.StatusPartialContent, *e.Range, e.Bytes < e.Range.Length
			o.content.Length = e.Bytes
			o.announced = e.Range.Length
		}
		return o
	}
	if e.Status < 200 || e.Status > 999 { // none that an answer ends with
		o.answered = -1
		return o
	}
	o.header = headerText(e.Header)
	if n, err := strconv.ParseInt(e.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		o.announced = n
	}
	o.coding = strings.Join(e.Header.Values("Content-Encoding"), ", ")
	ok := e.Status == http.StatusOK || e.Status == http.StatusPartialContent
	switch {
	case o.announced >= 0 && e.Error != "":
		o.broken = o.announced > e.Bytes
	case ok && e.Error != "" && o.announced < 0:
		o.broken = true
	}
	switch e.Status {
	case http.StatusOK:
		o.content = m3u8.ByteRange{Length: e.Bytes} // with a Range, the server didn't know them, and it was read as far as needed
	case http.StatusPartialContent:
		if first, total, ok := contentRange(e.Header.Get("Content-Range")); ok {
			o.content, o.total = m3u8.ByteRange{Offset: first, Length: e.Bytes}, total
		}
	}
	return o
}

// contentRange reads "bytes 3-6/10", whose total may be *: then it is -1.
func contentRange(text string) (first, total int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, all, slash := strings.Cut(text, "/")
	from, _, dash := strings.Cut(span, "-")
	if !ok || !slash || !dash {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	if total, err = strconv.ParseInt(all, 10, 64); err != nil {
		total = -1
	}
	return first, total, true
}
