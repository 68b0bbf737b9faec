package score

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// alarmLists are the same two alarms, in every way that they may be written.
func alarmLists() map[string]struct {
	format Format
	clock  Clock
	text   string
} {
	return map[string]struct {
		format Format
		clock  Clock
		text   string
	}{
		"array":     {JSON, "", `[{"alarm":"freezedetect","start":10.01,"end":12,"seen_at":null},{"alarm":"blackdetect","start":"20.02","more":[]}]`},
		"lines":     {JSON, "", "\uFEFF{\"alarm\":\"freezedetect\",\"start\":10.01,\"end\":12}\n{\"alarm\":\"blackdetect\",\"start\":20.02}\n"},
		"an object": {JSON, "", `{"alarms":[{"alarm":"freezedetect","start":10.01,"end":12},{"alarm":"blackdetect","start":20.02}]}`},
		"UTC": {JSON, "", `[{"alarm":"freezedetect","start":"2026-03-01T12:00:10.01Z","end":"2026-03-01T13:00:12+01:00"},` +
			`{"alarm":"blackdetect","start":20.02}]`},
		"frames":  {JSON, Frame, `[{"alarm":"freezedetect","start":300,"end":360},{"alarm":"blackdetect","start":600}]`},
		"CSV":     {CSV, "", "alarm,start,end,seen_at\nfreezedetect,10.01,12,\nblackdetect,20.02,,\n"},
		"columns": {CSV, "", "\uFEFFid, Start ,Alarm,end\n1,10.01,freezedetect,00:00:12\n2,20.02, blackdetect\n"},
		"tabs":    {CSV, "", "alarm\tstart\tend\nfreezedetect\t10.01\t12\nblackdetect\t20.02\t\n"},
		"log": {FFmpeg, "", "[freezedetect @ 0x1] lavfi.freezedetect.freeze_start: 10.01\n[freezedetect @ 0x1] lavfi.freezedetect.freeze_duration: 1.99\n" +
			"[freezedetect @ 0x1] lavfi.freezedetect.freeze_end: 12\n[blackdetect @ 0x2] black_start:20.02 and the log ends\n"},
		"log of both": {FFmpeg, Time, "lavfi.freezedetect.freeze_start: 10.01\n[blackdetect @ 0x2] black_start:20.02\nfreeze_end: 12\n"},
	}
}

func TestReadAlarms(t *testing.T) {
	for name, c := range alarmLists() {
		end := "12"
		if c.clock == Frame {
			end = "12.012"
		}
		want := `[{"alarm":"freezedetect","start":10.01,"end":` + end + `},{"alarm":"blackdetect","start":20.02}]`
		list, err := Reading{c.format, testChannel(), c.clock}.Alarms(strings.NewReader(c.text))
		if got, _ := json.Marshal(list); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	for _, f := range []Format{JSON, CSV, FFmpeg} {
		if list, err := (Reading{Format: f}).Alarms(strings.NewReader("")); err != nil || list == nil || len(list) > 0 {
			t.Errorf("%s: %v, %v", f, list, err)
		}
	}
	list, err := Reading{Format: FFmpeg}.Alarms(strings.NewReader("silence_start: 1\nsilence_end: 2 | silence_duration: 1\nsilence_start: 3\nlavfi.scd.time: 4\n"))
	if got, _ := json.Marshal(list); err != nil || string(got) != `[{"alarm":"silencedetect","start":1,"end":2},{"alarm":"silencedetect","start":3},{"alarm":"scdet","start":4}]` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestReadAlarmsRefuses(t *testing.T) {
	var names strings.Builder
	for i := range maxAlarmNames + 1 {
		fmt.Fprintf(&names, `{"alarm":"%d","start":1}`, i)
	}
	for name, c := range map[string]struct {
		format Format
		clock  Clock
		text   string
		want   string
	}{
		"no JSON":        {JSON, "", `[{"alarm"`, "at byte 9"},
		"no object":      {JSON, "", `[12.5]`, "alarm 1 is no object such as"},
		"null":           {JSON, "", `null`, "alarm 1 is no object"},
		"no list":        {JSON, "", `{"alarms":1}`, "not an array"},
		"no name":        {JSON, "", `[{"start":1}]`, "alarm 1: the name"},
		"a number":       {JSON, "", `[{"alarm":5,"start":1}]`, "give the name as a string"},
		"long name":      {JSON, "", `[{"alarm":"` + strings.Repeat("x", 121) + `","start":1}]`, "1 to 120"},
		"no start":       {JSON, "", `[{"alarm":"a","start":1},{"alarm":"a","time":1}]`, "alarm 2 has no start: give"},
		"no time":        {JSON, "", `[{"alarm":"a","start":true}]`, "alarm 1: start"},
		"seen at once":   {JSON, "", `[{"alarm":"a","start":1,"seen_at":"now"}]`, "alarm 1: seen_at"},
		"ends before":    {JSON, "", `[{"alarm":"a","start":2,"end":1}]`, "ends at 1 s, before"},
		"too many":       {JSON, "", "[" + strings.Repeat(`{"alarm":"a","start":1},`, MaxDetections) + `{"alarm":"a","start":1}]`, "more than 100000"},
		"too many names": {JSON, "", names.String(), "1000 names"},
		"no header":      {CSV, "", "freeze,1,2\n", "begin with the line alarm,start,end,seen_at"},
		"no cell":        {CSV, "", "start,alarm\n1\n", "alarm 1: the name"},
		"quote":          {CSV, "", "alarm,start\n\"a", "quote"},
		"first quote":    {CSV, "", "\"alarm", "quote"},
		"end alone":      {FFmpeg, "", "freeze_end: 12\n", "without its freeze_start: give the whole log"},
		"end is early":   {FFmpeg, "", "freeze_start: 12\nfreeze_end: 11\n", "alarm 1: freeze_end 11 is no time after"},
		"log of frames":  {FFmpeg, Frame, "", "leave the clock out"},
	} {
		list, err := Reading{c.format, testChannel(), c.clock}.Alarms(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %d alarms, %v: want an error with %q", name, len(list), err, c.want)
		}
	}
	if _, err := (Reading{}).Alarms(strings.NewReader(`{"alarm":"a","start":"2026-03-01T12:00:10Z"}`)); err == nil || !strings.Contains(err.Error(), "epoch is not known") {
		t.Error(err)
	}
}

const faultLine = `{"id":"f1","kind":"freeze","layer":"picture","frame":300,"last_frame":359,"time":10.01,"end_time":12.012,` +
	`"utc":"2026-03-01T12:00:10.01Z","later":{},"state":"done","done":[{"frame":300,"last_frame":359,"time":10.01,"end_time":12.012}]}`

func TestReadFaults(t *testing.T) {
	for name, text := range map[string]string{
		"lines": faultLine + "\n" + faultLine, "array": "[" + faultLine + "," + faultLine + "]", "object": `{"faults":[` + faultLine + "," + faultLine + "]}",
	} {
		list, err := ReadFaults(strings.NewReader(text))
		if err != nil || len(list) != 2 || list[1].Done[0].EndTime != 12_012_000_000 || !Epoch(list).Equal(testChannel().Epoch) {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	if !Epoch(nil).IsZero() {
		t.Error("an epoch out of nothing")
	}
	for text, want := range map[string]string{
		`{"id":"e1","frame":1}`:                                 "fault 1: it has no kind: name a file faults.jsonl",
		faultLine + `{"kind":"freeze"}`:                         `fault 2: state "" is not done`,
		`{"kind":"a","state":"done","time":2,"end_time":1}`:     "can't be from 2 s to 1 s",
		`{"kind":"a","state":"done","collateral":[{"time":1}]}`: "can't be",
		`{"kind":"a","state":"done","done":[{"end_time":5e9}]}`: "can't be",
		`{"kind":"a","state":"done","frame":9,"last_frame":3}`:  "can't be from frame 9 to frame 3",
		`{"kind":"a","state":"done","done":[{"frame":-1}]}`:     "can't be from frame -1",
		`[1]`: "fault 1", `{"faults":`: "at byte",
	} {
		if _, err := ReadFaults(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Whatever is read can be scored, and the report be written.
func FuzzAlarms(f *testing.F) {
	for _, c := range alarmLists() {
		f.Add([]byte(c.text), []byte(faultLine), string(c.format), int64(0))
	}
	f.Fuzz(func(t *testing.T, list, truth []byte, format string, offset int64) {
		faults, err := ReadFaults(bytes.NewReader(truth))
		if err != nil {
			faults = []markers.FaultRecord{fault("f", "freeze", 1, 2)}
		}
		alarms, err := Reading{Format: Format(format), Channel: testChannel()}.Alarms(bytes.NewReader(list))
		if err != nil {
			return
		}
		o := AlarmOptions{Options: Options{Tolerance: MaxTolerance, Offset: media.Seconds(offset)}}
		r, err := ComputeAlarms(alarms, faults, o)
		if err != nil {
			return
		}
		if r.Hits+r.Missed != r.Faults || r.Right+r.Duplicates+r.FalseAlarms+r.DecoyAlarms+r.Ignored != len(alarms) {
			t.Fatalf("%+v", r)
		}
		var b bytes.Buffer
		at := time.Unix(0, 0)
		if err := errors.Join(json.NewEncoder(&b).Encode(r), r.WriteTable(&b), r.WriteHTML(&b, "x", at), r.WriteJUnit(&b, "x", at)); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b.Bytes(), []byte("NaN")) && !bytes.Contains(list, []byte("NaN")) && !bytes.Contains(truth, []byte("NaN")) {
			t.Fatal("NaN")
		}
	})
}
