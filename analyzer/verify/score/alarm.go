package score

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/media"
)

// Alarm is an interval in which a monitor found something wrong, in nanoseconds of the HLS clock.
type Alarm struct {
	// Name is what the monitor calls it: 1 to 120 bytes.
	Name  string        `json:"alarm"`
	Start media.Seconds `json:"start"`
	// End is when the monitor found it over; nil where it did not, or where the alarm is an instant.
	End *media.Seconds `json:"end,omitempty"`
	// SeenAt is when the monitor raised the alarm; nil for Start.
	SeenAt *media.Seconds `json:"seen_at,omitempty"`
}

const (
	maxAlarmName = 120 // bytes: a column of a table
	// maxAlarmNames bounds the confusion matrix. Monitors have some hundred; texts of messages are no names.
	maxAlarmNames = 1000
)

// Alarms reads a list of at most MaxDetections alarms: JSON or JSON Lines of objects with the members of Alarm, CSV with columns of
// these names, a log of ffmpeg, or the report of refstream gaps or refstream verify as JSON. An instant is on the reading's clock or, where that is empty, seconds or UTC (RFC 3339). Errors
// say which alarm is wrong, counted from 1.
func (r Reading) Alarms(in io.Reader) ([]Alarm, error) {
	a := alarmReader{Reading: r, list: []Alarm{}, names: map[string]bool{}}
	text := bufio.NewReader(in)
	mark := skipMark(text)
	var err error
	switch r.Format {
	case CSV:
		err = a.readCSV(&lineReader{in: text})
	case FFmpeg:
		err = a.readLog(&lineReader{in: text})
	default:
		err = eachJSON(text, mark, "alarms", a.addJSON)
	}
	if err != nil {
		return nil, fmt.Errorf("read alarms: %w", err)
	}
	return a.list, nil
}

// alarmReader is the list that is being read.
type alarmReader struct {
	Reading
	list  []Alarm
	names map[string]bool
}

// add adds an alarm by its texts, of which end and seenAt may be empty.
func (a *alarmReader) add(name, start, end, seenAt string) error {
	n := len(a.list) + 1
	if n > MaxDetections {
		return fmt.Errorf("there are more than %d alarms", MaxDetections)
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > maxAlarmName {
		return fmt.Errorf("alarm %d: the name %.40q has %d bytes: give a name of 1 to %d as alarm", n, name, len(name), maxAlarmName)
	}
	if a.names[name] = true; len(a.names) > maxAlarmNames {
		return fmt.Errorf("alarm %d: there are more than %d names: give the kind of alarm as alarm, no message", n, maxAlarmNames)
	}
	if strings.TrimSpace(start) == "" {
		return fmt.Errorf("alarm %d has no start: give the time at which it begins", n)
	}
	alarm := Alarm{Name: name}
	for _, at := range []struct {
		member, text string
		to           func(media.Seconds)
	}{
		{"start", start, func(t media.Seconds) { alarm.Start = t }},
		{"end", end, func(t media.Seconds) { alarm.End = &t }},
		{"seen_at", seenAt, func(t media.Seconds) { alarm.SeenAt = &t }},
	} {
		text := strings.TrimSpace(at.text)
		if text == "" {
			continue
		}
		t, err := a.instant(text)
		if err != nil {
			return fmt.Errorf("alarm %d: %s: %w", n, at.member, err)
		}
		at.to(t)
	}
	if alarm.End != nil && *alarm.End < alarm.Start {
		return fmt.Errorf("alarm %d ends at %s s, before it begins at %s s", n, alarm.End, alarm.Start)
	}
	a.list = append(a.list, alarm)
	return nil
}

func (a *alarmReader) instant(text string) (media.Seconds, error) {
	clock := a.Clock
	if clock == "" && strings.Contains(text, "T") {
		clock = UTC
	}
	if clock == UTC && a.Channel.Epoch.IsZero() {
		return 0, fmt.Errorf("the epoch is not known, so %.40q has no place: give seconds from the epoch, or the stream's truth", text)
	}
	return clock.Parse(text, a.Channel)
}

// addJSON adds an object.
func (a *alarmReader) addJSON(v json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(v, &members); err != nil || members == nil {
		return fmt.Errorf(`alarm %d is no object such as {"alarm":"freezedetect","start":12.5,"end":20}`, len(a.list)+1)
	}
	if members["findings"] != nil {
		return a.addReport(members["findings"])
	}
	var texts []string
	for _, name := range columns() {
		text := string(members[name])
		switch {
		case text == "null":
			text = ""
		case strings.HasPrefix(text, `"`):
			if err := json.Unmarshal(members[name], &text); err != nil {
				return fmt.Errorf("alarm %d: %s: %w", len(a.list)+1, name, err)
			}
		case name == "alarm" && text != "":
			return fmt.Errorf("alarm %d: alarm is %.40s: give the name as a string", len(a.list)+1, text)
		}
		texts = append(texts, text)
	}
	return a.add(texts[0], texts[1], texts[2], texts[3])
}

// addReport adds the findings of refstream gaps, at their UTC, or of refstream verify, at each of their places.
func (a *alarmReader) addReport(list json.RawMessage) error {
	var findings []struct {
		Kind   string
		UTC    *time.Time
		Amount media.Seconds
		Places []struct{ Time media.Seconds }
	}
	if err := json.Unmarshal(list, &findings); err != nil {
		return fmt.Errorf("its findings are not those of a report of refstream: %w", err)
	}
	defer func(was Clock) { a.Clock = was }(a.Clock)
	for _, f := range findings {
		if a.Clock = Time; f.UTC != nil {
			a.Clock = UTC
			end := ""
			if verdict.Lasts(f.Kind) {
				end = f.UTC.Add(time.Duration(f.Amount)).Format(time.RFC3339Nano)
			}
			if err := a.add(f.Kind, f.UTC.Format(time.RFC3339Nano), end, ""); err != nil {
				return err
			}
		}
		for _, p := range f.Places {
			if err := a.add(f.Kind, p.Time.String(), "", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// columns are the members of an alarm, in the order of add.
func columns() []string { return []string{"alarm", "start", "end", "seen_at"} }

func (a *alarmReader) readCSV(in io.Reader) error {
	rows := newRows(in)
	row, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	var place []int
	for _, name := range columns() {
		place = append(place, slices.IndexFunc(row, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), name) }))
	}
	if place[0] < 0 || place[1] < 0 {
		return fmt.Errorf("the first line, %.80q, has no columns alarm and start: begin with the line alarm,start,end,seen_at", strings.Join(row, ","))
	}
	for {
		if row, err = rows.Read(); errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		texts := make([]string, len(place))
		for i, p := range place {
			if p >= 0 && p < len(row) {
				texts[i] = row[p]
			}
		}
		if err := a.add(texts[0], texts[1], texts[2], texts[3]); err != nil {
			return err
		}
	}
}

// readLog reads what ffmpeg's filters log, by the names of the filters. An end is that of the filter's last alarm; at the end of its
// input a filter may log none.
func (a *alarmReader) readLog(in io.Reader) error {
	if a.Clock != "" && a.Clock != Time {
		return fmt.Errorf("ffmpeg logs seconds, no %s: leave the clock out", a.Clock)
	}
	names := map[string]string{"black_": "blackdetect", "freeze_": "freezedetect", "silence_": "silencedetect", "lavfi.scd.": "scdet"}
	open := map[string]int{} // the alarm without an end
	return eachLogged(in, func(filter, edge, at string) error {
		if edge != "end" {
			open[filter] = len(a.list)
			return a.add(names[filter], at, "", "")
		}
		i, ok := open[filter]
		if !ok {
			return fmt.Errorf("the log has %send %.20s without its %sstart: give the whole log", filter, at, filter)
		}
		delete(open, filter)
		end, err := a.instant(at)
		if err != nil || end < a.list[i].Start {
			return fmt.Errorf("alarm %d: %send %.20s is no time after it begins, %s s", i+1, filter, at, a.list[i].Start)
		}
		a.list[i].End = &end
		return nil
	})
}
