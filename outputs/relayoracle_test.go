package outputs

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

// packet is one of a stream, as ffprobe shows it.
type packet struct {
	pts, dts int64 // modulo 2^33 of the 90 kHz clock
	key      bool
	hash     string // of the data
}

// relayProbe lists the packets of a kind of streams, v or d, in the order of the file; unit is that of the time stamps in ticks.
func relayProbe(t *testing.T, kind string, unit int64, file string, args ...string) []packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffprobe", append(args, "-v", "error", "-select_streams", kind, "-show_data_hash", "MD5",
		"-show_entries", "packet=pts,dts,flags,data_hash", "-of", "json", file)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	var all struct {
		Packets []struct {
			PTS, DTS *int64
			Flags    string
			Hash     string `json:"data_hash"`
		}
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	var list []packet
	for _, p := range all.Packets {
		if p.PTS == nil {
			t.Fatalf("%s: a packet has no PTS", file)
		}
		if p.DTS == nil {
			p.DTS = p.PTS
		}
		list = append(list, packet{*p.PTS * unit & media.PTSMask, *p.DTS * unit & media.PTSMask, strings.Contains(p.Flags, "K"), p.Hash})
	}
	return list
}

func saved(t *testing.T, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// samePackets wants got to be want, or from a key frame of want on to its end, less what may be missing there.
func samePackets(t *testing.T, what string, got, want []packet, missing int) {
	t.Helper()
	if len(got) == 0 {
		t.Errorf("%s: no packets", what)
		return
	}
	at := slices.IndexFunc(want, func(p packet) bool { return p.pts == got[0].pts })
	if at < 0 {
		t.Errorf("%s: begins with PTS %d, which is none of the stream", what, got[0].pts)
		return
	}
	want = want[at:]
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: packet %d is %+v, want %+v", what, i, got[i], want[i])
			return
		}
	}
	if len(got) > len(want) || len(got) < len(want)-missing {
		t.Errorf("%s: %d packets, want %d", what, len(got), len(want))
	}
}

// checkTS compares a transport stream with that of the source: time stamps, pictures with their SEI, timed ID3.
func checkTS(t *testing.T, s relaySource, got []byte, to, missing int) {
	t.Helper()
	g, w := saved(t, "got.ts", got), saved(t, "want.ts", s.stream(t, to))
	samePackets(t, "video", relayProbe(t, "v", 1, g), relayProbe(t, "v", 1, w), missing)
	samePackets(t, "ID3", relayID3(t, got), relayID3(t, s.stream(t, to)), missing)
	if codec := streamNames(t, g); codec != "h264 25/1, timed_id3 0/0" {
		t.Errorf("streams are %s", codec)
	}
}

// relayID3 lists the PES packets of the timed ID3. They are taken apart here, because ffprobe leaves out the first 5 bytes
// of one that begins, as ffmpeg's do, in the middle of a packet.
func relayID3(t *testing.T, stream []byte) (list []packet) {
	t.Helper()
	var pes []byte
	end := func() {
		if len(pes) < 14 {
			return
		}
		pts := int64(pes[9]&0x0E)<<29 | int64(pes[10])<<22 | int64(pes[11]&0xFE)<<14 | int64(pes[12])<<7 | int64(pes[13])>>1
		list = append(list, packet{pts: pts, dts: pts, key: true, hash: string(pes[9+int(pes[8]):])})
	}
	for p := range slices.Chunk(stream, 188) {
		if len(p) != 188 || p[0] != 0x47 {
			t.Fatal("that is no transport stream")
		}
		if int(p[1]&0x1F)<<8|int(p[2]) != 0x101 {
			continue
		}
		body := p[4:]
		if p[3]&0x20 != 0 {
			body = body[1+body[0]:]
		}
		if p[1]&0x40 != 0 {
			end()
			pes = nil
		}
		pes = append(pes, body...)
	}
	end()
	return list
}

func streamNames(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,avg_frame_rate",
		"-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, line := range strings.Fields(string(out)) {
		if name := strings.TrimSuffix(strings.ReplaceAll(line, ",", " "), " "); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
