package analyzer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBrokenFiles reads files of every kind that are cut short, and files of random bytes under every name: what can be
// read is, and the rest is an error that says what is wrong and where.
func TestBrokenFiles(t *testing.T) {
	random := make([]byte, 3<<20)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(source.Uint32())
	}
	text := []byte(strings.Repeat("Lorem ipsum dolor sit amet. ", 100000))
	for name, args := range map[string][]string{
		"a.ts": {"-bf", "2"}, "a.flv": {"-bf", "2"}, "a.mp4": {"-bf", "2"},
		"b.mp4": {"-bf", "2", "-movflags", "frag_keyframe+empty_moov"}, "c.mp4": {"-bf", "2", "-movflags", "+faststart"},
	} {
		whole := readFile(t, encode(t, name, "1", args...))
		dir := t.TempDir()
		try := func(b []byte) (*result, error) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var r result
			return &r, Run(t.Context(), path, r.options(), r.handle)
		}
		last := 0
		for i := 1; i < 20; i++ {
			cut := len(whole) * i / 20
			r, err := try(whole[:cut])
			if err == nil && name != "a.ts" { // a transport stream has no end that can be missed
				t.Errorf("%s: %d bytes of %d are no error: %v", name, cut, len(whole), r.notes)
			}
			if err != nil && !strings.Contains(err.Error(), "byte ") && !strings.Contains(err.Error(), "packet") {
				t.Errorf("%s: %d bytes of %d: the error says no place: %v", name, cut, len(whole), err)
			}
			if len(r.units) < last && name != "a.mp4" {
				t.Errorf("%s: %d bytes give %d units, fewer gave %d", name, cut, len(r.units), last)
			}
			last = len(r.units)
		}
		if last < 10 && name != "a.mp4" {
			t.Errorf("%s: 19 twentieths give %d units", name, last)
		}
		for _, garbage := range [][]byte{random, text, random[:100], random[:1], make([]byte, 100000)} {
			if r, err := try(garbage); err == nil || len(r.units) > 0 {
				t.Errorf("%s: %d bytes of garbage: %d units and %v", name, len(garbage), len(r.units), err)
			}
		}
		// Some bytes in the middle are others: what comes before is read, and nothing else goes wrong.
		damaged := append([]byte(nil), whole...)
		copy(damaged[len(damaged)/2:], random[:2000])
		if r, err := try(damaged); err == nil && !strings.Contains(r.kinds(), "damaged") && name == "a.ts" {
			t.Errorf("%s: damage went unnoticed: %v", name, r.notes)
		}
	}
	path := filepath.Join(t.TempDir(), "a.m3u8")
	for text, want := range map[string]string{
		"hello": "", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nnone.ts\n#EXT-X-ENDLIST\n": "no segment could be read",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var r result
		o := r.options()
		o.RetryMin, o.RetryMax = time.Millisecond, time.Millisecond
		if err := Run(t.Context(), path, o, r.handle); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("playlist %q: %v", text, err)
		}
	}
}

// TestLostPackets reads a transport stream in which packets are missing: their pictures are left out, and told.
func TestLostPackets(t *testing.T) {
	path := encode(t, "a.ts", "2", "-bf", "0", "-x264-params", "pic-struct=1", "-b:v", "2M")
	whole, stream := analyze(t, path), readFile(t, path)
	at := whole.units[30].Offset + 2*188
	made := filepath.Join(t.TempDir(), "a.ts")
	if err := os.WriteFile(made, append(stream[:at:at], stream[at+188:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	r := analyze(t, made)
	if k := r.kinds(); k != "connected damaged ended" || !strings.Contains(r.notes[1].Err.Error(), "packets are missing") {
		t.Errorf("notes %v", r.notes)
	}
	if len(r.units) != len(whole.units)-1 {
		t.Fatalf("%d units of %d", len(r.units), len(whole.units))
	}
	for i, u := range r.units {
		want := whole.units[i]
		if i >= 30 {
			want = whole.units[i+1]
			want.Offset -= 188
		}
		if u.PTS != want.PTS || u.Offset != want.Offset {
			t.Fatalf("unit %d is at PTS %d, byte %d; want %d, %d", i, u.PTS, u.Offset, want.PTS, want.Offset)
		}
	}
}
