package mp4

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"
)

// sample is the place and time of a sample.
type sample struct {
	offset      int64
	size        int64
	dts, pts    int64 // in units of the timescale, without the edit list
	duration    int64
	description uint32 // from 1
}

// sampleTable is the index of a track that is not in fragments (ISO/IEC 14496-12, 8.6 and 8.7), and how far it was read.
type sampleTable struct {
	times   *mp4.SttsBox
	offsets *mp4.CttsBox // nil: pictures are presented in decoding order
	chunks  *mp4.StscBox
	sizes   *mp4.StszBox
	places  *mp4.StcoBox
	places8 *mp4.Co64Box

	number    uint32 // samples read
	dts       int64
	time      int    // entry of times
	timed     uint32 // samples of that entry
	offset    int    // entry of offsets
	chunk     uint32 // from 0
	entry     int    // of chunks
	inChunk   uint32 // samples of the chunk that were read
	fromChunk int64  // bytes of it
}

// take takes a box of the table, and leaves out any other.
func (t *sampleTable) take(b box) (err error) {
	switch b.kind {
	case "stts":
		t.times, err = decode[*mp4.SttsBox](b)
	case "ctts":
		t.offsets, err = decode[*mp4.CttsBox](b)
	case "stsc":
		t.chunks, err = decode[*mp4.StscBox](b)
	case "stsz":
		t.sizes, err = decode[*mp4.StszBox](b)
	case "stz2":
		err = errors.New("sample sizes in compact form (stz2) are not read")
	case "stco":
		t.places, err = decode[*mp4.StcoBox](b)
	case "co64":
		t.places8, err = decode[*mp4.Co64Box](b)
	}
	return err
}

// empty reports whether there are no samples left: so is the table of a file in fragments.
func (t *sampleTable) empty() bool { return t.sizes == nil || t.number >= t.sizes.SampleNumber }

// next is the next sample in decoding order. It must not be called when the table is empty.
func (t *sampleTable) next() (sample, error) {
	s, err := t.read()
	if err != nil {
		err = fmt.Errorf("sample %d: %w", t.number, err)
	}
	return s, err
}

func (t *sampleTable) read() (s sample, err error) {
	if t.times == nil || t.chunks == nil || t.places == nil && t.places8 == nil {
		return s, errors.New("the index has no times, chunks or offsets")
	}
	place, err := t.place()
	if err != nil {
		return s, err
	}
	s.size = int64(t.sizes.SampleUniformSize)
	if s.size == 0 {
		s.size = int64(t.sizes.SampleSize[t.number])
	}
	s.offset = place + t.fromChunk
	s.description = t.description()
	t.fromChunk += s.size
	t.inChunk++

	for t.time < len(t.times.SampleCount) && t.timed >= t.times.SampleCount[t.time] {
		t.time, t.timed = t.time+1, 0
	}
	if t.time >= len(t.times.SampleCount) {
		return s, errors.New("the index has no time for it")
	}
	s.dts, s.pts, s.duration = t.dts, t.dts, int64(t.times.SampleTimeDelta[t.time])
	t.timed++
	if t.dts += s.duration; t.dts > maxTime {
		return s, errors.New("its time is out of range")
	}
	t.number++
	if c := t.offsets; c != nil {
		// EndSampleNr has one entry more: the end of entry i is at i+1.
		for t.offset < len(c.SampleOffset) && c.EndSampleNr[t.offset+1] < t.number {
			t.offset++
		}
		if t.offset < len(c.SampleOffset) {
			s.pts += int64(c.SampleOffset[t.offset])
		}
	}
	return s, nil
}

// description is that of the chunk's samples. mp4ff has one for each entry, but only where they differ.
func (t *sampleTable) description() uint32 {
	if t.entry < len(t.chunks.SampleDescriptionID) {
		return t.chunks.SampleDescriptionID[t.entry]
	}
	return t.chunks.GetSampleDescriptionID(1) // that of all
}

// place moves to the chunk that holds the next sample, and returns where it begins.
func (t *sampleTable) place() (int64, error) {
	entries := t.chunks.Entries
	for {
		for t.entry+1 < len(entries) && entries[t.entry+1].FirstChunk <= t.chunk+1 {
			if entries[t.entry+1].FirstChunk <= entries[t.entry].FirstChunk {
				return 0, errors.New("the chunks of the index are out of order")
			}
			t.entry++
		}
		if len(entries) == 0 || entries[t.entry].FirstChunk > t.chunk+1 {
			return 0, errors.New("the index has no chunk for it")
		}
		if t.inChunk < entries[t.entry].SamplesPerChunk {
			break
		}
		if t.inChunk == 0 {
			return 0, errors.New("the index has an empty chunk")
		}
		t.chunk, t.inChunk, t.fromChunk = t.chunk+1, 0, 0
	}
	switch {
	case t.places != nil && int64(t.chunk) < int64(len(t.places.ChunkOffset)):
		return int64(t.places.ChunkOffset[t.chunk]), nil
	case t.places8 != nil && int64(t.chunk) < int64(len(t.places8.ChunkOffset)):
		if at := t.places8.ChunkOffset[t.chunk]; at <= maxTime {
			return int64(at), nil
		}
	}
	return 0, fmt.Errorf("chunk %d has no offset", t.chunk)
}
