// Package soundtest is what the tests share of those that carry the sound: units that ffmpeg encoded, and the check of what it
// decodes.
package soundtest

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
)

// Units is so many units of the sound from a sample on, a multiple of 1024. Sample 0 has the PTS 48000.
func Units(t testing.TB, first int64, count int, beeps ...generator.Beep) (units []media.Unit) {
	t.Helper()
	pcm := make([]int16, generator.SoundChannels*aac.UnitSamples*count)
	generator.RenderSamples(pcm, first, beeps)
	raw, err := binary.Append(nil, binary.LittleEndian, pcm)
	if err != nil {
		t.Fatal(err)
	}
	adts := Run(t, raw, "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "-", "-c:a", "aac", "-b:a", "64k", "-f", "adts", "-")
	var track *media.Track
	for i := range 1 + count {
		h, err := aac.ParseHeader(adts)
		if err == nil && track == nil {
			track, err = h.Track()
		}
		if err != nil {
			t.Fatal(err)
		}
		frame := first + int64(i-1)*aac.UnitSamples
		if i > 0 { // the first is the encoder's delay
			units = append(units, media.Unit{Track: track, Frame: frame, PTS: 48000 + frame, DTS: 48000 + frame, Key: true, Sound: adts[h.Start:h.Size:h.Size]})
		}
		adts = adts[h.Size:]
	}
	return units
}

// Check has ffmpeg decode the sound of a stream or file, and checks that it begins with sample first: every beep that is wholly in it
// begins at its sample, and the sample codes are right, one for each second.
func Check(t testing.TB, stream []byte, format string, first int64, beeps ...generator.Beep) {
	t.Helper()
	pcm := Run(t, stream, "ffmpeg", "-v", "error", "-xerror", "-f", format, "-i", "-", "-map", "0:a", "-f", "s16le", "-")
	var channels [generator.SoundChannels][]int16
	for i := 0; i+1 < len(pcm); i += 2 {
		c := i / 2 % len(channels)
		channels[c] = append(channels[c], int16(binary.LittleEndian.Uint16(pcm[i:])))
	}
	end := first + int64(len(channels[0]))
	found := map[int64]bool{}
	for _, at := range generator.FindBeeps(channels[1]) {
		found[first+int64(at)] = true
	}
	for _, b := range beeps {
		if b.First >= first && b.End <= end && !found[b.First] {
			t.Errorf("no beep begins at sample %d, but at %v", b.First, found)
		}
		delete(found, b.First)
	}
	if len(found) > 0 {
		t.Errorf("beeps begin at samples %v", found)
	}
	codes := generator.ReadSampleCodes(channels[0])
	for _, c := range codes {
		if c.Sample != first+int64(c.At) {
			t.Errorf("sample %d has the code of %d", first+int64(c.At), c.Sample)
		}
	}
	if seconds := len(channels[0]) / media.SampleRate; len(codes) < seconds-1 || len(codes) > seconds+1 {
		t.Errorf("%d sample codes in %d samples", len(codes), len(channels[0]))
	}
}

// Run runs a program that must succeed and returns what it printed.
func Run(t testing.TB, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return out
}
