package m3u8

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	other "github.com/Eyevinn/hls-m3u8/m3u8"
)

// TestAgainstAnotherReader reads our own playlists and the examples of another reader, which has its own opinion of them.
func TestAgainstAnotherReader(t *testing.T) {
	t.Parallel()
	listed, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/Eyevinn/hls-m3u8").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(listed))
	theirs, _ := filepath.Glob(filepath.Join(dir, "m3u8", "sample-playlists", "*.m3u8"))
	ours, _ := filepath.Glob(filepath.Join("..", "..", "packager", "testdata", "*.m3u8"))
	if len(theirs) < 10 || len(ours) < 10 {
		t.Fatalf("%d playlists of theirs, %d of ours", len(theirs), len(ours))
	}
	for _, name := range append(theirs, ours...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := other.DecodeFrom(bytes.NewReader(b), false)
		if err != nil {
			continue // its own bad examples
		}
		got, err := Parse(bytes.NewReader(b))
		name = filepath.Base(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if slices.Contains(ours, filepath.Join("..", "..", "packager", "testdata", name)) && len(got.Warnings) > 0 {
			t.Errorf("%s: %v", name, warned(got))
		}
		switch want := want.(type) {
		case *other.MediaPlaylist:
			compareMedia(t, name, got.Media, want)
		case *other.MasterPlaylist:
			compareMultivariant(t, name, got.Multivariant, want)
		}
	}
}

func compareMedia(t *testing.T, name string, got *Media, want *other.MediaPlaylist) {
	t.Helper()
	if got == nil || len(got.Segments) != int(want.Count()) {
		t.Errorf("%s: %+v, want %d segments", name, got, want.Count())
		return
	}
	if got.MediaSequence != int64(want.SeqNo) || got.DiscontinuitySequence != int64(want.DiscontinuitySeq) || got.End != want.Closed {
		t.Errorf("%s: from %d, %d, end %v; want from %d, %d, end %v", name, got.MediaSequence, got.DiscontinuitySequence, got.End,
			want.SeqNo, want.DiscontinuitySeq, want.Closed)
	}
	for i, w := range want.Segments[:want.Count()] {
		g := got.Segments[i]
		// It does not replace variables, does not count skipped segments, and gives a date to the first part of a segment
		// where there are parts.
		if g.URI != w.URI && !strings.Contains(w.URI, "{$") || g.MSN != int64(w.SeqId)+got.Skipped || g.Discontinuity != w.Discontinuity ||
			g.Gap != w.Gap || !g.ProgramDateTime.Equal(w.ProgramDateTime) && len(want.PartialSegments) == 0 || math.Abs(float64(g.Duration)/1e9-w.Duration) > 1e-9 {
			t.Errorf("%s: segment %d is %+v, want %+v", name, i, g, w)
		}
		if w.Limit > 0 && (g.Range == nil || g.Range.Length != w.Limit || g.Range.Offset < w.Offset) {
			t.Errorf("%s: segment %d has range %+v, want %d@%d", name, i, g.Range, w.Limit, w.Offset)
		}
	}
}

func compareMultivariant(t *testing.T, name string, got *Multivariant, want *other.MasterPlaylist) {
	t.Helper()
	if got == nil || len(got.Variants)+len(got.IFrames) != len(want.Variants) {
		t.Errorf("%s: %+v, want %d variants", name, got, len(want.Variants))
		return
	}
	all := map[string]int64{}
	for _, v := range append(slices.Clone(got.Variants), got.IFrames...) {
		all[v.URI] = max(all[v.URI], v.Bandwidth) // one of two may be faulty
	}
	for _, w := range want.Variants {
		if b, ok := all[w.URI]; !ok || b != int64(w.Bandwidth) && w.Bandwidth > 0 {
			t.Errorf("%s: variant %s has %d bit/s, %v, want %d", name, w.URI, b, ok, w.Bandwidth)
		}
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob(filepath.Join("..", "..", "packager", "testdata", "*.m3u8"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a}\"\n#EXT-X-KEY:METHOD=AES-128,IV=0x1,URI=\"{$a}\"\n#EXTINF:1\n#EXT-X-BYTERANGE:1@2\n{$a}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(bytes.NewReader(b))
		if err != nil {
			return
		}
		if (p.Media == nil) == (p.Multivariant == nil) {
			t.Fatal("neither kind, or both")
		}
		if p.Media == nil {
			return
		}
		for i, s := range p.Media.Segments {
			if s.MSN != p.Media.Segments[0].MSN+int64(i) || s.MSN < 0 || s.DiscontinuitySequence < 0 || s.Duration < 0 {
				t.Fatalf("segment %d: %+v", i, s)
			}
			if r := s.Range; r != nil && (r.Length < 1 || r.Offset < 0 || r.Offset+r.Length < 0) {
				t.Fatalf("segment %d: %+v", i, *r)
			}
		}
		p.Media.DateTimes()
	})
}
