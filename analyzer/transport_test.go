package analyzer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/tr101290"
	"github.com/refstream/refstream/format/ts"
)

// What is wrong with packets is a record with the name and number of TR 101 290.
func TestTransportRecords(t *testing.T) {
	name := encode(t, "a.ts", "2")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const at = 40 * ts.PacketSize
	whole[at+1] |= 0x80
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err = Run(t.Context(), name, Options{Now: time.Now}, func(r Record) error {
		if r.Source != Transport {
			return nil
		}
		var v struct {
			Indicator, Number, Detail string
			PID                       *int
		}
		if err := json.Unmarshal(r.Extra, &v); err != nil || v.PID == nil || v.Detail == "" || r.Offset < 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if v.Indicator == tr101290.TransportError && r.Offset != at {
			t.Errorf("at byte %d", r.Offset)
		}
		found[v.Indicator] = v.Number
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// That packet is not counted: the next one shows it.
	if found[tr101290.TransportError] != "2.1" || found[tr101290.ContinuityError] != "1.4" {
		t.Errorf("%v", found)
	}
}

// indicators counts what Run says of the packets of a stream.
func indicators(t *testing.T, path string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, r := range analyze(t, path).of(Transport) {
		var v struct{ Indicator string }
		if err := json.Unmarshal(r.Extra, &v); err != nil {
			t.Fatal(err)
		}
		found[v.Indicator]++
	}
	return found
}

// rewritten writes a transport stream anew, packet by packet.
func rewritten(t *testing.T, path string, each func(pid int, p []byte) []byte) string {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for p := range slices.Chunk(whole, ts.PacketSize) {
		out = append(out, each(int(p[1]&0x1F)<<8|int(p[2]), bytes.Clone(p))...)
	}
	path = filepath.Join(t.TempDir(), "a.ts")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// long is the program map in two packets, with a descriptor that nobody knows; of some the CRC is wrong.
func long(t *testing.T, damaged bool) func(int, []byte) []byte {
	counter, tables := byte(0), 0
	return func(pid int, p []byte) []byte {
		const mapPID = 0x1000
		if pid != mapPID {
			return p
		}
		section := p[5 : 5+3+int(binary.BigEndian.Uint16(p[6:])&0x0FFF)]
		info := 2 + 200
		body := slices.Concat(section[:10], []byte{0xF0, byte(info)}, []byte{0x80, 200}, make([]byte, 200), section[12:len(section)-4])
		n := len(body) - 3 + 4
		body[1], body[2] = 0xB0|byte(n>>8), byte(n)
		body = binary.BigEndian.AppendUint32(body, crcMPEG(body))
		if tables++; damaged && tables > 3 {
			body[100] ^= 1
		}
		head := func(start byte) []byte {
			counter++
			return []byte{ts.SyncByte, start | mapPID>>8, 0, 0x10 | counter&0x0F}
		}
		if len(body) < ts.PacketSize {
			t.Fatal("the table fits into a packet")
		}
		first := slices.Concat(head(0x40), []byte{0}, body[:ts.PacketSize-5])
		second := append(head(0), body[ts.PacketSize-5:]...)
		for len(second) < ts.PacketSize {
			second = append(second, 0xFF)
		}
		return append(first, second...)
	}
}

// crcMPEG is the CRC_32 of ISO/IEC 13818-1, annex A.
func crcMPEG(b []byte) uint32 {
	crc := uint32(0xFFFFFFFF)
	for _, v := range b {
		crc ^= uint32(v) << 24
		for range 8 {
			crc = crc<<1 ^ crc>>31*0x04C11DB7
		}
	}
	return crc
}

// times has each packet of a PID so many times.
func times(pid, n int) func(int, []byte) []byte {
	return func(of int, p []byte) []byte {
		if of == pid {
			p = bytes.Repeat(p, n)
		}
		return p
	}
}

// Streams as ffmpeg makes them have nothing wrong; what is taken from them is found.
func TestTransportIndicators(t *testing.T) {
	sound := func(name string, args ...string) string {
		path := filepath.Join(t.TempDir(), name)
		ffmpeg(t, slices.Concat([]string{"-f", "lavfi", "-i", "testsrc=rate=25:size=160x90:duration=8", "-f", "lavfi", "-i", "sine=duration=8", "-c:v", "libx264",
			"-preset", "ultrafast", "-bf", "2", "-g", "25", "-c:a", "aac"}, args, []string{path})...)
		return path
	}
	plain := sound("a.ts")
	const videoPID, audioPID = 0x100, 0x101
	audio, video, counter := 0, 0, 0
	for name, c := range map[string]struct {
		path string
		want string // the only indicator, empty for none
	}{
		"ffmpeg":          {plain, ""},
		"constant rate":   {sound("a.ts", "-muxrate", "2M", "-pcr_period", "20"), ""},
		"HLS":             {sound("a.m3u8", "-hls_time", "2", "-hls_list_size", "0"), ""},
		"a long table":    {rewritten(t, plain, long(t, false)), ""},
		"a damaged table": {rewritten(t, plain, long(t, true)), tr101290.CRCError + " " + tr101290.PMTError},
		"audio that stops": {rewritten(t, plain, func(pid int, p []byte) []byte {
			if pid == audioPID {
				if audio++; audio > 20 {
					return nil
				}
			}
			return p
		}), tr101290.PIDError},
		"video without PTS": {rewritten(t, plain, func(pid int, p []byte) []byte {
			if pid == videoPID && p[1]&0x40 != 0 {
				if video++; video > 50 && video < 100 {
					at := 4
					if p[3]&0x20 != 0 {
						at += 1 + int(p[4])
					}
					p[at+7] &= 0x3F
					for i := range p[at+8] {
						p[at+9+int(i)] = 0xFF
					}
				}
			}
			return p
		}), tr101290.PTSError},
		"packets twice":       {rewritten(t, plain, times(audioPID, 2)), ""},
		"packets three times": {rewritten(t, plain, times(audioPID, 3)), tr101290.ContinuityError},
		"a stranger": {rewritten(t, plain, func(_ int, p []byte) []byte {
			if counter++; counter%20 == 0 {
				stranger := bytes.Repeat([]byte{0xFF}, ts.PacketSize)
				copy(stranger, []byte{ts.SyncByte, 0x0A, 0xBC, 0x10 | byte(counter/20)&0x0F})
				return append(p, stranger...)
			}
			return p
		}), tr101290.UnreferencedPID},
	} {
		t.Run(name, func(t *testing.T) {
			found := indicators(t, c.path)
			if got := strings.Join(slices.Sorted(maps.Keys(found)), " "); got != c.want {
				t.Errorf("%v, want %q", found, c.want)
			}
		})
	}
}

// In segments PAT, PMT and PCR are due again where the stream repeats them, and only there: a segment needs its tables at its
// beginning only, and many, as refstream's, have them nowhere else.
func TestTransportOfSegments(t *testing.T) {
	dir := t.TempDir()
	playlist := filepath.Join(dir, "a.m3u8")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=rate=25:size=160x90:duration=8", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-f", "segment",
		"-segment_time", "2", "-segment_format", "mpegts", "-segment_list", playlist, filepath.Join(dir, "a%d.ts"))
	if found := indicators(t, playlist); len(found) > 0 {
		t.Errorf("as it is: %v", found)
	}
	strip := func(segment string, each func(seen, pid int, p []byte) []byte) {
		t.Helper()
		name, seen := filepath.Join(dir, segment), map[int]int{}
		stripped := rewritten(t, name, func(pid int, p []byte) []byte {
			seen[pid]++
			return each(seen[pid], pid, p)
		})
		if err := os.Rename(stripped, name); err != nil {
			t.Fatal(err)
		}
	}
	onePAT := func(seen, pid int, p []byte) []byte {
		if pid == 0 && seen > 1 {
			return nil
		}
		return p
	}
	strip("a2.ts", onePAT)
	strip("a1.ts", func(seen, _ int, p []byte) []byte {
		if seen > 10 && p[3]&0x20 != 0 && p[4] > 0 {
			p[5] &^= 0x10
		}
		return p
	})
	if found := indicators(t, playlist); found[tr101290.PATError] != 1 || found[tr101290.PCRRepetitionError] != 1 || len(found) != 2 {
		t.Errorf("two segments without: %v", found)
	}
	for _, name := range []string{"a0.ts", "a1.ts", "a3.ts"} {
		strip(name, onePAT)
	}
	if found := indicators(t, playlist); found[tr101290.PATError] != 0 {
		t.Errorf("all segments without: %v", found)
	}
}
