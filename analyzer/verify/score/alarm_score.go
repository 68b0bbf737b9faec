package score

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// AlarmOptions say how alarms are compared with faults.
type AlarmOptions struct {
	// Options are those of events. From and To bound the faults by where they begin.
	Options
	// MinDuration leaves out faults that are shorter: below what the monitor is set to find.
	MinDuration media.Seconds
	// Kinds are the kinds of faults that the monitor is to find, and others are left out; nil: all.
	Kinds []string
	// Aliases are the kinds of faults that an alarm means, by the alarm's name.
	Aliases map[string][]string
}

// ParseAliases reads aliases such as TR101290.1.4=ts.lose: an alarm and the kind of faults that it means.
func ParseAliases(list []string) (map[string][]string, error) {
	kinds := map[string][]string{}
	for _, alias := range list {
		i := strings.LastIndex(alias, "=")
		if i <= 0 || i == len(alias)-1 {
			return nil, fmt.Errorf("%.80q has no name of an alarm and kind of a fault: write TR101290.1.4=ts.lose", alias)
		}
		kinds[alias[:i]] = append(kinds[alias[:i]], alias[i+1:])
	}
	return kinds, nil
}

// Class is what an alarm turned out to be.
type Class string

// The classes. Where several fit, the first counts.
const (
	Right     Class = "right"     // paired with a fault
	Duplicate Class = "duplicate" // one more of a fault
	// Not counted, neither for nor against the monitor:
	LeftOut    Class = "left_out"   // of a fault that is left out
	Implied    Class = "implied"    // right too, or tolerated, because of a fault of another kind
	Collateral Class = "collateral" // while pictures look wrong because of a fault
	Outside    Class = "outside"    // begins outside of the range
	// Wrong:
	InDecoy    Class = "decoy"
	FalseAlarm Class = "false"
)

// rank orders the classes.
func (c Class) rank() int {
	return slices.Index([]Class{Right, Duplicate, LeftOut, Implied, Collateral, Outside, InDecoy, FalseAlarm}, c)
}

// ofFilters are the kinds of faults that ffmpeg's filters find.
var ofFilters = map[string][]string{"freezedetect": {"freeze"}, "blackdetect": {"black"}, "silencedetect": {"silence"}, "scdet": {"cut"}}

// ComputeAlarms compares alarms with the faults of a stream, both in any order. An alarm may be of a fault where its name is one of
// the fault's kind, and it begins from the tolerance before the fault to the tolerance after it. Alarms and faults of a kind are
// paired one to one: as many as possible and, of those, with the smallest sum of the distances between their starts. An alarm
// whose name several kinds have may be paired with a fault of each. An error says which option, alarm or fault is wrong.
func ComputeAlarms(alarms []Alarm, faults []markers.FaultRecord, o AlarmOptions) (AlarmReport, error) {
	s := alarmScore{alarms: slices.Clone(alarms), faults: faults, AlarmOptions: o, names: namesOf(faults, o.Aliases)}
	err := o.check()
	if err == nil {
		err = s.sort()
	}
	if err == nil {
		err = s.judge()
	}
	if err == nil {
		err = s.match()
	}
	if err != nil {
		return AlarmReport{}, fmt.Errorf("score alarms: %w", err)
	}
	return s.report(), nil
}

// check refuses options outside of their limits, so that no difference overflows.
func (o AlarmOptions) check() error {
	switch out := func(t media.Seconds) bool { return t < -maxInstant || t > maxInstant }; {
	case o.Tolerance < 0 || o.Tolerance > MaxTolerance:
		return fmt.Errorf("tolerance %s is not in 0 to %s s", o.Tolerance, MaxTolerance)
	case out(o.Offset):
		return fmt.Errorf("offset %s is out of range", o.Offset)
	case o.From != nil && out(*o.From), o.To != nil && out(*o.To):
		return errors.New("the range is out of range")
	case o.From != nil && o.To != nil && *o.From > *o.To:
		return errors.New("the range ends before it begins")
	}
	return nil
}

// alarmScore is a comparison of alarms with faults.
type alarmScore struct {
	AlarmOptions
	alarms []Alarm // with the offset
	faults []markers.FaultRecord
	names  map[string]map[string]bool // of alarms, by the kind of the fault
	found  []point                    // the alarms, in order of time
	judged []judgement                // by the place of the alarm in found

	scored, decoys   []int // faults, by their index
	leftOut, notDone int
	pairs            []pair // fault by index, alarm by place
	marks            int    // pairs of an interval and an alarm that were looked at
}

// judgement is what an alarm is, and the fault that makes it so, or -1.
type judgement struct {
	class Class
	fault int
}

// namesOf are the names of the alarms of each kind.
func namesOf(faults []markers.FaultRecord, aliases map[string][]string) map[string]map[string]bool {
	names := map[string]map[string]bool{}
	add := func(kind, alarm string) {
		if names[kind] == nil {
			names[kind] = map[string]bool{kind: true}
		}
		names[kind][alarm] = true
	}
	for _, f := range faults {
		for _, alarm := range slices.Concat([]string{f.Kind}, f.Alarms, f.Expects) {
			add(f.Kind, alarm)
		}
	}
	for alarm, kinds := range ofFilters {
		if aliases[alarm] == nil {
			for _, kind := range kinds {
				add(kind, alarm)
			}
		}
	}
	for alarm, kinds := range aliases {
		for _, kind := range kinds {
			add(kind, alarm)
		}
	}
	return names
}

// means reports whether an alarm is one of a kind of faults.
func (s *alarmScore) means(alarm, kind string) bool { return alarm == kind || s.names[kind][alarm] }

// sort adds the offset to the alarms and puts them in order.
func (s *alarmScore) sort() error {
	for i := range s.alarms {
		a := &s.alarms[i]
		a.Start += s.Offset
		last := a.Start
		for _, t := range []**media.Seconds{&a.End, &a.SeenAt} {
			if *t != nil {
				moved := **t + s.Offset
				*t, last = &moved, max(last, moved, -moved)
			}
		}
		if max(last, -a.Start) > maxInstant || a.End != nil && *a.End < a.Start {
			return fmt.Errorf("alarm %d is out of range, or ends before it begins", i+1)
		}
		s.found = append(s.found, point{at: a.Start, index: i})
	}
	slices.SortStableFunc(s.found, comparePoints)
	return nil
}

// extent is from when to when a fault is: what was done, or what is planned where nothing is said of that. An active one may go on
// to the end that is planned.
func extent(f markers.FaultRecord) (from, to media.Seconds) {
	from, to = f.Time, f.EndTime
	for i, s := range f.Done {
		if i == 0 {
			from, to = s.Time, s.EndTime
		}
		from, to = min(from, s.Time), max(to, s.EndTime)
	}
	if f.State == markers.FaultActive {
		to = max(to, f.EndTime)
	}
	return from, to
}

// judge finds out what each alarm is that is paired with no fault, and which faults count.
func (s *alarmScore) judge() error {
	s.judged = make([]judgement, len(s.found))
	for j, a := range s.found {
		s.judged[j] = judgement{FalseAlarm, -1}
		if !s.inRange(a.at) {
			s.judged[j].class = Outside
		}
	}
	for i, f := range s.faults {
		from, to := extent(f)
		switch counts := s.inRange(from); {
		case f.State != markers.FaultDone && f.State != markers.FaultActive:
			s.notDone++
			continue
		case f.Decoy:
			if counts {
				s.decoys = append(s.decoys, i)
			}
			s.mark(i, from, to, func(string) Class { return InDecoy })
			continue
		case f.State == markers.FaultActive || to-from < s.MinDuration || !counts || s.Kinds != nil && !slices.Contains(s.Kinds, f.Kind):
			s.leftOut++
			s.mark(i, from, to, s.classes(f, LeftOut))
		default:
			s.scored = append(s.scored, i)
			s.mark(i, from, to, s.classes(f, Duplicate))
		}
		for _, c := range f.Collateral {
			s.mark(i, c.Time, c.EndTime, func(string) Class { return Collateral })
		}
		if s.marks > maxPairs {
			return errTooMany
		}
	}
	if n := len(s.kinds()); n > maxAlarmNames {
		return fmt.Errorf("there are faults of %d kinds, more than %d", n, maxAlarmNames)
	}
	return nil
}

// classes gives the class of an alarm during a fault, by its name: own where it is one of the fault's kind.
func (s *alarmScore) classes(f markers.FaultRecord, own Class) func(alarm string) Class {
	return func(alarm string) Class {
		if s.means(alarm, f.Kind) {
			return own
		}
		for _, kind := range slices.Concat(f.Implies, f.Tolerates) {
			if s.means(alarm, kind) {
				return Implied
			}
		}
		return FalseAlarm
	}
}

// mark judges the alarms that begin in an interval of a fault.
func (s *alarmScore) mark(fault int, from, to media.Seconds, class func(alarm string) Class) {
	lo, hi := near(window(from, to, fault), s.found, s.Tolerance)
	s.marks += hi - lo
	for j := lo; j < hi; j++ {
		now := judgement{class(s.alarms[s.found[j].index].Name), fault}
		if d := cmp.Compare(now.class.rank(), s.judged[j].class.rank()); d < 0 || d == 0 && s.judged[j].fault < 0 {
			s.judged[j] = now
		}
	}
}

// window is an interval as match and near take it: its end is not part of it.
func window(from, to media.Seconds, index int) point { return point{from, max(from, to-1), index} }

// match pairs the faults that count with alarms, kind by kind.
func (s *alarmScore) match() error {
	byKind := map[string][]point{}
	for _, i := range s.scored {
		from, to := extent(s.faults[i])
		byKind[s.faults[i].Kind] = append(byKind[s.faults[i].Kind], window(from, to, i))
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		truth := byKind[kind]
		slices.SortStableFunc(truth, comparePoints)
		var places []int // in found, of the alarms of this kind
		var found []point
		for j, a := range s.found {
			if s.means(s.alarms[a.index].Name, kind) {
				places, found = append(places, j), append(found, a)
			}
		}
		pairs, err := match(truth, found, s.Tolerance)
		if err == nil {
			pairs, err = augment(truth, found, s.Tolerance, pairs)
		}
		if err != nil {
			return err
		}
		for _, p := range pairs {
			own := pair{truth[p.marker].index, places[p.detection]}
			s.pairs = append(s.pairs, own)
			s.judged[own.detection] = judgement{Right, own.marker}
		}
	}
	slices.SortFunc(s.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.detection, b.detection), cmp.Compare(a.marker, b.marker))
	})
	return nil
}
