package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// forger rewrites a stream, in what its parsers take out of the bytes. Each function may be nil.
type forger struct {
	unit     func(*media.AccessUnit)
	marker   func(markers.Marker) []markers.Marker // timed ID3
	script   func(name string, args []any) [][]any // of FLV: what stands in its place
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
	r.HandleID3(func(tag ts.TimedID3) {
		m, _, err := tag.Marker()
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		errs = append(errs, err)
		for _, m := range list {
			errs = append(errs, w.WriteMarker(m))
		}
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
	au := media.AccessUnit{DTS: int64(tag.Time) * 90}
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
	if carrier == "hls" {
		segments, err := filepath.Glob(filepath.Join(filepath.Dir(from), "seg*.ts"))
		if err != nil || len(segments) == 0 {
			t.Fatalf("%d segments, %v", len(segments), err)
		}
		names = append(names, segments...)
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
