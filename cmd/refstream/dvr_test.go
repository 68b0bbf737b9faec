package main

import (
	"encoding/json"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/dvr/scenes"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// serve pushes into dvr, which is killed in the middle and named again, and comes back: all that was written is there still,
// each event's start and end has its frame, and the recording can be decoded.
func TestDVRPush(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), freeAddr(t)
	d := startDVR(t, dir, addr, "--max-interval", "5s")
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--push", "tcp://"+addr)...)
	recording := filepath.Join(dir, "demo", "stream", "recording.ts")
	await(t, "the recording", limit, func() bool { return len(readIndex(t, dir)) >= 5 })

	// It opens while it grows.
	tool(t, "ffprobe", "-v", "error", "-show_entries", "format=start_time", recording)
	play := exec.Command("ffplay", "-v", "error", "-autoexit", "-t", "1", "-an", recording)
	play.Env = append(os.Environ(), "SDL_VIDEODRIVER=dummy")
	if out, err := play.CombinedOutput(); err != nil {
		t.Errorf("ffplay on the growing file: %v: %s", err, out)
	}

	d.kill()
	outage := span{first: s.newestFrame() - 60} // a GOP of 30 frames, and what was on its way
	before, written := readIndex(t, dir), fileBytes(t, recording)
	d = startDVR(t, dir, addr, "--max-interval", "5s")
	if got := fileBytes(t, recording); len(got) < len(written)-188 || string(got[:len(written)/188*188]) != string(written[:len(written)/188*188]) {
		t.Errorf("the recording had %d bytes before it was killed and has %d", len(written), len(got))
	}
	await(t, "the sender to come back", limit, func() bool { return len(fileBytes(t, recording)) > len(written) })
	events := 3
	if !testing.Short() {
		events = 30
	}
	outage.last = s.newestFrame() + 60 // a sender is ahead of the ledger
	var list []markers.Marker
	await(t, "more events in the recording", 5*limit, func() bool {
		list = getJSON[markersAnswer](s, "/markers?limit=10000").Markers
		later := slices.DeleteFunc(slices.Clone(list), func(m markers.Marker) bool { return m.Frame <= outage.last })
		index := readIndex(t, dir)
		return len(later) >= events && len(index) > 0 && *index[len(index)-1].Number > later[events-1].LastFrame
	})
	d.stop()
	index := readIndex(t, dir)
	await(t, "the markers of all that is in the index", limit, func() bool { return s.newestFrame() >= *index[len(index)-1].Number })
	list = getJSON[markersAnswer](s, "/markers?limit=10000").Markers
	for i, e := range before {
		if i >= len(index) || index[i].ID != e.ID || index[i].PTS != e.PTS {
			t.Fatalf("entry %d was %+v before it was killed", i, e)
		}
	}
	checkEvents(t, dir, index, list, outage)
	tool(t, "ffmpeg", "-v", "error", "-i", recording, "-f", "null", "-")
}

// ffmpeg sends a clip to dvr, goes, and sends it again.
func TestDVRFromFFmpeg(t *testing.T) {
	t.Parallel()
	c := makeClip(t, "--duration", "12s", "--size", "160x90", "--preset", "ultrafast", "--fps", "25", "--event-every", "3s", "--event-length", "1s", "--also", "ts")
	dir, addr := t.TempDir(), freeAddr(t)
	d := startDVR(t, dir, addr, "--max-interval", "1h")
	for range 2 {
		tool(t, "ffmpeg", "-v", "error", "-readrate", "4", "-i", filepath.Join(c.dir, "stream.ts"), "-c", "copy", "-f", "mpegts", "tcp://"+addr)
	}
	list := readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl"))
	await(t, "all to be looked at", limit, func() bool { return len(readIndex(t, dir)) >= 1+4*len(list) })
	d.stop()
	index := readIndex(t, dir)
	checkEvents(t, dir, index, list, span{})
	half := 1
	for half < len(index) && *index[half].Number > *index[half-1].Number {
		half++
	}
	checkEvents(t, dir, index[:half], list, span{})
	checkEvents(t, dir, index[half:], list, span{})
	for _, e := range index { // also where the recording's time stamps are not the sender's any more
		if want := media.Seconds(*e.Number * 40_000_000); e.Time == nil || *e.Time != want {
			t.Errorf("frame %d of the stream, at %v in the recording, is at %v, want %v", *e.Number, e.Timestamp, e.Time, want)
		}
	}
	tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", filepath.Join(dir, "demo", "stream", "recording.ts"), "-f", "null", "-")
}

// startDVR runs refstream dvr with the session demo, until it listens.
func startDVR(t *testing.T, dir, addr string, args ...string) *running {
	t.Helper()
	d := launchCommand(t, addr, exec.Command(program, append([]string{"dvr", "--listen", "tcp://" + addr, "-o", dir, "-s", "demo"}, args...)...))
	await(t, "dvr to listen", limit, func() bool { return strings.Contains(d.log(), "listening on tcp://"+addr) })
	return d
}

func fileBytes(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readIndex reads index.json, which is whole at any moment; empty before there is one.
func readIndex(t *testing.T, dir string) (list []scenes.Frame) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "demo", "frames", "index.json"))
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return list
}

// span is frames first to last.
type span struct{ first, last int64 }

// checkEvents wants a frame within one of each start and end of an event that the index reaches across, but for those in
// an outage, when nobody recorded; pictures for all entries, and none for a reason that is not there.
func checkEvents(t *testing.T, dir string, index []scenes.Frame, list []markers.Marker, outage span) {
	t.Helper()
	numbers := map[int64]bool{}
	first, last := int64(1<<62), int64(0)
	for _, e := range index {
		f, err := os.Open(filepath.Join(dir, "demo", filepath.FromSlash(e.Path)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = jpeg.Decode(f)
		f.Close()
		if err != nil || e.Number == nil {
			t.Fatalf("entry %+v: %v", e, err)
		}
		numbers[*e.Number] = true
		first, last = min(first, *e.Number), max(last, *e.Number)
	}
	events := 0
	changes := map[int64]bool{}
	for _, m := range list {
		for _, n := range []int64{m.Frame, m.LastFrame + 1} {
			changes[n] = true
			if n <= first || n > last || outage.first <= n && n <= outage.last {
				continue
			}
			events++
			if !numbers[n-1] && !numbers[n] && !numbers[n+1] {
				t.Errorf("event %s: no frame near %d in the index: %v", m.ID, n, numbers)
			}
		}
	}
	for _, e := range index {
		if outage.first <= *e.Number && *e.Number <= outage.last {
			continue // the first picture after it may be another scene than the last before
		}
		if e.Reason == scenes.ReasonScene && !changes[*e.Number] && !changes[*e.Number-1] && !changes[*e.Number+1] {
			t.Errorf("%+v is no change of scene", e)
		}
	}
	if events < 4 {
		t.Errorf("only %d changes in frames %d to %d", events, first, last)
	}
}
