package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// A small stream that a test can watch: segments of one second, an event every one and a half.
func smallStream(data string, more ...string) []string {
	return append([]string{"--data", data, "--size", "160x90", "--fps", "30", "--preset", "ultrafast", "--segment", "1s", "--event-every", "1500ms",
		"--event-length", "300ms", "--bitrate", "300k", "--seed", "5"}, more...)
}

type (
	framesAnswer struct {
		Frames  []markers.FrameRecord
		Missing []markers.MissingRecord
	}
	segmentsAnswer struct {
		Segments []markers.SegmentRecord
		Missing  []markers.MissingRecord
	}
	markersAnswer struct{ Markers []markers.Marker }
)

// state is what a server says about its whole stream.
type state struct {
	channel  markers.Channel
	frames   framesAnswer
	segments segmentsAnswer
	markers  []markers.Marker
	playlist string
}

func (s *running) state() state {
	s.t.Helper()
	st := state{
		channel:  getJSON[markers.Channel](s, "/clocks"),
		playlist: string(s.get("/hls/main/index.m3u8")),
		segments: getJSON[segmentsAnswer](s, "/segments?limit=5000"),
		frames:   getJSON[framesAnswer](s, "/frames?from=0&limit=5000"),
	}
	// A marker comes before the record of its first frame: what is newer than the frames is not held against them.
	newest := int64(-1)
	for _, f := range st.frames.Frames {
		newest = max(newest, f.Frame)
	}
	for _, m := range getJSON[markersAnswer](s, "/markers?limit=10000").Markers {
		if m.Frame <= newest {
			st.markers = append(st.markers, m)
		}
	}
	return st
}

// verify holds everything that the server published against everything that it says, and returns what it says:
//   - every frame up to the newest segment is in exactly one published segment or in one missing record;
//   - every picture of every published segment carries the number that the ledger gives it;
//   - every event of the schedule that has a published frame has exactly one marker, with the right frames;
//   - the playlist counts on over gaps and names only files that are there in full.
func (s *running) verify(data string) state {
	s.t.Helper()
	st := s.state()
	s.verifyCoverage(st)
	s.verifyPictures(st, filepath.Join(data, "main", "hls"))
	s.verifyMarkers(st)
	s.verifyPlaylist(st, filepath.Join(data, "main", "hls"))
	return st
}

func (s *running) verifyCoverage(st state) {
	s.t.Helper()
	if len(st.segments.Segments) == 0 {
		s.t.Fatal("no segments")
	}
	var spans []span
	for _, seg := range st.segments.Segments {
		spans = append(spans, span{seg.FirstFrame, seg.LastFrame})
	}
	for _, m := range st.segments.Missing {
		spans = append(spans, span{m.Frame, m.LastFrame})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.first - b.first) })
	for i := 1; i < len(spans); i++ {
		if spans[i].first != spans[i-1].last+1 {
			s.t.Errorf("frames %d to %d, then %d to %d: each frame has to be accounted for once; missing %+v",
				spans[i-1].first, spans[i-1].last, spans[i].first, spans[i].last, st.segments.Missing)
		}
	}
	recorded := map[int64]bool{}
	last := int64(-1)
	for _, f := range st.frames.Frames {
		if f.Frame <= last {
			s.t.Errorf("frame record %d after %d", f.Frame, last)
		}
		last, recorded[f.Frame] = f.Frame, true
	}
	for _, seg := range st.segments.Segments {
		for n := seg.FirstFrame; n <= seg.LastFrame; n++ {
			if !recorded[n] {
				s.t.Errorf("frame %d is published in segment %d but has no record", n, seg.MSN)
			}
		}
	}
}

func (s *running) verifyPictures(st state, dir string) {
	s.t.Helper()
	w, h := st.channel.Width, st.channel.Height
	var names []string
	var want, got []int64
	for _, seg := range st.segments.Segments {
		name := filepath.Join(dir, seg.URI)
		if info, err := os.Stat(name); err != nil || info.Size() != seg.Bytes {
			s.t.Errorf("segment %d: %v, %v; want %d bytes", seg.MSN, info, err, seg.Bytes)
			continue
		}
		names = append(names, name)
		for n := seg.FirstFrame; n <= seg.LastFrame; n++ {
			want = append(want, n)
		}
	}
	luma, _ := tool(s.t, "ffmpeg", "-v", "error", "-f", "mpegts", "-i", "concat:"+strings.Join(names, "|"), "-fps_mode", "passthrough",
		"-f", "rawvideo", "-pix_fmt", "gray", "-")
	for picture := range slices.Chunk(luma, w*h) {
		n, ok := generator.ReadFrameCode(picture, w, w, h)
		if !ok {
			n = -1
		}
		got = append(got, n)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%d published pictures say %d, the ledger %d", len(got), got, want)
	}
}

func (s *running) verifyMarkers(st state) {
	s.t.Helper()
	schedule, err := scenario.NewSchedule(st.channel.Seed, st.channel.EventEvery, st.channel.EventLength)
	if err != nil {
		s.t.Fatal(err)
	}
	byID := map[string]markers.Marker{}
	for _, m := range st.markers {
		if _, twice := byID[m.ID]; twice {
			s.t.Errorf("marker %s is there twice", m.ID)
		}
		byID[m.ID] = m
	}
	for _, seg := range st.segments.Segments {
		for _, ev := range schedule.Between(seg.FirstFrame, seg.LastFrame) {
			id := fmt.Sprintf("main-e%d", ev.Number)
			m, ok := byID[id]
			if !ok {
				s.t.Errorf("event %d (frames %d to %d) shows in segment %d but has no marker", ev.Number, ev.First, ev.Last, seg.MSN)
				continue
			}
			if m.ScheduledFrame != ev.First || m.LastFrame != ev.Last || m.Frame < ev.First || m.Frame > ev.Last {
				s.t.Errorf("marker %s: frames %d to %d, scheduled from %d; the event is %+v", id, m.Frame, m.LastFrame, m.ScheduledFrame, ev)
			}
			if c := st.channel.Clock(); m.PTS != c.PTS(m.Frame) || m.Time != c.Time(m.Frame) || !m.UTC.Equal(c.UTC(m.Frame)) {
				s.t.Errorf("marker %s: clocks %+v", id, m)
			}
		}
	}
	shown := map[string]bool{}
	for _, f := range st.frames.Frames {
		if f.Event == "" {
			continue
		}
		m, ok := byID[f.Event]
		if !ok || f.Frame < m.Frame || f.Frame > m.LastFrame {
			s.t.Errorf("frame %d shows %s, whose marker is %+v", f.Frame, f.Event, m)
		}
		shown[f.Event] = true
	}
	for id := range byID {
		if !shown[id] {
			s.t.Errorf("marker %s, but no frame shows it", id)
		}
	}
}

var (
	sequence = regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`)
	segName  = regexp.MustCompile(`seg-0*(\d+)\.ts`)
)

func (s *running) verifyPlaylist(st state, dir string) {
	s.t.Helper()
	var msn int64
	if m := sequence.FindStringSubmatch(st.playlist); m == nil {
		s.t.Fatalf("playlist without media sequence:\n%s", st.playlist)
	} else {
		fmt.Sscan(m[1], &msn)
	}
	gap := false
	for line := range strings.Lines(st.playlist) {
		line = strings.TrimSpace(line)
		switch {
		case line == "#EXT-X-GAP":
			gap = true
		case !strings.HasPrefix(line, "#") && line != "":
			var number int64
			if m := segName.FindStringSubmatch(line); m != nil {
				fmt.Sscan(m[1], &number)
			}
			if number != msn {
				s.t.Errorf("playlist: %s stands at media sequence number %d", line, msn)
			}
			if _, err := os.Stat(filepath.Join(dir, line)); !gap && err != nil {
				s.t.Errorf("playlist names %s: %v", line, err)
			}
			gap, msn = false, msn+1
		}
	}
}

// moreSegments waits until the server has published n more segments than it had.
func (s *running) moreSegments(n int) {
	s.t.Helper()
	published := func() int { return len(getJSON[segmentsAnswer](s, "/segments?limit=5000").Segments) }
	from := published()
	s.await(fmt.Sprintf("%d more segments", n), limit+time.Duration(n)*time.Second, func() bool { return published() >= from+n })
}

// reasons lists the reasons of missing records.
func (st state) reasons() (list []string) {
	for _, m := range st.segments.Missing {
		list = append(list, m.Reason)
	}
	return list
}

// lost lists what is missing, but for what a machine that was too slow made it skip.
func (st state) lost() (list []markers.MissingRecord) {
	for _, m := range st.segments.Missing {
		if m.Reason != markers.ReasonSkipped {
			list = append(list, m)
		}
	}
	return list
}

// ffmpegOf is the process of the server's encoder.
func (s *running) ffmpegOf() int {
	s.t.Helper()
	var pid int
	s.await("ffmpeg", limit, func() bool {
		for _, child := range children(s.t, s.cmd.Process.Pid) {
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); err == nil && bytes.HasPrefix(name, []byte("ffmpeg")) {
				pid = child
			}
		}
		return pid != 0
	})
	return pid
}
