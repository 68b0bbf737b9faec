package verify

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// What is wrong with the packets of a transport stream is found by the names of TR 101 290, and nothing where nothing is.
func TestTransportFaults(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	whole, err := os.ReadFile(c.paths["ts"])
	if err != nil {
		t.Fatal(err)
	}
	const size, middle = 188, 300
	pid := func(p []byte) int { return int(p[1]&0x1F)<<8 | int(p[2]) }
	hasPCR := func(p []byte) bool { return p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x10 != 0 }
	movePCR := func(p []byte, by int64) {
		base := int64(binary.BigEndian.Uint32(p[6:]))<<1 | int64(p[10]>>7)
		base = (base + by) & media.PTSMask
		binary.BigEndian.PutUint32(p[6:], uint32(base>>1))
		p[10] = p[10]&0x7F | byte(base)<<7
	}
	for name, f := range map[string]struct {
		// each is what stands in place of a packet; nil for nothing.
		each func(i int, p []byte) []byte
		want []report.Kind // of the packets
	}{
		"untouched": {each: func(_ int, p []byte) []byte { return p }},
		"one lost": {each: func(i int, p []byte) []byte {
			if i == middle {
				return nil
			}
			return p
		}, want: []report.Kind{report.ContinuityError}},
		"marked as damaged": {each: func(i int, p []byte) []byte {
			if i == middle {
				p[1] |= 0x80
			}
			return p
		}, want: []report.Kind{report.TransportError, report.ContinuityError}},
		"twice": {each: func(i int, p []byte) []byte {
			if i == middle {
				return append(p, p...)
			}
			return p
		}},
		"no PAT after the first": {each: func(i int, p []byte) []byte {
			if pid(p) == 0 && i > 0 {
				return nil
			}
			return p
		}, want: []report.Kind{report.PATError}},
		"no PMT after the first": {each: func(i int, p []byte) []byte {
			if pid(p) == 0x1000 && i > 10 {
				return nil
			}
			return p
		}, want: []report.Kind{report.PMTError}},
		"damaged PMT": {each: func(i int, p []byte) []byte {
			if pid(p) == 0x1000 && i > 100 && i < 300 {
				p[20] ^= 1
			}
			return p
		}, want: []report.Kind{report.CRCError, report.PMTError}},
		"no PCR": {each: func(i int, p []byte) []byte {
			if hasPCR(p) && i > 100 && i < 400 {
				p[5] &^= 0x10
			}
			return p
		}, want: []report.Kind{report.PCRRepetitionError}},
		"PCR steps": {each: func(i int, p []byte) []byte {
			if hasPCR(p) && i > middle {
				movePCR(p, 3*media.TicksPerSecond)
			}
			return p
		}, want: []report.Kind{report.PCRStepError}},
		"garbage": {each: func(i int, p []byte) []byte {
			if i == middle {
				return append(p, 1, 2, 3)
			}
			return p
		}, want: []report.Kind{report.SyncByteError, report.SyncLoss}},
		"one sync byte wrong": {each: func(i int, p []byte) []byte {
			if i == middle {
				p[0] = 0x46
			}
			return p
		}, want: []report.Kind{report.SyncByteError, report.ContinuityError}},
		"a stranger": {each: func(i int, p []byte) []byte {
			if i%20 == 0 {
				stranger := bytes.Repeat([]byte{0xFF}, size)
				copy(stranger, []byte{0x47, 0x0A, 0xBC, 0x10 | byte(i/20&0x0F)})
				return append(p, stranger...)
			}
			return p
		}, want: []report.Kind{report.UnreferencedPID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			for i := 0; i*size < len(whole); i++ {
				out.Write(f.each(i, bytes.Clone(whole[i*size:(i+1)*size])))
			}
			path := filepath.Join(t.TempDir(), "a.ts")
			if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			r := c.judge(t, "ts", path)
			if len(f.want) == 0 && r.Verdict != report.True {
				t.Fatalf("%s: %v", r.Verdict, textsOf(r))
			}
			var got []report.Kind
			for _, found := range r.Findings {
				if !slices.Contains(report.TransportKinds(), found.Kind) {
					continue
				}
				got = append(got, found.Kind)
				if strings.ToLower(found.Field) != string(found.Kind) || !strings.Contains(found.Text, "TR 101 290") {
					t.Errorf("%+v", found)
				}
			}
			slices.Sort(got)
			slices.Sort(f.want)
			if !slices.Equal(got, f.want) {
				t.Errorf("found %v, want %v: %v", got, f.want, textsOf(r))
			}
		})
	}
}
