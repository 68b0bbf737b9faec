package packager

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	dash "github.com/Eyevinn/dash-mpd/mpd"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/mpd"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Manifest is the name of the DASH manifest.
const Manifest = "manifest.mpd"

// presentationDelay is how many segments behind live players are to play, as with HLS.
const presentationDelay = 3

// WithDASH is a list of containers with the one that manifests need.
func WithDASH(list []Container) []Container {
	if slices.Contains(list, FMP4) {
		return list
	}
	return append(slices.Clip(list), FMP4)
}

// DASH is what a manifest names besides the segments.
type DASH struct {
	// BaseURL leads from the manifest to the segments, empty where they are beside it.
	BaseURL string
	// TimeURL, relative to BaseURL, answers with the time (UTCTiming, http-iso); empty for none.
	TimeURL string
}

// manifest is the DASH manifest as it was published last, maybe in an earlier run.
type manifest struct {
	text    []byte
	content *dash.MPD // nil where there is none
}

// readManifest reads that of an earlier run. One that can't be read is replaced like one that is not there.
func readManifest(dir string) (m manifest) {
	text, err := os.ReadFile(filepath.Join(dir, Manifest))
	if err != nil {
		return m
	}
	if content, err := mpd.Parse(text); err == nil {
		m = manifest{text, content}
	}
	return m
}

// track is how an earlier run described the track of an initialization section, nil where it did not.
func (m manifest) track(initialization string) *media.Track {
	if m.content == nil {
		return nil
	}
	for _, set := range m.content.Periods[0].AdaptationSets {
		for _, r := range set.Representations {
			if r.SegmentTemplate != nil && r.SegmentTemplate.Initialization == initialization {
				return &media.Track{CodecString: r.Codecs, Width: int(r.Width), Height: int(r.Height)}
			}
		}
	}
	return nil
}

// writeManifest publishes the manifest where it has changed: publishTime is when that was, and no change by itself.
func (w *Writer) writeManifest() error {
	if w.options.DASH == nil {
		return nil
	}
	m, err := w.describe()
	if err != nil || m == nil {
		return err
	}
	var last time.Time
	if old := w.manifest.content; old != nil {
		if last, err = mpd.ParseDateTime(old.PublishTime); err != nil {
			return err
		}
		m.PublishTime = old.PublishTime
	}
	text, err := mpd.Append(nil, m)
	if err != nil || bytes.Equal(text, w.manifest.text) && w.dir.has(Manifest) {
		return err
	}
	if w.options.Window > 0 { // of a VOD all runs write the same
		now := w.options.Now().Truncate(time.Millisecond)
		if !now.After(last) {
			now = last.Add(time.Millisecond)
		}
		m.PublishTime = mpd.DateTime(now)
		if text, err = mpd.Append(nil, m); err != nil {
			return err
		}
	}
	if err := w.dir.publish(Manifest, text); err != nil {
		return err
	}
	w.manifest = manifest{text, m}
	return nil
}

// described is the part of the timeline that a manifest describes: slots in order, from one with a segment on.
type described struct {
	initializations []string // one for each output of fragmented MP4
	slots           []describedSlot
}

type describedSlot struct {
	msn, last int64 // last frame
	gap       bool
}

// described is the part of the timeline whose segments have the newest initialization sections of some series: a Representation has one.
func (t *timeline) described(series []int) (d described) {
	t.slots(func(msn, _ int64, e *entry) {
		s := describedSlot{msn, t.clock.FirstFrame(msn+1) - 1, true}
		if e != nil && !e.files[series[0]].gone {
			var names []string
			for _, i := range series {
				names = append(names, e.files[i].initialization)
			}
			if !slices.Equal(names, d.initializations) {
				d = described{initializations: names}
			}
			s.last, s.gap = e.last, false
		}
		if !s.gap || len(d.slots) > 0 {
			d.slots = append(d.slots, s)
		}
	})
	return d
}

// media is the template of the names that [Container.RenditionFile] gives. ffmpeg 5.1 and 6 read widths of one digit only.
func (d described) media(rendition string) string {
	const nine = 1_000_000_000
	name, number := strings.TrimSuffix(FMP4.RenditionFile(rendition, 0), fmt.Sprintf("%010d", 0)+FMP4.suffix()), "$Number%010d$"
	switch {
	case d.slots[len(d.slots)-1].msn < nine:
		number = "0$Number%09d$"
	case d.slots[0].msn >= nine:
		number = "$Number$"
	}
	return name + number + FMP4.suffix()
}

// template describes the segments of a rendition. Times are ticks of a timescale, span is from where to where a slot has them.
func (d described) template(rendition, initialization string, timescale, offset int64, span func(describedSlot) (from, to int64)) *dash.SegmentTemplateType {
	t := &dash.SegmentTemplateType{Media: d.media(rendition), Initialization: initialization}
	t.Timescale, t.StartNumber = new(uint32(timescale)), new(uint32(d.slots[0].msn))
	t.PresentationTimeOffset = new(uint64(offset))
	list, missing := &dash.SegmentTimelineType{}, &dash.FailoverContentType{Valid: new(false)}
	for i, s := range d.slots {
		from, to := span(s)
		length := uint64(to - from)
		switch n := len(list.S); {
		case i == 0:
			list.S = append(list.S, &dash.S{T: new(uint64(from)), D: length})
		case list.S[n-1].D == length:
			list.S[n-1].R++
		default:
			list.S = append(list.S, &dash.S{D: length})
		}
		if s.gap {
			missing.FCS = append(missing.FCS, &dash.FCS{T: uint64(from), D: length})
		}
	}
	if t.SegmentTimeline = list; len(missing.FCS) > 0 {
		t.FailoverContent = missing
	}
	return t
}

// describe is the manifest (ISO/IEC 23009-1, 5) of the timeline, without publishTime; nil where there is nothing to play, or where what
// is there was made by an earlier run that has left no manifest.
//
// Media time is PTS. In a live manifest, whose presentationTimeOffset is 0, MPD time is the same: nominal UTC is availabilityStartTime,
// a second before the epoch, and media time. What a VOD has begins at MPD time 0. The number of a segment is its media sequence
// number, counted along a SegmentTimeline: a template's duration can state neither that frame 0 is at one second, nor frames that are no
// whole ticks, nor sound. So a gap is in the timeline too, and in FailoverContent; its file is not there.
func (w *Writer) describe() (*dash.MPD, error) {
	var series []int
	for i := range w.outputs {
		if w.outputs[i].container == FMP4 {
			series = append(series, i)
		}
	}
	d := w.timeline.described(series)
	if len(d.slots) == 0 {
		return nil, nil
	}
	c, o := w.clock, w.options.DASH
	first, last := d.slots[0], d.slots[len(d.slots)-1]
	if first.msn > math.MaxUint32 {
		return nil, fmt.Errorf("segment %d has no number in DASH, which has 32 bits for it: use longer segments, or a later epoch", first.msn)
	}
	start, end := c.PTS(c.FirstFrame(first.msn)), c.PTS(last.last+1)
	length := mpd.Duration(time.Duration(c.Rate.Nanos(c.FramesPerSegment)))
	m := &dash.MPD{
		XMLNs: dash.DASH_NAMESPACE, Profiles: dash.PROFILE_LIVE, MinBufferTime: length, MaxSegmentDuration: length,
		Periods: []*dash.Period{{Id: "0", Start: new(dash.Duration(0))}},
	}
	if o.BaseURL != "" {
		m.BaseURL = []*dash.BaseURLType{dash.NewBaseURL(o.BaseURL)}
	}
	seconds := func(ticks int64) *dash.Duration {
		return mpd.Duration(time.Duration(media.MulDivFloor(ticks, int64(time.Second), media.TicksPerSecond)))
	}
	offset := int64(0)
	if w.options.Window == 0 {
		offset = start
		m.Type, m.MediaPresentationDuration = new(dash.STATIC_TYPE), seconds(end-offset)
	} else {
		m.Type, m.AvailabilityStartTime = new(dash.DYNAMIC_TYPE), mpd.DateTime(c.Epoch.Add(-markers.PTSOrigin*time.Second/media.TicksPerSecond))
		m.TimeShiftBufferDepth = mpd.Duration(time.Duration(c.Rate.Nanos(w.options.Window * c.FramesPerSegment)))
		m.SuggestedPresentationDelay = mpd.Duration(time.Duration(c.Rate.Nanos(presentationDelay * c.FramesPerSegment)))
		if w.closed {
			m.MediaPresentationDuration = seconds(end)
		} else {
			m.MinimumUpdatePeriod = length
		}
	}
	reference := &dash.ProducerReferenceTimeType{
		Inband: true, Type: "captured", WallClockTime: string(mpd.DateTime(c.Epoch)), PresentationTime: markers.PTSOrigin,
	}
	if o.TimeURL != "" {
		m.UTCTimings = []*dash.DescriptorType{dash.NewDescriptor(mpd.HTTPISO, o.TimeURL, "")}
		reference.UTCTiming = m.UTCTimings[0]
	}
	period := m.Periods[0]
	if events := w.manifestEvents(start, offset); len(events) > 0 {
		period.EventStreams = []*dash.EventStreamType{{SchemeIdUri: mp4.SchemeID3, Timescale: new(uint32(media.TicksPerSecond)), Events: events}}
	}
	video := &dash.AdaptationSetType{Id: new(uint32(1)), ContentType: "video", SegmentAlignment: true}
	video.MimeType, video.StartWithSAP, video.FrameRate = dash.MIME_TYPE_VIDEO_MP4, 1, dash.FrameRateType(fraction(c.Rate))
	video.InbandEventStreams = []*dash.EventStreamType{{SchemeIdUri: mp4.SchemeID3}}
	video.ProducerReferenceTimes = []*dash.ProducerReferenceTimeType{reference}
	period.AdaptationSets = []*dash.AdaptationSetType{video}
	for k, i := range series {
		out := &w.outputs[i]
		track := w.trackOf(out)
		if track == nil {
			track = w.manifest.track(d.initializations[k])
		}
		if track == nil {
			return nil, nil
		}
		bandwidth, _ := w.bandwidth(out)
		r := &dash.RepresentationType{Id: cmp.Or(out.rendition, "video"), Bandwidth: uint32(min(bandwidth, math.MaxUint32))}
		r.Codecs = track.CodecString
		if out.rendition != markers.SoundRendition {
			r.Width, r.Height = uint32(track.Width), uint32(track.Height)
			r.SegmentTemplate = d.template(out.rendition, d.initializations[k], media.TicksPerSecond, offset, func(s describedSlot) (from, to int64) {
				return c.PTS(c.FirstFrame(s.msn)), c.PTS(s.last + 1)
			})
			video.Representations = append(video.Representations, r)
			continue
		}
		sound := &dash.AdaptationSetType{Id: new(uint32(2)), ContentType: "audio", SegmentAlignment: true}
		sound.MimeType, sound.StartWithSAP = dash.MIME_TYPE_AUDIO_MP4, 1
		r.AudioSamplingRate = new(dash.UIntVectorType(strconv.Itoa(media.SampleRate)))
		r.AudioChannelConfigurations = []*dash.DescriptorType{dash.NewDescriptor(dash.AUDIO_CHANNEL_CONFIGURATION_MPEG_DASH, soundChannels, "")}
		r.SegmentTemplate = d.template(out.rendition, d.initializations[k], media.SampleRate,
			media.MulDivFloor(offset, media.SampleRate, media.TicksPerSecond), w.soundSpan)
		sound.Representations = []*dash.RepresentationType{r}
		period.AdaptationSets = append(period.AdaptationSets, sound)
	}
	return m, nil
}

// trackOf is the track whose units an output of fragmented MP4 got last, nil before the first.
func (w *Writer) trackOf(o *output) *media.Track {
	if o.rendition == markers.SoundRendition {
		return w.sound
	}
	return w.variants[o.track].track
}

// soundSpan is from where to where a slot has sound, in samples of media time. What the end of the stream cut short ends with its last
// frame, to a unit.
func (w *Writer) soundSpan(s describedSlot) (from, to int64) {
	const origin = markers.PTSOrigin * media.SampleRate / media.TicksPerSecond
	if to = w.clock.Rate.Sample(s.last + 1); s.last+1 == w.clock.FirstFrame(s.msn+1) {
		to = firstUnit(w.clock, s.msn+1)
	}
	return origin + firstUnit(w.clock, s.msn), origin + to
}

// manifestEvents are the events with frames from a PTS on, in the order of their first frames: what the emsg boxes of the segments have.
func (w *Writer) manifestEvents(start, offset int64) (list []*dash.EventType) {
	for _, r := range w.events.shown {
		from, to := w.clock.PTS(r.first), w.clock.PTS(r.last+1)
		if to <= start {
			continue
		}
		if from < offset { // a VOD begins within it
			from = offset
		}
		for _, tag := range annotate.ID3(r.marker) {
			list = append(list, &dash.EventType{
				PresentationTime: uint64(from - offset), Duration: uint64(to - from), Id: new(uint64(eventID(r.marker))),
				ContentEncoding: "base64", Value: base64.StdEncoding.EncodeToString(tag.Tag),
			})
		}
	}
	return list
}

// eventID is the id of an event message.
func eventID(m markers.Marker) uint32 { return uint32(m.Frame) }

// fraction is a frame rate as an attribute.
func fraction(r media.FrameRate) string {
	if r.Den == 1 {
		return fmt.Sprint(r.Num)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}
