package score

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// sec is a second.
const sec = media.Seconds(time.Second)

// fault is one that was done, from and to in seconds.
func fault(id, kind string, from, to media.Seconds) markers.FaultRecord {
	span := markers.Span{Frame: int64(from * 30), LastFrame: int64(to*30) - 1, Time: from * sec, EndTime: to * sec}
	return markers.FaultRecord{ID: id, Kind: kind, Span: span, State: markers.FaultDone, Done: []markers.Span{span}}
}

// alarm is from start to end in seconds; -1 for none, or that it was seen at once.
func alarm(name string, start, end, seen media.Seconds) Alarm {
	a := Alarm{Name: name, Start: start * sec}
	if end *= sec; end >= 0 {
		a.End = &end
	}
	if seen *= sec; seen >= 0 {
		a.SeenAt = &seen
	}
	return a
}

// scene is an hour of every case there is, computed by hand.
func scene() (alarms []Alarm, faults []markers.FaultRecord, o AlarmOptions) {
	black := fault("b", "black", 100, 110)
	black.Implies, black.Alarms = []string{"freeze"}, []string{"blackdetect"}
	lose := fault("l1", "ts.lose", 200, 202)
	lose.Alarms = []string{"TR101290.1.4"}
	lose.Collateral = []markers.Span{{Frame: 6060, LastFrame: 6119, Time: 202 * sec, EndTime: 204 * sec}}
	notDone := fault("n", "freeze", 300, 320)
	notDone.State, notDone.Reason, notDone.Done = markers.FaultNotDone, "the segment was skipped", nil
	planned := fault("p", "freeze", 3500, 3520)
	planned.State, planned.Done = markers.FaultPlanned, nil
	active := fault("a", "freeze", 3580, 3590)
	active.State = markers.FaultActive
	decoy, quiet := fault("d1", "ts.duplicate", 400, 401), fault("d2", "ts.duplicate", 500, 501)
	decoy.Decoy, quiet.Decoy = true, true
	early := fault("f4", "freeze", 1000, 1010) // done in part
	early.Done = []markers.Span{{Frame: 30060, LastFrame: 30119, Time: 1002 * sec, EndTime: 1004 * sec}, {Frame: 30180, LastFrame: 30239, Time: 1006 * sec, EndTime: 1008 * sec}}
	faults = []markers.FaultRecord{
		planned, fault("f1", "freeze", 10, 20), fault("f2", "freeze", 40, 50), fault("f3", "freeze", 60, 61), black, lose, notDone, active,
		decoy, quiet, early, fault("c", "cut", 1100, 1102),
	}
	alarms = []Alarm{
		0:  alarm("freezedetect", 12, 21, 14), // f1: onset 4, clear 1, IoU 8/11
		1:  alarm("freezedetect", 16, 20, -1), // again
		2:  alarm("frozen", 41, 50, -1),       // f2: onset 1, clear 0, IoU 9/10
		3:  alarm("freezedetect", 60, 61, -1), // f3 is too short
		4:  alarm("blackdetect", 99, 110, -1), // b: onset -1, clear 0, IoU 10/11
		5:  alarm("freezedetect", 102, 110, -1),
		6:  alarm("freezedetect", 203, -1, -1), // collateral
		7:  alarm("freezedetect", 301, 303, -1),
		8:  alarm("anything", 400, 401, -1), // decoy
		9:  alarm("freezedetect", 3581, -1, -1),
		10: alarm("TR101290.1.4", 204, -1, -1), // beyond l1 and its tolerance, but not beyond its collateral
		11: alarm("blackdetect", 45, 46, -1),   // during f2, and no freeze
		12: alarm("freezedetect", 3700, 3701, -1),
		13: alarm("freezedetect", 1003, 1008, -1), // f4: onset 1, clear 0, IoU 5/6
		14: alarm("scdet", 1100, -1, 1100),        // c: onset 0
	}
	from, to := media.Seconds(0), 3600*sec
	o = AlarmOptions{Options: Options{Tolerance: sec, From: &from, To: &to}, MinDuration: 2 * sec, Aliases: map[string][]string{"frozen": {"freeze"}}}
	return alarms, faults, o
}

func TestComputeAlarms(t *testing.T) {
	alarms, faults, o := scene()
	r, err := ComputeAlarms(alarms, faults, o)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[int]Class{}
	for _, m := range r.Matches {
		classes[m.Index] = Class(m.ID)
	}
	for _, a := range r.Others {
		classes[a.Index] = a.Class
	}
	for i, want := range []Class{
		"f1", Duplicate, "f2", LeftOut, "b", Implied, Collateral, FalseAlarm, InDecoy, LeftOut, Collateral, FalseAlarm, Outside, "f4", "c",
	} {
		if classes[i] != want {
			t.Errorf("alarm %d (%s) is %s, want %s", i, alarms[i].Name, classes[i], want)
		}
	}
	// 6 faults, of which l1 is missed; 5 alarms of them, 2 false and 1 in a decoy.
	got := fmt.Sprintf("%d %d %d, %d %d %d %d, %d %d, %d of %d, %d of %d", r.Faults, r.Hits, r.Missed, r.Right, r.Duplicates, r.FalseAlarms,
		r.DecoyAlarms, r.FaultsLeftOut, r.FaultsNotDone, r.DecoysAlarmed, r.Decoys, r.Ignored, r.Alarms)
	if want := "6 5 1, 5 1 2 1, 2 2, 1 of 2, 6 of 15"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	isNear := func(name string, got *float64, want float64) {
		if got == nil || *got < want-1e-12 || *got > want+1e-12 {
			t.Errorf("%s is %s, want %v", name, fraction(got), want)
		}
	}
	isNear("precision", r.Precision, 5./8)
	isNear("recall", r.Recall, 5./6)
	isNear("F1", r.F1, 10./14)
	isNear("false alarms an hour", r.FalsePerHour, 2)
	isNear("IoU", r.IoU, (8./11+9./10+10./11+5./6)/4)
	for name, p := range map[string][2]string{ // onsets -1 0 1 1 4, clears 0 0 0 1
		"onset p50": {delay(r.OnsetP50), "1 s"}, "onset p95": {delay(r.OnsetP95), "4 s"},
		"clear p50": {delay(r.ClearP50), "0 s"}, "clear p95": {delay(r.ClearP95), "1 s"},
	} {
		if p[0] != p[1] {
			t.Errorf("%s is %s, want %s", name, p[0], p[1])
		}
	}
	var kinds []string
	for _, k := range r.Kinds {
		kinds = append(kinds, fmt.Sprintf("%s %d/%d %d %d %s", k.Kind, k.Hits, k.Faults, k.Duplicates, k.FalseAlarms, fraction(k.Precision)))
	}
	if got, want := strings.Join(kinds, "; "), "black 1/1 0 1 0.5000; cut 1/1 0 0 1.0000; freeze 3/3 1 1 0.7500; ts.lose 0/1 0 0 undefined"; got != want {
		t.Errorf("kinds: %s, want %s", got, want)
	}
	var table strings.Builder
	for _, row := range r.confusionRows() {
		fmt.Fprintln(&table, strings.Join(row, " "))
	}
	if want := `ALARMS DURING TR101290.1.4 anything blackdetect freezedetect frozen scdet (missed)
(no fault) 0 0 0 1 0 0 0
black 0 0 1 1 0 0 0
cut 0 0 0 0 0 1 0
freeze 0 0 1 5 1 0 0
ts.lose 1 0 0 1 0 0 1
ts.duplicate (decoy) 0 1 0 0 0 0 0
`; table.String() != want {
		t.Errorf("confusion matrix:\n%swant:\n%s", &table, want)
	}
}

// What can't be told is undefined, and never NaN.
func TestAlarmsUndefined(t *testing.T) {
	for name, c := range map[string]struct {
		alarms []Alarm
		faults []markers.FaultRecord
		want   string // precision, recall, F1, IoU, onset
	}{
		"nothing":   {nil, nil, "undefined undefined undefined undefined undefined"},
		"no alarms": {nil, []markers.FaultRecord{fault("f", "freeze", 1, 2)}, "undefined 0.0000 0.0000 undefined undefined"},
		"no faults": {[]Alarm{alarm("freeze", 1, 2, -1)}, nil, "0.0000 undefined 0.0000 undefined undefined"},
		"instant":   {[]Alarm{alarm("freeze", 1, -1, -1)}, []markers.FaultRecord{fault("f", "freeze", 1, 2)}, "1.0000 1.0000 1.0000 undefined 0 s"},
		"no length": {[]Alarm{alarm("freeze", 1, 1, -1)}, []markers.FaultRecord{fault("f", "freeze", 1, 1)}, "1.0000 1.0000 1.0000 0.0000 0 s"},
	} {
		r, err := ComputeAlarms(c.alarms, c.faults, AlarmOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(fraction(r.Precision), " ", fraction(r.Recall), " ", fraction(r.F1), " ", fraction(r.IoU), " ", delay(r.OnsetP50))
		if got != c.want || r.FalsePerHour != nil {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// An alarm whose name several kinds have is one of each; one to one holds in a kind.
func TestAlarmOfSeveralKinds(t *testing.T) {
	faults := []markers.FaultRecord{fault("l", "ts.lose", 10, 12), fault("s", "ts.swap", 10, 12), fault("l2", "ts.lose", 11, 13)}
	o := AlarmOptions{Aliases: map[string][]string{"1.4": {"ts.lose", "ts.swap"}}}
	r, err := ComputeAlarms([]Alarm{alarm("1.4", 11, -1, -1)}, faults, o)
	if err != nil || r.Hits != 2 || r.Missed != 1 || r.Right != 1 || *r.Precision != 1 || r.FalseAlarms != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestComputeAlarmsRefuses(t *testing.T) {
	late, early, far := 2*sec, sec, maxInstant+1
	var many []Alarm
	for range 50_000 {
		many = append(many, alarm("freeze", 1, -1, -1))
	}
	var kinds []markers.FaultRecord
	for i := range maxAlarmNames + 1 {
		kinds = append(kinds, fault("f", fmt.Sprint(i), 1, 2))
	}
	for name, c := range map[string]struct {
		alarms []Alarm
		faults []markers.FaultRecord
		o      Options
		want   string
	}{
		"tolerance": {o: Options{Tolerance: -1}, want: "tolerance"}, "offset": {o: Options{Offset: far}, want: "offset"},
		"range": {o: Options{From: &late, To: &early}, want: "ends before"}, "far": {o: Options{From: &far}, want: "range"},
		"alarm":       {alarms: []Alarm{{Name: "a", Start: maxInstant}}, o: Options{Offset: 1}, want: "alarm 1"},
		"too many":    {many, slices.Repeat([]markers.FaultRecord{fault("f", "freeze", 0, 9)}, 400), Options{}, "smaller tolerance"},
		"many kinds":  {nil, kinds, Options{}, "kinds"},
		"end is late": {alarms: []Alarm{{Name: "a", Start: 1, End: new(media.Seconds)}}, want: "alarm 1"},
	} {
		if _, err := ComputeAlarms(c.alarms, c.faults, AlarmOptions{Options: c.o}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestAlarmsAreBest compares random lists, also of faults within others, with every way to pair them.
func TestAlarmsAreBest(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		var faults []markers.FaultRecord
		nested := random.IntN(2) == 0
		for at := media.Seconds(0); len(faults) < 5; {
			from := at + media.Seconds(random.IntN(8))
			to := from + 1 + media.Seconds(random.IntN(9))
			faults = append(faults, fault(fmt.Sprint(len(faults)), "freeze", from, to))
			if at = to; nested {
				at = from
			}
		}
		var alarms []Alarm
		for range random.IntN(7) {
			alarms = append(alarms, alarm([]string{"freeze", "freeze", "black"}[random.IntN(3)], media.Seconds(random.IntN(30)), -1, -1))
		}
		o := AlarmOptions{Options: Options{Tolerance: media.Seconds(random.IntN(4)) * sec}}
		r, err := ComputeAlarms(alarms, faults, o)
		if err != nil {
			t.Fatal(err)
		}
		want := bestAlarms(faults, alarms, o.Tolerance, 0)
		got := best{pairs: r.Hits}
		used := map[string]bool{}
		for _, m := range r.Matches {
			got.cost += int64(max(m.Onset, -m.Onset))
			if m.Alarm.Name != "freeze" || used[m.ID] || used[fmt.Sprint("alarm", m.Index)] {
				t.Fatalf("%v, %v: %+v", faults, alarms, m)
			}
			used[m.ID], used[fmt.Sprint("alarm", m.Index)] = true, true
		}
		if got.pairs != want.pairs || !nested && got.cost != want.cost {
			t.Fatalf("%+v, %+v within %s: %v, want %v", faults, alarms, o.Tolerance, got, want)
		}
		if len(r.Matches)+len(r.Others) != len(alarms) || r.Right+r.Duplicates+r.FalseAlarms+r.Ignored+r.DecoyAlarms != len(alarms) {
			t.Fatalf("%d alarms: %+v", len(alarms), r)
		}
		count := 0
		for _, c := range r.Confusion {
			count += c.Count
		}
		if count != len(alarms)+r.Missed {
			t.Fatalf("the confusion matrix counts %d: %+v", count, r)
		}
	}
}

// bestAlarms tries every alarm, or none, for the first fault, and goes on with the rest.
func bestAlarms(faults []markers.FaultRecord, alarms []Alarm, tolerance media.Seconds, used uint) best {
	if len(faults) == 0 {
		return best{}
	}
	b, f := bestAlarms(faults[1:], alarms, tolerance, used), faults[0]
	for j, a := range alarms {
		if a.Name != f.Kind || a.Start < f.Time-tolerance || a.Start >= f.EndTime+tolerance || used>>j&1 == 1 {
			continue
		}
		r := bestAlarms(faults[1:], alarms, tolerance, used|1<<j)
		if r = (best{r.pairs + 1, r.cost + int64(max(a.Start-f.Time, f.Time-a.Start))}); r.over(b) {
			b = r
		}
	}
	return b
}
