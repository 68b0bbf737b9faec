package score

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// What PySceneDetect's list of scenes has: a line of cuts, which may be missing, and a header. A scene's start in seconds counts
// from the first picture.
const (
	sceneCuts   = "Timecode List:"
	sceneNumber = "Scene Number"
	sceneStart  = "Start Time (seconds)"
)

// starts are names of columns that have the starts of what was detected, on the clock that is asked for, or Time.
var starts = []string{"start", "start_time", "start time", "begin", "onset"}

// layout is the meaning of the columns of a table.
type layout struct {
	column int  // that of the detections
	header bool // the row is one
	skip   int  // rows after it that are no detections
}

func (r Reading) readCSV(l *List, in io.Reader) error {
	rows := newRows(in)
	row, err := rows.Read()
	if err == nil && row[0] == sceneCuts {
		if row, err = rows.Read(); err != nil {
			return fmt.Errorf("there are no scenes after the list of cuts: %w", err)
		}
	}
	var form layout
	if err == nil {
		if form, err = r.layout(l, row); err == nil && form.header {
			row, err = rows.Read()
		}
	}
	for ; err == nil; row, err = rows.Read() {
		if form.skip > 0 {
			form.skip--
			continue
		}
		if form.column >= len(row) {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d has no column %s", line, l.Clock)
		}
		if err := r.add(l, row[form.column]); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// newRows reads rows whose cells are separated by commas, or by tabs where the first line has a tab before any comma.
func newRows(in io.Reader) *csv.Reader {
	text := bufio.NewReader(in)
	head, _ := text.Peek(text.Size()) // what there is of a shorter table
	rows := csv.NewReader(text)
	rows.ReuseRecord, rows.FieldsPerRecord, rows.TrimLeadingSpace = true, -1, true
	if i := bytes.IndexAny(head, "\t,\n"); i >= 0 && head[i] == '\t' {
		rows.Comma, rows.TrimLeadingSpace = '\t', false // a tab is space too
	}
	return rows
}

// layout finds out what the first row says, and the clock of the list where it names one.
func (r Reading) layout(l *List, row []string) (layout, error) {
	if i := slices.Index(row, sceneStart); i >= 0 && row[0] == sceneNumber && (l.Clock == "" || l.Clock == Time) {
		l.Clock = Time
		return layout{column: i, header: true, skip: 1}, nil // the first scene begins where the video does
	}
	column := func(names ...string) int {
		return slices.IndexFunc(row, func(cell string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(cell)))
		})
	}
	clock := cmp.Or(l.Clock, firstClock(func(c Clock) bool { return column(string(c)) >= 0 }))
	if i := column(string(clock)); i >= 0 && clock != "" {
		l.Clock = clock
		return layout{column: i, header: true}, nil
	}
	if i := column(starts...); i >= 0 {
		l.Clock = cmp.Or(l.Clock, Time)
		return layout{column: i, header: true}, nil
	}
	if strings.Contains(strings.Join(row, ","), ";") { // as spreadsheets of some countries have it
		return layout{}, errors.New("the first line is separated by semicolons: separate columns by commas, and write 1.5 with a point")
	}
	// Without a header the first column counts.
	for _, c := range []Clock{Time, UTC} {
		if l.Clock != "" {
			c = l.Clock
		}
		if _, err := c.Parse(strings.TrimSpace(row[0]), r.Channel); err != nil {
			continue
		}
		if c == Time && len(row) == 2 && digits(row[0]) && digits(row[1]) {
			return layout{}, fmt.Errorf("the first line, %.40q, is a start and an end, or one number with a comma: write a header such as start,end",
				strings.Join(row, ","))
		}
		l.Clock = c
		return layout{}, nil
	}
	return layout{}, fmt.Errorf("the first line, %.80q, has no column %s or start, and does not begin with an instant such as 12.5 or 00:00:12.500: %s",
		strings.Join(row, ","), named(l.Clock), oneOfClocks())
}

// digits reports whether a cell is a whole number.
func digits(cell string) bool {
	return strings.Trim(strings.TrimSpace(cell), "0123456789") == ""
}

// logged is how ffmpeg's filters blackdetect, freezedetect, silencedetect and scdet log when something begins and ends, in seconds.
var logged = regexp.MustCompile(`\b(black_|freeze_|silence_|lavfi\.scd\.)(start|end|time) ?[:=] ?(-?[0-9.]+)`)

// eachLogged gives what these filters log to each. What is not about it is left out, so a whole log does.
func eachLogged(in io.Reader, each func(filter, edge, at string) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine+1)
	for lines.Scan() {
		for _, found := range logged.FindAllStringSubmatch(lines.Text(), -1) {
			if err := each(found[1], found[2], found[3]); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// readLog reads when what one of these filters finds begins.
func (r Reading) readLog(l *List, in io.Reader) error {
	if r.Clock != "" && r.Clock != Time {
		return fmt.Errorf("ffmpeg logs seconds, no %s: leave the clock out", r.Clock)
	}
	l.Clock = Time
	filter := ""
	return eachLogged(in, func(name, edge, at string) error {
		if edge == "end" {
			return nil
		}
		if filter = cmp.Or(filter, name+edge); filter != name+edge {
			return fmt.Errorf("the log has %s and %s: keep the lines of one filter", filter, name+edge)
		}
		return r.add(l, at)
	})
}
