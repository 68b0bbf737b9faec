package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// forger rewrites a stream, in what its parsers take out of the bytes. Each function may be nil.
type forger struct {
	unit     func(*media.Unit)
	marker   func(markers.Marker) []markers.Marker // timed ID3
	script   func(name string, args []any) [][]any // of FLV: what stands in its place
	produced func(time.Time) []time.Time           // of fragmented MP4
	playlist func(string) string
	bytes    func([]byte) []byte // the finished transport stream
	last     int                 // where it is not 0, so many units of a transport stream are kept
}

// transport rewrites a transport stream.
func (f *forger) transport(t *testing.T, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, r := ts.NewWriter(&out), ts.NewReader(bytes.NewReader(in))
	var errs []error
	r.HandleID3(func(tag id3.Timed) {
		frames, err := id3.Parse(tag.Tag)
		m, _, err2 := annotate.MarkerOfID3(frames)
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		errs = append(errs, err, err2)
		w.WriteID3(annotate.ID3(list...)...)
	})
	for n := 0; f.last == 0 || n < f.last; n++ {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if f.unit != nil {
			f.unit(&au)
		}
		errs = append(errs, err, w.WriteUnit(au))
		if errors.Join(errs...) != nil {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if f.bytes != nil {
		return f.bytes(out.Bytes())
	}
	return out.Bytes()
}

// fragmented rewrites a segment of fragmented MP4.
func (f *forger) fragmented(t *testing.T, init, in []byte) []byte {
	t.Helper()
	var s mp4.Segment
	s.Reset(0)
	r := mp4.NewSegmentReader(init, bytes.NewReader(in))
	var errs []error
	r.HandleEvents(func(e mp4.Event) {
		frames, err := id3.Parse(e.Data)
		m, _, err2 := annotate.MarkerOfID3(frames)
		errs = append(errs, err, err2)
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		for _, tag := range annotate.ID3(list...) {
			e.Data, e.PTS = tag.Tag, tag.PTS
			s.AddEvent(e)
		}
	})
	r.HandleProducerTimes(func(p mp4.ProducerTime) {
		list := []time.Time{p.UTC}
		if f.produced != nil {
			list = f.produced(p.UTC)
		}
		for _, utc := range list {
			s.SetProduced(utc)
		}
	})
	end := int64(0)
	for {
		u, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		end = max(end, u.PTS+u.Duration)
		if f.unit != nil {
			f.unit(&u.Unit)
		}
		if errs = append(errs, err, s.AddUnit(u.Unit)); errors.Join(errs...) != nil {
			break
		}
	}
	b, err := s.Append(nil, end)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	if f.bytes != nil {
		return f.bytes(b)
	}
	return b
}

// tags rewrites an FLV file.
func (f *forger) tags(t *testing.T, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, r := flv.NewWriter(&out), flv.NewReader(bytes.NewReader(in))
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		list := []flv.Tag{tag}
		switch {
		case err != nil:
		case tag.Type == flv.Script && f.script != nil:
			var name string
			var args []any
			if name, args, err = flv.ParseScript(tag.Body); err != nil {
				break
			}
			list = nil
			for _, values := range f.script(name, args) {
				body, e := amf0.Append(nil, values...)
				err = errors.Join(err, e)
				list = append(list, flv.Tag{Type: flv.Script, Time: tag.Time, Body: body})
			}
		case tag.Type == flv.Video && f.unit != nil:
			list[0], err = f.videoTag(tag)
		}
		if err := errors.Join(err, w.Write(list...)); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *forger) videoTag(tag flv.Tag) (flv.Tag, error) {
	v, err := flv.ParseVideo(tag.Body)
	if err != nil || v.Packet != flv.AVCNALUnits {
		return tag, err
	}
	au := media.Unit{DTS: int64(tag.Time) * 90}
	au.PTS = au.DTS + int64(v.Composition)*90
	for b := v.Data; len(b) > 4; {
		n := 4 + int(binary.BigEndian.Uint32(b))
		au.NALs = append(au.NALs, b[4:n])
		b = b[n:]
	}
	f.unit(&au)
	v.Data, v.Composition = nil, int32((au.PTS-au.DTS)/90)
	for _, nal := range au.NALs {
		v.Data = append(binary.BigEndian.AppendUint32(v.Data, uint32(len(nal))), nal...)
	}
	tag.Time, tag.Body = uint32(au.DTS/90), v.Append(nil)
	return tag, nil
}

// forge writes the forged stream of a carrier and returns its path.
func (f *forger) forge(t *testing.T, c *clip, carrier string) string {
	t.Helper()
	dir := t.TempDir()
	from := c.paths[carrier]
	names := []string{from}
	var init []byte
	if pattern := map[string]string{"hls": "seg*.ts", "cmaf": "seg*.m4s"}[carrier]; pattern != "" {
		segments, err := filepath.Glob(filepath.Join(filepath.Dir(from), pattern))
		if err != nil || len(segments) == 0 {
			t.Fatalf("%d segments, %v", len(segments), err)
		}
		names = append(names, segments...)
	}
	if carrier == "cmaf" {
		sections, err := filepath.Glob(filepath.Join(filepath.Dir(from), "init-*.mp4"))
		if err != nil || len(sections) != 1 {
			t.Fatalf("initialization sections %q, %v", sections, err)
		}
		names = append(names, sections[0])
		if init, err = os.ReadFile(sections[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(name) {
		case ".flv":
			b = f.tags(t, b)
		case ".ts":
			b = f.transport(t, b)
		case ".m4s":
			b = f.fragmented(t, init, b)
		case ".mp4":
		default:
			if f.playlist != nil {
				b = []byte(f.playlist(string(b)))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(from))
}
