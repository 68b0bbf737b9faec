package score

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/refstream/refstream/media"
)

// Read reads a list of at most MaxDetections. Errors say which detection is wrong, counted from 1.
func (r Reading) Read(in io.Reader) (List, error) {
	l := List{Clock: r.Clock, At: []media.Seconds{}}
	text := bufio.NewReader(in)
	mark := skipMark(text)
	var err error
	switch r.Format {
	case CSV:
		err = r.readCSV(&l, &lineReader{in: text})
	case FFmpeg:
		err = r.readLog(&l, &lineReader{in: text})
	default:
		err = eachJSON(text, mark, "detections", func(v json.RawMessage) error { return r.addDetection(&l, v) })
	}
	if err != nil {
		return List{}, fmt.Errorf("read detections: %w", err)
	}
	l.Clock = cmp.Or(l.Clock, Time)
	return l, nil
}

// add reads one instant of the list.
func (r Reading) add(l *List, text string) error {
	if len(l.At) == MaxDetections {
		return fmt.Errorf("there are more than %d detections", MaxDetections)
	}
	at, err := l.Clock.Parse(strings.TrimSpace(text), r.Channel)
	if err != nil {
		return fmt.Errorf("detection %d: %s: %w", len(l.At)+1, l.Clock, err)
	}
	l.At = append(l.At, at)
	return nil
}

// byteOrderMark is what spreadsheets and editors of one kind begin with. RFC 8259, 8.1, lets it be ignored.
const byteOrderMark = "\uFEFF"

// skipMark leaves out a byte order mark, and returns how many bytes that was.
func skipMark(in *bufio.Reader) int64 {
	if head, _ := in.Peek(len(byteOrderMark)); string(head) != byteOrderMark {
		return 0
	}
	n, _ := in.Discard(len(byteOrderMark))
	return int64(n)
}

// eachJSON gives each value of a list to each: of arrays, of objects whose member list is one, and values that stand alone. The
// list is after so many bytes of another kind.
func eachJSON(in io.Reader, after int64, list string, each func(json.RawMessage) error) error {
	count := &counter{in: in}
	d := json.NewDecoder(count)
	for {
		var v json.RawMessage
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", after+errorOffset(err, d, count), err)
		}
		if err := eachOf(v, list, each); err != nil {
			return err
		}
	}
}

// counter counts what is read.
type counter struct {
	in io.Reader
	n  int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// errorOffset is where in the input a value can't be read: where its syntax is wrong, or the end where it is cut off.
func errorOffset(err error, d *json.Decoder, in *counter) int64 {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.Is(err, io.ErrUnexpectedEOF):
		return in.n
	}
	return d.InputOffset()
}

// eachOf takes apart a value: a list, an object that holds one, or an entry of one.
func eachOf(v json.RawMessage, list string, each func(json.RawMessage) error) error {
	if v[0] == '{' {
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(v, &whole); err != nil {
			return err
		}
		if whole[list] == nil {
			return each(v)
		}
		if v = whole[list]; v[0] != '[' {
			return fmt.Errorf("the member %s is not an array", list)
		}
	}
	if v[0] != '[' {
		return each(v)
	}
	d := json.NewDecoder(bytes.NewReader(v))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return err
		}
		if err := each(one); err != nil {
			return err
		}
	}
	return nil
}

// addDetection reads a number, a string, or an object with a member that is named like a clock.
func (r Reading) addDetection(l *List, v json.RawMessage) error {
	if v[0] == '{' {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(v, &members); err != nil {
			return fmt.Errorf("detection %d: %w", len(l.At)+1, err)
		}
		if l.Clock == "" {
			l.Clock = firstClock(func(c Clock) bool { return members[string(c)] != nil })
		}
		var ok bool
		if v, ok = members[string(l.Clock)]; !ok {
			return fmt.Errorf("detection %d: there is no member %s: %s", len(l.At)+1, named(l.Clock), oneOfClocks())
		}
	}
	l.Clock = cmp.Or(l.Clock, Time)
	text := string(v)
	if v[0] == '"' {
		if err := json.Unmarshal(v, &text); err != nil {
			return fmt.Errorf("detection %d: %w", len(l.At)+1, err)
		}
	}
	return r.add(l, text)
}

// firstClock is the first clock that is there, or empty.
func firstClock(has func(Clock) bool) Clock {
	if i := slices.IndexFunc(Clocks(), has); i >= 0 {
		return Clocks()[i]
	}
	return ""
}

func named(c Clock) string { return cmp.Or(string(c), "that names a clock") }

func oneOfClocks() string { return "use " + clockNames() }

// logStart is how a log of ffmpeg begins, or lines of it.
var logStart = regexp.MustCompile(`^(ffmpeg version |Input #\d|\[\w+ @ 0x|lavfi\.|(black|freeze|silence)_start)`)

// FormatOf looks at how a list begins: JSON with a bracket or a brace, CSV with a name or a number. Numbers and strings
// in a line of their own are the same in both, and a quote may begin a header.
func FormatOf(text *bufio.Reader) Format {
	const enough = 64
	head, _ := text.Peek(enough) // what there is of a shorter list
	start := strings.TrimLeft(strings.TrimPrefix(string(head), "\uFEFF"), " \t\r\n")
	if logStart.MatchString(start) {
		return FFmpeg
	}
	if start == "" || strings.ContainsAny(start[:1], `[{`) {
		return JSON
	}
	return CSV
}

// maxLine is as much as POST /score takes in all, far above what a row with a detection takes. What has no lines is no list.
const maxLine = 4 << 20

// lineReader reads text whose lines are not too long.
type lineReader struct {
	in   io.Reader
	line int64 // that is being read, counted from 0
	size int64 // of what was read of it
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if last := bytes.LastIndexByte(p[:n], '\n'); last >= 0 {
		l.line += int64(bytes.Count(p[:last+1], []byte{'\n'}))
		l.size = int64(n - last - 1)
	} else {
		l.size += int64(n)
	}
	if l.size > maxLine {
		return 0, fmt.Errorf("line %d has more than %d bytes: it is no row with a detection", l.line+1, maxLine)
	}
	return n, err
}
