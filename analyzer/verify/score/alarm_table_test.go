package score

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// The report is written in every form, and texts from outside steer neither terminal nor page.
func TestWriteAlarmReport(t *testing.T) {
	alarms, faults, o := scene()
	alarms[12].Start = 3000 * sec
	alarms[12].Name = "\x1b[2J<b>"
	r, err := ComputeAlarms(alarms, faults, o)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var table, page, junit, undefinedTable strings.Builder
	empty, err := ComputeAlarms(nil, nil, AlarmOptions{})
	if err := errors.Join(err, r.WriteTable(&table), r.WriteHTML(&page, "a<b>.json", at), r.WriteJUnit(&junit, "alarms.json", at), empty.WriteTable(&undefinedTable)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"table": {table.String(), []string{
			"faults         6, 1 of them missed; beside them 2 left out, 2 not done\n",
			"alarms         15: 5 right, 1 duplicate, 3 false, 1 of decoys, 5 ignored (edges within 1 s)\n",
			"false an hour  3.00\n", "recall         0.8333\n", "\n\nKIND     FAULTS  HITS  MISSED", "\n\nALARMS DURING ", "\nmissed  ts.lose l1, frame 6000, 200 s to 202 s\n",
			"false   anything, alarm 9, 400 s, decoy d1\n", "false   blackdetect, alarm 12, 45 s, during fault f2\n", `false   \u001b[2J<b>, alarm 13, 3000 s` + "\n",
		}},
		"page":  {page.String(), []string{"<h1>a&lt;b&gt;.json</h1>", "<td>ts.lose l1</td>", `\u001b[2J&lt;b&gt;`, "<td>0.8333</td>", "2026-03-01T12:00:00Z"}},
		"junit": {junit.String(), []string{`tests="7" failures="2" errors="0"`, `name="fault f1 (freeze)"></testcase>`, `message="no alarm from 200 s to 202 s" type="missed"`}},
		"empty": {undefinedTable.String(), []string{"precision      undefined\n", "IoU            undefined\n", "false an hour  undefined\n", "onset          p50 undefined, p95 undefined\n"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, c.text)
			}
		}
	}
	if strings.ContainsAny(table.String()+page.String()+junit.String(), "\x1b\f") {
		t.Error("control characters")
	}
	if strings.HasSuffix(undefinedTable.String(), "\n\n") || strings.Contains(undefinedTable.String(), "KIND") {
		t.Errorf("tables without rows:\n%s", &undefinedTable)
	}
	b, err := json.Marshal(empty)
	if want := `"precision":null,"recall":null,"f1":null,"onset_p50":null,`; err != nil || !strings.Contains(string(b), want) {
		t.Errorf("%s, %v", b, err)
	}
}
