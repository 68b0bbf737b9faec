// Package annotate labels the pictures of an H.264 stream: it puts SEI on each access unit with the number and the
// time of its frame, and removes the encoder's own. A reader of the stream gets the frame's timecode
// (pic_timing, H.264, D.2.3), the time the generator produced it (MISB ST 0604), and the frame record, a JSON object
// under a UUID of this project; see [Record]. Beside the pictures it puts events as containers carry them: timed ID3 and the
// script tags of FLV. Nothing here does I/O.
package annotate

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// maxBase is the most frames that a timecode may count in a second, for n_frames has 8 bits (H.264, D.1.3).
const maxBase = 256

// Annotator labels the access units of one channel. It must see them in decoding order, for it learns the SPS from
// those that carry it, and it isn't safe for use by several goroutines at once.
type Annotator struct {
	channel string
	clock   markers.Clock

	sps        *h264.SPS // nil until an access unit carried one
	spsNAL     []byte
	fieldBased bool // the SPS counts ticks of half a frame
	picTiming  bool

	// Space for the message that is being made; nothing that Annotate returns is part of it.
	payloads []byte
	messages []h264.SEIMessage
}

// New makes an Annotator for a channel, named in the frame records, whose timecode follows the clock.
func New(channel string, clock markers.Clock) *Annotator {
	return &Annotator{channel: channel, clock: clock}
}

// PicTiming reports whether the last access unit was given a timecode in a pic_timing message. It could not be while
// no SPS has been seen, where the SPS's VUI has no pic_struct_present_flag (x264 sets it with pic-struct=1), and where
// the SPS has HRD parameters but the encoder wrote no pic_timing with the delays that they ask for.
func (a *Annotator) PicTiming() bool { return a.picTiming }

// Annotate returns the access unit with one SEI NAL unit more, just before the first slice: with a pic_timing message
// where the SPS has room for a timecode (PicTiming), the MISB time stamp of rec.GenNS, rounded down to a microsecond,
// and the frame record. All are in one NAL unit because readers take them from anywhere in it and a NAL unit each would
// cost 12 bytes a frame in headers.
//
// Messages of these kinds that were there already are removed, as is x264's banner; every other message stays where it
// is, a buffering period therefore first. A pic_timing that is replaced passes on its pic_struct and its HRD delays.
// Where an SPS with HRD parameters has no room for a timecode, its pic_timing, which is only the delays, stays.
//
// rec must be the record of this picture: Frame and PTS must agree. Of the rest only GenNS, Run and Event are used. The
// result shares unchanged NAL units with au, which isn't changed. The errors are a disagreement, a time before 1970, a
// drop-frame clock at a rate without it, and an access unit without a slice or with an unreadable or second SPS or
// unreadable SEI.
func (a *Annotator) Annotate(au media.Unit, rec markers.FrameRecord) (media.Unit, error) {
	out, err := a.annotate(au, rec)
	if err != nil {
		return media.Unit{}, fmt.Errorf("annotate frame %d: %w", au.Frame, err)
	}
	return out, nil
}

func (a *Annotator) annotate(au media.Unit, rec markers.FrameRecord) (media.Unit, error) {
	a.picTiming = false
	if err := a.check(&au, &rec); err != nil {
		return au, err
	}
	if err := a.learn(au.NALs); err != nil {
		return au, err
	}
	nals := make([][]byte, 0, len(au.NALs)+1)
	slot := -1
	var old *h264.PicTiming
	for _, nal := range au.NALs {
		switch t := h264.TypeOf(nal); {
		case t == h264.NALSEI:
			kept, timing, err := a.filter(nal)
			if err != nil {
				return au, err
			}
			if timing != nil {
				old = timing
			}
			if kept == nil {
				continue
			}
			nal = kept
		case slot < 0 && (t.VCL() || t == h264.NALPrefix):
			slot = len(nals)
			nals = append(nals, nil)
		}
		nals = append(nals, nal)
	}
	if slot < 0 {
		return au, errors.New("it has no slice")
	}
	sei, err := a.sei(old, &rec)
	if err != nil {
		return au, err
	}
	nals[slot] = sei
	au.NALs = nals
	return au, nil
}

func (a *Annotator) check(au *media.Unit, rec *markers.FrameRecord) error {
	r := a.clock.Rate
	switch {
	case au.Frame != rec.Frame || au.PTS != rec.PTS:
		return fmt.Errorf("record of frame %d with PTS %d for the picture with PTS %d", rec.Frame, rec.PTS, au.PTS)
	case rec.GenNS < 0:
		return fmt.Errorf("generated %d ns before 1970", -rec.GenNS)
	case r.Num < 1 || r.Den < 1 || r.Base() > maxBase:
		return fmt.Errorf("no timecode at %d/%d frames a second", r.Num, r.Den)
	case a.clock.DropFrame && !r.DropFrame():
		return fmt.Errorf("no drop-frame timecode at %v frames a second: use 30000/1001 or 60000/1001", r)
	}
	return nil
}

// learn takes over the SPS where there is one.
func (a *Annotator) learn(nals [][]byte) error {
	for _, nal := range nals {
		if h264.TypeOf(nal) != h264.NALSPS || a.sps != nil && bytes.Equal(nal, a.spsNAL) {
			continue
		}
		sps, err := h264.ParseSPS(nal)
		if err != nil {
			return err
		}
		if a.sps != nil && a.sps.ID != sps.ID {
			// The slices have the one that a picture uses. No encoder here makes two.
			return fmt.Errorf("a second SPS, %d besides %d: only one is supported", sps.ID, a.sps.ID)
		}
		a.sps, a.spsNAL = sps, bytes.Clone(nal)
		a.fieldBased = sps.VUI == nil || FieldBased(sps.VUI.NumUnitsInTick, sps.VUI.TimeScale, a.clock.Rate)
	}
	return nil
}

// FieldBased reports whether a tick of the SPS's clock is half a frame, as the standard has it: so also where the SPS
// has no times, with zeros here, or those of another rate.
func FieldBased(unitsInTick, timeScale uint32, r media.FrameRate) bool {
	return timeScale == 0 || int64(timeScale)*r.Den != int64(unitsInTick)*r.Num
}
