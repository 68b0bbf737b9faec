// Package pictures holds the faults of the layer picture: what the encoder is given in place of a frame's own picture. Slot, time
// stamps, timecode and SEI of the frame stay as they are.
package pictures

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// kind is an entry of the catalogue with what it does.
type kind struct {
	scenario.Kind
	// look is how frame n, one of the fault's, is shown.
	look func(f scenario.Fault, n int64, clock markers.Clock) generator.Look
}

// instead shows frame m, or frame 0 where there is none so early.
func instead(m int64) generator.Look { return generator.Look{Instead: true, Shows: max(0, m)} }

// twoFrames refuses a fault of one frame, which would show its own picture.
func twoFrames(f scenario.Fault, _ markers.Clock) error {
	if f.First == f.Last {
		return errors.New("a single frame would show its own picture: use for: {frames: 2} or more")
	}
	return nil
}

func table() []kind {
	const longest = int64(time.Hour)
	return []kind{
		{
			scenario.Kind{
				Name: "freeze", Doc: "The picture of its first frame stays for all of its frames.",
				Check:  twoFrames,
				Alarms: []string{"freezedetect", "freeze", "frozen"}, Expects: []string{"frozen", "repeated"}, Oracle: "ffmpeg freezedetect",
			},
			func(f scenario.Fault, _ int64, _ markers.Clock) generator.Look { return instead(f.First) },
		},
		{
			scenario.Kind{
				Name: "black", Doc: "The whole picture is black.",
				Alarms: []string{"blackdetect", "black"}, Expects: []string{"black"}, Implies: []string{"freeze"}, Oracle: "ffmpeg blackdetect",
			},
			func(scenario.Fault, int64, markers.Clock) generator.Look { return generator.Look{Black: true} },
		},
		{
			scenario.Kind{
				Name: "repeat", Doc: "Each picture is held for some frames, and the frames' own pictures in between are not shown.",
				Params: []scenario.Param{{Name: "hold", Doc: "for how many frames a picture is shown", Type: scenario.Whole, Default: "2", Min: 2, Max: 240}},
				Check:  twoFrames,
				Alarms: []string{"mpdecimate", "repeat", "judder"}, Expects: []string{"repeated"}, Oracle: "ffmpeg mpdecimate",
			},
			func(f scenario.Fault, n int64, _ markers.Clock) generator.Look {
				return instead(n - (n-f.First)%f.Params["hold"].N)
			},
		},
		{
			scenario.Kind{
				Name: "cut", Doc: "The pictures are those of another time: the content jumps there and back, and goes on moving meanwhile.",
				Params: []scenario.Param{{
					Name: "by", Doc: "how far the content jumps, a negative time back", Type: scenario.Length, Default: "-10s", Min: -longest, Max: longest,
				}},
				Check: func(f scenario.Fault, clock markers.Clock) error {
					if clock.Rate.Frames(f.Params["by"].N) == 0 {
						return errors.New("by is less than a frame, which changes nothing: use a longer time")
					}
					return nil
				},
				Alarms: []string{"scdet", "cut", "jump"}, Expects: []string{"out_of_order"}, Tolerates: []string{"missing"}, Oracle: "the frame code; ffmpeg scdet on a picture with noise",
			},
			func(f scenario.Fault, n int64, clock markers.Clock) generator.Look {
				return instead(n + clock.Rate.Frames(f.Params["by"].N))
			},
		},
		{
			scenario.Kind{
				Name: "fade", Doc: "The picture gets darker until it is black in the middle of the fault, and lighter again.",
				Alarms: []string{"fade"}, Expects: []string{"unreadable"}, Tolerates: []string{"black"}, Implies: []string{"black"}, Oracle: "ffmpeg signalstats YAVG",
			},
			func(f scenario.Fault, n int64, _ markers.Clock) generator.Look {
				last := cmp.Or(f.Meant, f.Last)
				half := (last - f.First + 2) / 2
				near := min(n-f.First, last-n) + 1 // frames to the nearer end
				return generator.Look{Dark: int(min(near*generator.FullDark/half, generator.FullDark))}
			},
		},
		{
			scenario.Kind{
				Name: "colour", Doc: "The whole picture has a false colour.",
				Params: []scenario.Param{{Name: "tint", Doc: "the colour that is left", Type: scenario.Word, Default: "red", Words: []string{"red", "green", "blue"}}},
				Alarms: []string{"colour", "chroma"}, Expects: []string{"tinted"}, Oracle: "ffmpeg signalstats UAVG, VAVG",
			},
			func(f scenario.Fault, _ int64, _ markers.Clock) generator.Look {
				return generator.Look{Tint: generator.RedTint + generator.Tint(f.Params["tint"].N)}
			},
		},
	}
}

// Kinds lists the kinds of the layer.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		k.Layer, k.Property = scenario.LayerPicture, "picture"
		list = append(list, &k.Kind)
	}
	return list
}

// Pictures is a plan's faults of pictures.
type Pictures struct {
	plan  *scenario.Plan
	clock markers.Clock
	looks map[string]func(scenario.Fault, int64, markers.Clock) generator.Look
}

// New takes a plan, which may have faults of other layers too.
func New(plan *scenario.Plan, clock markers.Clock) *Pictures {
	p := &Pictures{plan: plan, clock: clock, looks: map[string]func(scenario.Fault, int64, markers.Clock) generator.Look{}}
	for _, k := range table() {
		p.looks[k.Name] = k.look
	}
	return p
}

// Look is how frame n is shown, but for the event of the picture that is, and the fault that is done to it; ok is false where
// the frame has its own picture.
func (p *Pictures) Look(n int64) (look generator.Look, f scenario.Fault, ok bool) {
	for _, f := range p.plan.At(n, scenario.LayerPicture) {
		return p.looks[f.Kind.Name](f, n, p.clock), f, true
	}
	return look, f, false
}

// LookOf is how frame n, one of a fault that was done, is shown by the fault's record; ok is false where the record is of no fault of
// pictures.
func LookOf(r markers.FaultRecord, n int64, clock markers.Clock) (look generator.Look, ok bool) {
	for _, k := range table() {
		if k.Name != r.Kind {
			continue
		}
		params, err := k.Values(r.Parameters)
		if err != nil {
			return look, false
		}
		return k.look(scenario.Fault{ID: r.ID, Kind: &k.Kind, Params: params, First: r.Frame, Last: r.LastFrame, Meant: r.MeantLast}, n, clock), true
	}
	return look, false
}

// Touches reports whether one of the frames first to last has another picture than its own.
func (p *Pictures) Touches(first, last int64) bool {
	return slices.ContainsFunc(p.plan.Between(first, last, scenario.LayerPicture), func(f scenario.Fault) bool { return f.Refused == "" })
}

// Looks is how frame n is shown, and the id of the fault that is done to it; ok is false where the frame has its own picture.
type Looks func(n int64) (look generator.Look, id string, ok bool)

// Looks are those of the plan.
func (p *Pictures) Looks(n int64) (look generator.Look, id string, ok bool) {
	look, f, ok := p.Look(n)
	return look, f.ID, ok
}

// LooksOf are those of faults that were done, by their records.
func LooksOf(records []markers.FaultRecord, clock markers.Clock) Looks {
	done := slices.DeleteFunc(slices.Clone(records), func(r markers.FaultRecord) bool { return r.Layer != string(scenario.LayerPicture) })
	return func(n int64) (look generator.Look, id string, ok bool) {
		for _, r := range done {
			if r.Covers(n, n) && slices.ContainsFunc(r.Done, func(s markers.Span) bool { return s.Frame <= n && n <= s.LastFrame }) {
				look, ok = LookOf(r, n, clock)
				return look, r.ID, ok
			}
		}
		return look, "", false
	}
}

// Label writes into the records of frames and markers what is done to their pictures.
func (at Looks) Label(b markers.Batch) markers.Batch {
	b.Frames, b.Markers = slices.Clone(b.Frames), slices.Clone(b.Markers)
	for i, r := range b.Frames {
		if look, id, ok := at(r.Frame); ok {
			b.Frames[i].Fault, b.Frames[i].Shows = id, markers.Number{Value: look.Shows, Set: look.Instead}
		}
	}
	for i, m := range b.Markers {
		b.Markers[i].HiddenBy = at.hides(m)
	}
	return b
}

// hides is the fault because of which none of a marker's own frames shows its event, empty where one does. The last one to hide it
// is named.
func (at Looks) hides(m markers.Marker) (by string) {
	for n := m.Frame; n <= m.LastFrame; n++ {
		look, id, ok := at(n)
		switch {
		case !ok, look.Instead && m.Frame <= look.Shows && look.Shows <= m.LastFrame:
			return ""
		case !look.Instead && !look.Black && look.Dark < generator.FullDark:
			return ""
		}
		by = id
	}
	return by
}
