package api

import (
	"strings"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// rendition is one of a channel's renditions of pictures, in whose pixels an answer is.
type rendition struct {
	// name is as the request has it, empty where it names none: the first one.
	name    string
	first   bool
	picture generator.Options
}

// rendition reads the parameter of that name.
func (q *query) rendition(ch markers.Channel) (rendition, error) {
	r := rendition{name: q.values.Get("rendition"), first: true, picture: scenario.Picture(ch)}
	names := []string{markers.RenditionName(ch.Width, ch.Height)}
	if r.name == "" || r.name == names[0] {
		return r, nil
	}
	for _, l := range ch.Ladder {
		if l.Name == r.name {
			r.first, r.picture = false, scenario.Rendition(ch, l)
			return r, nil
		}
		names = append(names, l.Name)
	}
	return r, badField("rendition", "channel %s has no rendition %.100q: name one of %s", ch.Name, r.name, strings.Join(names, ", "))
}

// boxes writes into markers where their blocks are in the rendition's pictures.
func (r rendition) boxes(list []markerView) {
	if r.first {
		return // as they were recorded
	}
	for i, m := range list {
		list[i].Box = markers.Box(r.picture.Band())
		list[i].Block = markers.Block{Box: markers.Box(r.picture.BlockAt(m.Frame)), Roll: r.picture.Roll()}
	}
}

// frames writes into frames where the block of the event that they show is. What was measured of them is the first rendition's.
func (r rendition) frames(list []frameView) {
	for i, f := range list {
		list[i].elsewhere = !r.first
		if f.Event != "" && !f.eventUnknown {
			list[i].Box = new(markers.Box(r.picture.BlockAt(f.Frame)))
		}
	}
}
