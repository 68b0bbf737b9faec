package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// encoders are the server's processes of ffmpeg: that of the larger rendition of two, of the smaller one, and of the sound.
func (s *running) encoders() (pids []int) {
	s.t.Helper()
	s.await("all encoders", limit, func() bool {
		found := map[string]int{}
		for _, child := range children(s.t, s.cmd.Process.Pid) {
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child))
			for _, of := range []string{"320x180", "160x90", "aac"} {
				if err == nil && bytes.HasPrefix(line, []byte("ffmpeg")) && bytes.Contains(line, []byte("\x00"+of+"\x00")) {
					found[of] = child
				}
			}
		}
		pids = []int{found["320x180"], found["160x90"], found["aac"]}
		return len(found) == 3
	})
	return pids
}

// rungFiles are the files of a playlist, of segments that the ledger has, and the playlist that names them.
type rungFiles struct {
	playlist string
	files    []string // the initialization section first, where there is one
	sizes    []int64  // of the files
	segments []markers.SegmentRecord
}

// TestLadderEncodersKilled kills encoders of a running ladder with sound, one after the other: five within ten minutes in the long
// form. All renditions in both containers still have the same slots, dates, gaps and discontinuities, which are those of the ledger,
// and ffprobe finds exactly the frames of the ledger in each segment, and its sound. Each picture shows the number of its frame.
func TestLadderEncodersKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data, "--ladder", "320x180@300k,160x90@100k", "--audio", "--container", "ts,fmp4", "--fps", "29.97",
		"--segment", "1s", "--preset", "ultrafast", "--window", "15m", "--event-every", "1500ms", "--event-length", "300ms")
	kills := shortOr(1, 5)
	runFor := func(seconds int) {
		t.Helper()
		frame := s.newestFrame() + int64(30*seconds)
		s.await("frames", limit+time.Duration(seconds)*time.Second, func() bool { return s.newestFrame() > frame })
	}
	for i := range kills {
		runFor(shortOr(2, 600/(kills+1)))
		kill(t, s.encoders()[(i+1)%3], testunix.Kill)
		s.await("the end of the encoders", limit, func() bool { return strings.Count(s.log(), "signal: killed") > i })
		s.encoders()
	}
	runFor(shortOr(3, 600/(kills+1)))

	ledger := getJSON[segmentsAnswer](s, "/segments?limit=5000")
	reasons := map[string]int{}
	for _, m := range ledger.Missing {
		reasons[m.Reason]++
	}
	t.Logf("%d segments; missing %v", len(ledger.Segments), reasons)
	if reasons[markers.ReasonEncoder] < kills {
		t.Errorf("%d encoders were killed, and %+v is missing", kills, ledger.Missing)
	}
	if n := ledger.Segments[len(ledger.Segments)-1].DiscontinuitySequence; n != int64(kills) {
		t.Errorf("%d discontinuities of %d encoders killed", n, kills)
	}
	s.checkAccounts(ledger)
	for name, width := range map[string]int{
		"index.m3u8": 320, "index-160x90.m3u8": 160, "index-fmp4.m3u8": 320, "index-160x90-fmp4.m3u8": 160, "index-audio-fmp4.m3u8": 0,
	} {
		r := s.checkPlaylist(filepath.Join(data, "main", "hls"), name, ledger)
		if width == 0 || !strings.Contains(name, "fmp4") {
			s.checkPackets(r, "a")
		}
		if width > 0 {
			s.checkPackets(r, "v")
			s.checkRungPictures(r, width)
		}
	}
}

// checkAccounts finds each frame up to the newest segment once, in a segment or missing, and a record of each published frame.
func (s *running) checkAccounts(ledger segmentsAnswer) {
	s.t.Helper()
	var frames framesAnswer
	for from, newest := int64(0), ledger.Segments[len(ledger.Segments)-1].LastFrame; from <= newest; {
		page := getJSON[framesAnswer](s, fmt.Sprintf("/frames?from=%d&limit=5000", from))
		if len(page.Frames) == 0 {
			break
		}
		frames.Frames = append(frames.Frames, page.Frames...)
		from = page.Frames[len(page.Frames)-1].Frame + 1
	}
	s.verifyCoverage(state{frames: frames, segments: ledger})
}

// checkPlaylist holds a playlist against the ledger, up to the newest segment there.
func (s *running) checkPlaylist(dir, name string, ledger segmentsAnswer) rungFiles {
	s.t.Helper()
	p, err := m3u8.Parse(bytes.NewReader(s.get("/hls/main/" + name)))
	if err != nil || p.Media == nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	r := rungFiles{playlist: name}
	add := func(uri string) {
		info, err := os.Stat(filepath.Join(dir, uri))
		if err != nil {
			s.t.Fatalf("%s names %v", name, err)
		}
		r.files, r.sizes = append(r.files, filepath.Join(dir, uri)), append(r.sizes, info.Size())
	}
	clock := getJSON[markers.Channel](s, "/clocks").Clock()
	published := map[int64]markers.SegmentRecord{}
	for _, seg := range ledger.Segments {
		published[seg.MSN] = seg
	}
	newest := ledger.Segments[len(ledger.Segments)-1].MSN
	if p.Media.MediaSequence != ledger.Segments[0].MSN {
		s.t.Errorf("%s begins with segment %d, the ledger with %d", name, p.Media.MediaSequence, ledger.Segments[0].MSN)
	}
	for i, e := range p.Media.Segments {
		msn := p.Media.MediaSequence + int64(i)
		if msn > newest {
			break
		}
		seg, there := published[msn]
		date := clock.UTC(clock.FirstFrame(msn)).Truncate(time.Millisecond)
		if !e.ProgramDateTime.Equal(date) || e.Gap == there || e.Discontinuity != (there && seg.Discontinuity) {
			s.t.Errorf("%s: segment %d is %+v, in the ledger %+v", name, msn, e, seg)
		}
		if !there {
			continue
		}
		if e.Map != nil && len(r.files) == 0 {
			add(e.Map.URI)
		}
		add(e.URI)
		r.segments = append(r.segments, seg)
		size := r.sizes[len(r.sizes)-1]
		if !slices.ContainsFunc(seg.Files(), func(f markers.SegmentFile) bool { return f.URI == e.URI && f.Bytes == size }) {
			s.t.Errorf("%s: %s has %d bytes, which the ledger has not: %+v", name, e.URI, size, seg)
		}
	}
	if len(r.segments) != len(ledger.Segments) {
		s.t.Errorf("%s has %d segments, the ledger %d", name, len(r.segments), len(ledger.Segments))
	}
	return r
}

// checkPackets has ffprobe list the packets of a kind in all files together, which belong to the file that they are in by their place:
// they are those of the frames or samples of each segment, and pictures begin with a key.
func (s *running) checkPackets(r rungFiles, kind string) {
	s.t.Helper()
	clock := getJSON[markers.Channel](s, "/clocks").Clock()
	name := filepath.Join(s.t.TempDir(), "all")
	all, err := os.Create(name)
	if err != nil {
		s.t.Fatal(err)
	}
	var ends []int64
	for i, file := range r.files {
		data, err := os.ReadFile(file)
		if err == nil {
			_, err = all.Write(data)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		end := r.sizes[i]
		if i > 0 {
			end += ends[i-1]
		}
		ends = append(ends, end)
	}
	if err := all.Close(); err != nil {
		s.t.Fatal(err)
	}
	out, _ := tool(s.t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts,pos,flags", "-of", "csv=p=0", name)
	found, keys := make([][]int64, len(r.files)), make([][]int64, len(r.files))
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.Trim(line, ",\n"), ",")
		if len(f) < 3 {
			continue // side data
		}
		pts, err := strconv.ParseInt(f[0], 10, 64)
		pos, err2 := strconv.ParseInt(f[1], 10, 64)
		if err != nil || err2 != nil {
			s.t.Fatalf("%s: packet %q", r.playlist, line)
		}
		i, _ := slices.BinarySearch(ends, pos+1)
		if found[i] = append(found[i], pts); strings.Contains(f[2], "K") {
			keys[i] = append(keys[i], pts)
		}
	}
	skip := len(r.files) - len(r.segments)
	for i, seg := range r.segments {
		var want []int64
		if kind == "v" {
			for n := seg.FirstFrame; n <= seg.LastFrame; n++ {
				want = append(want, clock.PTS(n))
			}
		} else {
			first, end := clock.Rate.Sample(seg.FirstFrame), clock.Rate.Sample(seg.LastFrame+1)
			for n := (first + aac.UnitSamples - 1) / aac.UnitSamples * aac.UnitSamples; n < end; n += aac.UnitSamples {
				pts := media.SampleRate + n
				if !strings.Contains(r.playlist, "fmp4") {
					pts = pts * media.TicksPerSecond / media.SampleRate
				}
				want = append(want, pts)
			}
		}
		got := found[skip+i]
		slices.Sort(got)
		if !slices.Equal(got, want) || kind == "v" && !slices.Equal(keys[skip+i], want[:1]) {
			s.t.Errorf("%s: segment %d has %s packets at %d (keys %d), want %d", r.playlist, seg.MSN, kind, got, keys[skip+i], want)
		}
	}
}

// checkRungPictures reads the number in each picture of a rendition of a width.
func (s *running) checkRungPictures(r rungFiles, width int) {
	s.t.Helper()
	height := width * 9 / 16
	skip := len(r.files) - len(r.segments)
	for part := range slices.Chunk(r.segments, 60) {
		var want, got []int64
		for _, seg := range part {
			for n := seg.FirstFrame; n <= seg.LastFrame; n++ {
				want = append(want, n)
			}
		}
		names := append(slices.Clone(r.files[:skip]), r.files[skip:][:len(part)]...)
		r.files = append(slices.Clone(r.files[:skip]), r.files[skip:][len(part):]...)
		luma, _ := tool(s.t, "ffmpeg", "-v", "error", "-i", "concat:"+strings.Join(names, "|"), "-map", "0:v", "-fps_mode", "passthrough",
			"-f", "rawvideo", "-pix_fmt", "gray", "-")
		for picture := range slices.Chunk(luma, width*height) {
			n, ok := generator.ReadFrameCode(picture, width, width, height)
			if !ok {
				n = -1
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			s.t.Errorf("%s: %d pictures show %d, the ledger has %d", r.playlist, len(got), got, want)
		}
	}
}
