package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
)

// faultLog is a log with some faults.
type faultLog struct {
	clock markers.Clock
	list  []markers.FaultRecord
}

func (l faultLog) Clock() markers.Clock { return l.clock }
func (l faultLog) Newest() int64        { return 2999 }
func (l faultLog) Faults(_ context.Context, first, last int64) (list []markers.FaultRecord, err error) {
	for _, f := range l.list {
		if f.LastFrame >= first && f.Frame <= last {
			list = append(list, f)
		}
	}
	return list, nil
}

// Alarms are scored against the faults of a twin, as the command does it.
func TestScoreFaults(t *testing.T) {
	clock := testChannel("main").Clock()
	record := func(id, kind string, first, last int64, s markers.FaultState) markers.FaultRecord {
		return markers.FaultRecord{ID: id, Kind: kind, Span: clock.Span(first, last), UTC: clock.UTC(first), State: s}
	}
	f := newFixture(t, func(c *Config) {
		c.Faults = func(_ context.Context, channel string) (FaultLog, error) {
			if channel != "main-x" {
				return nil, nil
			}
			return faultLog{clock, []markers.FaultRecord{
				record("a", "freeze", 300, 599, markers.FaultDone), record("b", "ts.lose", 900, 900, markers.FaultDone),
				record("c", "black", 2700, 3300, markers.FaultActive),
			}}, nil
		}
	})
	utc := clock.UTC(300).Format(time.RFC3339Nano)
	for name, c := range map[string]struct {
		query, contentType, body string
		hits, missed, wrong      int
	}{
		"json":          {"", "application/json", `[{"alarm":"freezedetect","start":10.1,"end":20},{"alarm":"1.4","start":30}]`, 1, 1, 1},
		"alias":         {"&alias=stuck=freeze,1.4=ts.lose", "application/x-ndjson", "{\"alarm\":\"stuck\",\"start\":10.1}\n{\"alarm\":\"1.4\",\"start\":30}\n", 2, 0, 0},
		"csv in UTC":    {"", "text/csv", "alarm,start\nfreeze," + utc + "\n", 1, 1, 0},
		"frames":        {"&clock=frame", "application/json", `[{"alarm":"freeze","start":301},{"alarm":"ts.lose","start":900}]`, 2, 0, 0},
		"kinds":         {"&kinds=freeze", "application/json", `[]`, 0, 1, 0},
		"long ones":     {"&min_duration=1", "application/json", `[]`, 0, 1, 0},
		"range":         {"&ts_start=25&ts_end=80", "application/json", `[{"alarm":"ts.lose","start":30}]`, 1, 0, 0},
		"offset":        {"&offset=-5&tolerance=0.1", "application/json", `[{"alarm":"freeze","start":15.05}]`, 1, 1, 0},
		"gaps":          {"", "application/json", `{"url":"x","findings":[{"kind":"freeze","utc":"` + utc + `","amount":-1.5},{"kind":"gap","utc":"` + utc + `","amount":2}]}`, 1, 1, 1},
		"verify":        {"", "application/json", `{"verdict":"not true","findings":[{"kind":"freeze","places":[{"first_frame":300,"time":10}]},{"kind":"dts"}]}`, 1, 1, 0},
		"after the end": {"", "application/json", `[{"alarm":"freeze","start":500}]`, 0, 2, 0},
	} {
		w := f.score("?of=faults&channel=main-x"+c.query, c.contentType, c.body)
		var r score.AlarmReport
		if err := json.Unmarshal(w.Body.Bytes(), &r); w.Code != http.StatusOK || err != nil || r.Hits != c.hits || r.Missed != c.missed || r.FalseAlarms != c.wrong {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := f.score("?of=faults&channel=main-x&format=html", "application/json", "[]"); !strings.Contains(w.Body.String(), "<h2>Missed faults</h2>") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("page %d %s", w.Code, w.Body)
	}
	for query, c := range map[string]struct {
		contentType, body string
		code              int
	}{
		"&channel=main":                   {"application/json", "[]", 404},
		"":                                {"application/json", "[]", 404},
		"&channel=main-x&alias=x":         {"application/json", "[]", 400},
		"&channel=main-x&tolerance=-1":    {"application/json", "[]", 400},
		"&channel=main-x&min_duration=-1": {"application/json", "[]", 400},
		"&channel=main-x&clock=gen_time":  {"application/json", "[]", 400},
		"&channel=main-x&ts_start=200":    {"application/json", "[]", 400},
		"&channel=main-x&x=1":             {"application/json", "[]", 400},
		"&channel=main-x&kinds=frezee":    {"application/json", "[]", 400},
		"&channel=main-x&alias=x=nope":    {"application/json", "[]", 400},
		"&channel=main-x":                 {"text/plain", "[]", 415},
		"&channel=main-x&clock=time":      {"application/json", "[1]", 400},
		"&channel=main-x&kinds=freeze":    {"application/json", strings.Repeat(" ", maxScoreBody+1), 413},
	} {
		if w := f.score("?of=faults"+query, c.contentType, c.body); w.Code != c.code {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		} else if strings.Contains(query, "ts_start") && !strings.Contains(w.Body.String(), "ts_start is 200,") {
			t.Errorf("%s: %s", query, w.Body)
		} else if strings.Contains(query, "frezee") && !strings.Contains(w.Body.String(), "did you mean freeze?") {
			t.Errorf("%s: %s", query, w.Body)
		}
	}
}
