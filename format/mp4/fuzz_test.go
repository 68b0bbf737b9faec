package mp4

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// drain reads to the first error and checks what holds of any input.
func drain(t *testing.T, r *Reader) (units int, err error) {
	defer r.Close()
	for {
		u, err := r.Next()
		if err != nil {
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Fatalf("after %v comes %v", err, again)
			}
			return units, err
		}
		units++
		if len(u.NALs) == 0 || u.Timescale == 0 {
			t.Fatalf("unit %d: %d NAL units, timescale %d", units, len(u.NALs), u.Timescale)
		}
		for _, n := range u.NALs {
			if len(n) == 0 {
				t.Fatal("empty NAL unit")
			}
		}
	}
}

// seeds are small files of each kind.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var list [][]byte
	for _, args := range [][]string{
		{"-movflags", "faststart"}, {}, {"-movflags", "frag_keyframe+empty_moov+default_base_moof"},
		{"-movflags", "dash"},
	} {
		path := make3s(t, "a.mp4", append(args, "-vf", "scale=32:32", "-t", "0.3", "-b:a", "8k", "-x264-params", "crf=51")...)
		list = append(list, mustRead(t, path))
	}
	return list
}

func FuzzReader(f *testing.F) {
	for _, b := range append(seeds(f), emsg(0, 90000), emsg(1, 1)) {
		f.Add(b, uint16(0))
		f.Add(b, uint16(40))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		for _, r := range []*Reader{
			NewReader(bytes.NewReader(b)), NewReader(onlyReader{bytes.NewReader(b)}),
			NewSegmentReader(b[:min(int(cut), len(b))], bytes.NewReader(b[min(int(cut), len(b)):])),
		} {
			r.HandleEvents(func(Event) {})
			_, _ = drain(t, r)
		}
	})
}

// TestTruncated cuts files off at every byte of their boxes, and here and there in the media data: that is an error that
// says so, or the end of a fragment.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for i, b := range seeds(t) {
		whole, err := drain(t, NewReader(bytes.NewReader(b)))
		if !errors.Is(err, io.EOF) || whole == 0 {
			t.Fatalf("file %d: %d units, %v", i, whole, err)
		}
		for n := 0; n < len(b); n += 1 + n/300 {
			units, err := drain(t, NewReader(bytes.NewReader(b[:n])))
			if units > whole || units == whole && n < len(b)/2 {
				t.Errorf("file %d cut off at byte %d: %d units of %d", i, n, units, whole)
			}
			if errors.Is(err, io.EOF) && i < 2 && units < whole {
				t.Errorf("file %d cut off at byte %d: no error", i, n)
			}
			stream, _ := drain(t, NewReader(onlyReader{bytes.NewReader(b[:n])}))
			if stream > whole {
				t.Errorf("file %d cut off at byte %d: %d units of a stream", i, n, stream)
			}
		}
	}
}

// TestDamaged sets single bytes wrong: whatever comes of it, no more comes than there is.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, b := range seeds(t) {
		for i := 0; i < len(b); i += 1 + i/200 {
			c := bytes.Clone(b)
			c[i] ^= 0xFF
			_, _ = drain(t, NewReader(bytes.NewReader(c)))
			_, _ = drain(t, NewReader(onlyReader{bytes.NewReader(c)}))
		}
	}
}
