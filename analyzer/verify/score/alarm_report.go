package score

import (
	"cmp"
	"slices"
	"time"

	"github.com/refstream/refstream/media"
)

// Tally counts alarms and faults. What can't be told, such as the precision without alarms, is nil.
type Tally struct {
	// Faults are those that count: Hits have an alarm, Missed have none.
	Faults int `json:"faults"`
	Hits   int `json:"hits"`
	Missed int `json:"missed"`
	// Right are the alarms of the hits. Duplicates count neither for nor against the monitor.
	Right       int `json:"right_alarms"`
	Duplicates  int `json:"duplicates"`
	FalseAlarms int `json:"false_alarms"`
	DecoyAlarms int `json:"decoy_alarms"`
	// Precision is Right/(Right+FalseAlarms+DecoyAlarms), Recall Hits/Faults, F1 2*Hits/(2*Hits+FalseAlarms+DecoyAlarms+Missed).
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	F1        *float64 `json:"f1"`
	// Onset is from the start of the fault to when its alarm was raised, Clear from its end to the alarm's end: positive is late, by
	// nearest rank. Alarms without an end are not in Clear and IoU.
	OnsetP50 *media.Seconds `json:"onset_p50"`
	OnsetP95 *media.Seconds `json:"onset_p95"`
	ClearP50 *media.Seconds `json:"clear_p50"`
	ClearP95 *media.Seconds `json:"clear_p95"`
	// IoU is the mean of the hits' intersection over union.
	IoU *float64 `json:"iou"`
}

// AlarmReport says how good a list of alarms is.
type AlarmReport struct {
	Tolerance   media.Seconds  `json:"tolerance"`
	Offset      media.Seconds  `json:"offset"`
	MinDuration media.Seconds  `json:"min_duration"`
	From        *media.Seconds `json:"from,omitempty"`
	To          *media.Seconds `json:"to,omitempty"`
	Tally
	// FaultsLeftOut are active, too short, of another kind or outside of the range, FaultsNotDone are not done or planned. DecoysAlarmed are the decoys
	// with an alarm.
	FaultsLeftOut int `json:"faults_left_out"`
	FaultsNotDone int `json:"faults_not_done"`
	Decoys        int `json:"decoys"`
	DecoysAlarmed int `json:"decoys_alarmed"`
	// Alarms are all that were given, of them Ignored those of faults that are left out, implied, collateral or outside of the range.
	Alarms  int `json:"alarms"`
	Ignored int `json:"ignored_alarms"`
	// FalsePerHour are the FalseAlarms, without those of decoys, an hour of the range; nil where From or To is.
	FalsePerHour *float64 `json:"false_alarms_per_hour"`

	Kinds     []KindTally  `json:"kinds"`
	Confusion []Confusion  `json:"confusion"`
	Matches   []AlarmMatch `json:"matches"`
	MissedAll []FaultPlace `json:"missed_faults"`
	Others    []OtherAlarm `json:"other_alarms"`
}

// KindTally is that of a kind of faults, and of the alarms that have one of its names. A false alarm that several kinds have the name of
// counts in each.
type KindTally struct {
	Kind string `json:"kind"`
	Tally
}

// Confusion is how many alarms of a name were raised because of, or at least during, a kind of faults. Kind is empty where there was
// none, Alarm where a fault was missed. Alarms outside of the range are left out.
type Confusion struct {
	Kind  string `json:"kind"`
	Decoy bool   `json:"decoy,omitempty"`
	Alarm string `json:"alarm"`
	Count int    `json:"count"`
}

// FaultPlace names a fault.
type FaultPlace struct {
	ID    string        `json:"id"`
	Kind  string        `json:"kind"`
	Frame int64         `json:"frame"`
	Time  media.Seconds `json:"time"`
	End   media.Seconds `json:"end_time"`
}

// AlarmMatch is a fault and its alarm. Index is the alarm's place in the list as given, from 0.
type AlarmMatch struct {
	FaultPlace
	Alarm Alarm          `json:"alarm"`
	Index int            `json:"index"`
	Onset media.Seconds  `json:"onset"`
	Clear *media.Seconds `json:"clear"`
	IoU   *float64       `json:"iou"`
}

// OtherAlarm is an alarm that is paired with no fault. Fault is the id of that which it is about or during, if any.
type OtherAlarm struct {
	Alarm
	Index int    `json:"index"`
	Class Class  `json:"class"`
	Fault string `json:"fault,omitempty"`
}

// report counts what the comparison found.
func (s *alarmScore) report() AlarmReport {
	r := AlarmReport{
		Tolerance: s.Tolerance, Offset: s.Offset, MinDuration: s.MinDuration, From: s.From, To: s.To,
		FaultsLeftOut: s.leftOut, FaultsNotDone: s.notDone, Decoys: len(s.decoys), Alarms: len(s.alarms),
		Kinds: []KindTally{}, Confusion: []Confusion{}, Matches: []AlarmMatch{}, MissedAll: []FaultPlace{}, Others: []OtherAlarm{},
	}
	for _, p := range s.pairs {
		r.Matches = append(r.Matches, s.matched(p))
	}
	hit := map[int]bool{}
	for _, p := range s.pairs {
		hit[p.marker] = true
	}
	confused := map[Confusion]int{}
	byTime := func(a, b int) int { return cmp.Compare(s.place(a).Time, s.place(b).Time) }
	slices.SortStableFunc(s.scored, byTime)
	for _, i := range s.scored {
		if !hit[i] {
			r.MissedAll = append(r.MissedAll, s.place(i))
			confused[Confusion{Kind: s.faults[i].Kind}]++
		}
	}
	alarmed := map[int]bool{}
	for j, is := range s.judged {
		index := s.found[j].index
		a := s.alarms[index]
		cell, id := Confusion{Alarm: a.Name}, ""
		if is.fault >= 0 {
			f := s.faults[is.fault]
			cell.Kind, cell.Decoy, id = f.Kind, f.Decoy, f.ID
		}
		if is.class != Outside {
			confused[cell]++
		}
		switch is.class {
		case InDecoy:
			alarmed[is.fault] = true
		case LeftOut, Implied, Collateral, Outside:
			r.Ignored++
		case Right:
			continue
		}
		r.Others = append(r.Others, OtherAlarm{a, index, is.class, id})
	}
	for _, i := range s.decoys {
		if alarmed[i] {
			r.DecoysAlarmed++
		}
	}
	for cell, n := range confused {
		cell.Count = n
		r.Confusion = append(r.Confusion, cell)
	}
	slices.SortFunc(r.Confusion, func(a, b Confusion) int {
		if a.Decoy != b.Decoy {
			return map[bool]int{true: 1, false: -1}[a.Decoy]
		}
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Alarm, b.Alarm))
	})
	r.Tally = r.tally(func(string) bool { return true }, func(OtherAlarm) bool { return true })
	for _, kind := range s.kinds() {
		r.Kinds = append(r.Kinds, KindTally{kind, r.tally(
			func(k string) bool { return k == kind }, func(a OtherAlarm) bool { return s.means(a.Name, kind) })})
	}
	if s.From != nil && s.To != nil && *s.To > *s.From {
		v := float64(r.FalseAlarms) * float64(time.Hour) / float64(*s.To-*s.From)
		r.FalsePerHour = &v
	}
	return r
}

// kinds are those of the faults that count, in order.
func (s *alarmScore) kinds() (list []string) {
	for _, i := range s.scored {
		list = append(list, s.faults[i].Kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *alarmScore) place(i int) FaultPlace {
	f := s.faults[i]
	from, to := extent(f)
	p := FaultPlace{f.ID, f.Kind, f.Frame, from, to}
	if len(f.Done) > 0 {
		p.Frame = f.Done[0].Frame
	}
	return p
}

func (s *alarmScore) matched(p pair) AlarmMatch {
	index := s.found[p.detection].index
	m := AlarmMatch{FaultPlace: s.place(p.marker), Alarm: s.alarms[index], Index: index}
	raised := m.Alarm.Start
	if m.Alarm.SeenAt != nil {
		raised = *m.Alarm.SeenAt
	}
	m.Onset = raised - m.Time
	if m.Alarm.End == nil {
		return m
	}
	end := *m.Alarm.End
	clears := end - m.End
	common := max(0, min(end, m.End)-max(m.Alarm.Start, m.Time))
	all := max(end, m.End) - min(m.Alarm.Start, m.Time) // their union, where they have something in common
	m.Clear, m.IoU = &clears, new(float64)
	if all > 0 {
		*m.IoU = float64(common) / float64(all)
	}
	return m
}

// tally counts what is of a kind.
func (r *AlarmReport) tally(ofKind func(kind string) bool, ofName func(OtherAlarm) bool) (t Tally) {
	var onset, clears []media.Seconds
	var iou float64
	right := map[int]bool{}
	for _, m := range r.Matches {
		if !ofKind(m.Kind) {
			continue
		}
		t.Hits++
		right[m.Index] = true
		onset = append(onset, m.Onset)
		if m.Clear != nil {
			clears = append(clears, *m.Clear)
			iou += *m.IoU
		}
	}
	for _, m := range r.MissedAll {
		if ofKind(m.Kind) {
			t.Missed++
		}
	}
	for _, a := range r.Others {
		switch {
		case !ofName(a):
		case a.Class == Duplicate:
			t.Duplicates++
		case a.Class == InDecoy:
			t.DecoyAlarms++
		case a.Class == FalseAlarm:
			t.FalseAlarms++
		}
	}
	t.Faults, t.Right = t.Hits+t.Missed, len(right)
	wrong := t.FalseAlarms + t.DecoyAlarms
	t.Precision, t.Recall = ratio(t.Right, t.Right+wrong), ratio(t.Hits, t.Faults)
	t.F1 = ratio(2*t.Hits, 2*t.Hits+wrong+t.Missed)
	t.OnsetP50, t.OnsetP95 = percentiles(onset)
	t.ClearP50, t.ClearP95 = percentiles(clears)
	if n := len(clears); n > 0 {
		iou /= float64(n)
		t.IoU = &iou
	}
	return t
}

// percentiles are the 50th and the 95th by nearest rank, nil of an empty list.
func percentiles(list []media.Seconds) (p50, p95 *media.Seconds) {
	if len(list) == 0 {
		return nil, nil
	}
	slices.Sort(list)
	half, most := rank(list, 50), rank(list, 95)
	return &half, &most
}
