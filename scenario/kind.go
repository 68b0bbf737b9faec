package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/levenshtein"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Layer is the stage of a stream that a fault is made in.
type Layer string

// The layers, in the order in which faults are applied.
const (
	LayerPicture  Layer = "picture"  // what the encoder is given
	LayerUnit     Layer = "unit"     // coded pictures
	LayerSEI      Layer = "sei"      // messages in and beside coded pictures
	LayerStamps   Layer = "stamps"   // PTS and DTS
	LayerSound    Layer = "sound"    // coded sound
	LayerPackets  Layer = "packets"  // MPEG-TS packets
	LayerPlaylist Layer = "playlist" // HLS playlists
	LayerRequest  Layer = "request"  // answers of the server
)

// Resource is what a fault of requests is done to: the answers for files of one kind.
type Resource string

// The kinds of resources.
const (
	Segment        Resource = "segment"
	Playlist       Resource = "playlist"     // a media playlist
	Multivariant   Resource = "multivariant" // a multivariant playlist
	Initialization Resource = "init"         // an initialization section
	AnyResource    Resource = "any"
)

// Resources are all of them. The first is that of a fault that names none.
func Resources() []Resource {
	return []Resource{Segment, Playlist, Multivariant, Initialization, AnyResource}
}

// Has reports whether a resource is one of a kind, which may be any.
func (r Resource) Has(o Resource) bool { return r == o || r == AnyResource }

// Carrier is a way that the stream takes to whoever watches it.
type Carrier string

// The carriers.
const (
	HLS  Carrier = "hls"
	TS   Carrier = "ts"
	FLV  Carrier = "flv"
	RTMP Carrier = "rtmp"
)

// Kind is an entry of the catalogue of faults: all that a scenario file and a score need to know of it.
type Kind struct {
	// Name is that of the file's do or decoy: of TS packets and later layers with the layer before a dot.
	Name  string
	Layer Layer
	// Property is what the fault changes: faults of the same layer and property do not overlap.
	Property string
	// Doc describes in a sentence what happens.
	Doc string
	// Decoy marks a kind that is legal: no monitor may raise an alarm.
	Decoy bool
	// Params are what with takes.
	Params []Param
	// Default is the length where the file gives none; the zero Span: the file must give one.
	Default Span
	// Grid: a fault begins at the start of a segment, the first at or after its time, and is whole segments long.
	Grid bool
	// Check refuses a resolved fault that the channel cannot have; nil: there is no such one.
	Check func(f Fault, clock markers.Clock) error
	// Alarms are the names that monitors give to what they find of it.
	Alarms []string
	// Expects are the findings of refstream's own tools that confirm it, Tolerates those that may be reported beside them.
	Expects, Tolerates []string
	// Implies are the kinds whose alarms are right too.
	Implies []string
	// Carriers are those that show it; nil: all.
	Carriers []Carrier
	// Oracle names the tool, not one of ours, that finds it; empty: there is none.
	Oracle string
}

// DidYouMean is a question with the kinds that a wrong name may be meant for, or empty: those that it lacks the layer of, or two letters.
func DidYouMean(name string, kinds []*Kind) string {
	var near []string
	for _, k := range kinds {
		if strings.HasSuffix(k.Name, "."+name) || len(name) < maxWrongName && levenshtein.Distance(name, k.Name) <= min(2, len(name)/2) {
			near = append(near, k.Name)
		}
	}
	if near == nil {
		return ""
	}
	return "did you mean " + strings.Join(near, " or ") + "? "
}

// maxWrongName is longer than any name of a kind.
const maxWrongName = 64

// ParamType is how a parameter is written.
type ParamType string

// The types of parameters.
const (
	Whole  ParamType = "whole"  // a whole number
	Length ParamType = "length" // a length of time such as 40ms, 2s or 00:01:00; N is nanoseconds
	Share  ParamType = "share"  // whole percents such as 50%
	Word   ParamType = "word"   // one of some words; N is its index
	Offset ParamType = "offset" // a number of bytes such as 1000, or whole percents of all of them such as 50%
)

// Param is a parameter of a kind.
type Param struct {
	Name, Doc string
	Type      ParamType
	// Default is the value where the file gives none, as it is written; empty: it must be given.
	Default string
	// Min and Max are the limits of N, inclusive, of all types but Word.
	Min, Max int64
	// Words are those of a Word.
	Words []string
}

// Value is a parameter's value: as text in its shortest form, and as a number.
type Value struct {
	Text string
	N    int64
}

// Params are the values of all parameters of a kind, by name.
type Params map[string]Value

// parse reads a value; the error names what to write.
func (p Param) parse(text string) (v Value, err error) {
	switch p.Type {
	case Word:
		i := slices.Index(p.Words, text)
		if i < 0 {
			return v, fmt.Errorf("%s: %.40q is not known: use %s", p.Name, text, strings.Join(p.Words, ", "))
		}
		return Value{text, int64(i)}, nil
	case Length:
		v.N, err = parseTime(text)
		v.Text = time.Duration(v.N).String()
	case Share, Offset:
		number, ok := strings.CutSuffix(text, "%")
		if v.N, err = strconv.ParseInt(number, 10, 64); err == nil && (!ok && p.Type == Share || ok && v.N > 100) {
			err = strconv.ErrSyntax
		}
		if v.Text = strconv.FormatInt(v.N, 10); ok {
			v.Text += "%"
		}
	default:
		v.N, err = strconv.ParseInt(text, 10, 64)
		v.Text = strconv.FormatInt(v.N, 10)
	}
	if err != nil || v.N < p.Min || v.N > p.Max {
		return v, fmt.Errorf("%s: %.40q is not possible: use %s to %s", p.Name, text, p.write(p.Min), p.write(p.Max))
	}
	return v, nil
}

// Values reads parameters as a fault's record has them.
func (k *Kind) Values(texts map[string]string) (Params, error) {
	out := Params{}
	for _, p := range k.Params {
		v, err := p.parse(texts[p.Name])
		if err != nil {
			return nil, err
		}
		out[p.Name] = v
	}
	return out, nil
}

// Usage describes in a line what the parameter is and what it takes.
func (p Param) Usage() string {
	takes := p.write(p.Min) + " to " + p.write(p.Max)
	switch p.Type {
	case Word:
		takes = strings.Join(p.Words, ", ")
	case Offset:
		takes += " bytes, or up to 100%"
	}
	if p.Default == "" {
		return fmt.Sprintf("%s: %s; it must be given", p.Doc, takes)
	}
	return fmt.Sprintf("%s: %s; without it %s", p.Doc, takes, p.Default)
}

func (p Param) write(n int64) string {
	switch p.Type {
	case Length:
		return time.Duration(n).String()
	case Share:
		return strconv.FormatInt(n, 10) + "%"
	}
	return strconv.FormatInt(n, 10)
}

// parseTime reads a length of time or a time from the epoch, in nanoseconds: hh:mm:ss with or without decimals, or as
// [time.ParseDuration] reads it.
func parseTime(text string) (int64, error) {
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		d, err := time.ParseDuration(text)
		return d.Nanoseconds(), err
	}
	hours, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return 0, err
	}
	minutes, err := strconv.ParseUint(fields[1], 10, 8)
	if err != nil || minutes > 59 || len(fields[1]) != 2 {
		return 0, strconv.ErrSyntax
	}
	seconds, err := media.ParseSeconds(fields[2])
	if err != nil || seconds < 0 || seconds >= media.Seconds(time.Minute) {
		return 0, strconv.ErrSyntax
	}
	return int64(time.Duration(hours)*time.Hour+time.Duration(minutes)*time.Minute) + int64(seconds), nil
}
