package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// decoded is what a decoder makes of pictures and sound, each with the time that it gives them, in seconds from wherever it likes.
type decoded struct {
	pictures []picture
	sound    []heard
}

type picture struct {
	at    float64
	frame int64 // by its frame code
}

// heard is a run of sound without a hole.
type heard struct {
	at          float64
	left, right []int16
	parts       []part
}

// part is what came with a time of its own.
type part struct {
	at    float64
	index int // of its first sample
}

const onsetWidth, onsetHeight = 160, 90

func (d *decoded) addPicture(t *testing.T, at float64, grey []byte) {
	n, ok := generator.ReadFrameCode(grey, onsetWidth, onsetWidth, onsetHeight)
	if !ok {
		t.Errorf("the picture at %f has no frame code", at)
		return
	}
	d.pictures = append(d.pictures, picture{at, n})
}

func (d *decoded) addSound(at float64, pcm []byte) {
	if n := len(d.sound); n == 0 || math.Abs(d.sound[n-1].at+float64(len(d.sound[n-1].left))/media.SampleRate-at) > 0.01 {
		d.sound = append(d.sound, heard{at: at})
	}
	h := &d.sound[len(d.sound)-1]
	h.parts = append(h.parts, part{at, len(h.left)})
	for ; len(pcm) >= 4; pcm = pcm[4:] {
		h.left = append(h.left, int16(binary.LittleEndian.Uint16(pcm)))
		h.right = append(h.right, int16(binary.LittleEndian.Uint16(pcm[2:])))
	}
}

// byFFmpeg has ffmpeg decode a stream, and ffprobe say when each piece of it is due.
func byFFmpeg(t *testing.T, url string) (d decoded) {
	t.Helper()
	for stream, format := range map[string][]string{"v:0": {"-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo"}, "a:0": {"-f", "s16le"}} {
		// One at a time: ffmpeg's demuxer of DASH ends where the first stream does.
		data, _ := tool(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-copyts", "-i", url, "-map", "0:" + stream}, format, []string{"-"})...)
		out, _ := tool(t, "ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "frame=pts_time,nb_samples", "-of", "csv=p=0", url)
		r := csv.NewReader(bytes.NewReader(out))
		r.FieldsPerRecord = -1 // side data adds fields
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			at, err := strconv.ParseFloat(row[0], 64)
			size := onsetWidth * onsetHeight
			if stream == "a:0" && err == nil {
				size, err = strconv.Atoi(row[1])
				size *= 4
			}
			if err != nil || size > len(data) {
				t.Fatalf("%s: %q, %d bytes are left, %v", url, row, len(data), err)
			}
			if stream == "a:0" {
				d.addSound(at, data[:size])
			} else {
				d.addPicture(t, at, data[:size])
			}
			data = data[size:]
		}
		if len(data) > 0 {
			t.Errorf("%s: ffmpeg decodes %d bytes more of %s than ffprobe", url, len(data), stream)
		}
	}
	return d
}

// gstreamer is a GStreamer that plays a stream with the demuxers that it chooses itself, as fast as it can, into two files of a folder.
func gstreamer(dir, url string) (args []string, read func(t *testing.T) decoded) {
	const queue = " d. ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! "
	pictures, sound := filepath.Join(dir, "grey"), filepath.Join(dir, "pcm")
	args = strings.Fields("-q uridecodebin3 name=d uri=" + url +
		queue + "videoconvert ! video/x-raw,format=GRAY8 ! gdppay ! filesink sync=false location=" + pictures +
		queue + "audioconvert ! audio/x-raw,format=S16LE,channels=2,layout=interleaved ! gdppay ! filesink sync=false location=" + sound)
	return args, func(t *testing.T) (d decoded) {
		t.Helper()
		for _, b := range readGDP(t, pictures) {
			d.addPicture(t, b.at, b.data)
		}
		for _, b := range readGDP(t, sound) {
			d.addSound(b.at, b.data)
		}
		return d
	}
}

func byGStreamer(t *testing.T, url string) decoded {
	t.Helper()
	args, read := gstreamer(t.TempDir(), url)
	tool(t, "gst-launch-1.0", args...)
	return read(t)
}

// byGStreamerFor stops GStreamer when it has so many seconds of sound of a live stream.
func byGStreamerFor(t *testing.T, url string, seconds int) decoded {
	t.Helper()
	dir := t.TempDir()
	args, read := gstreamer(dir, url)
	cmd := exec.CommandContext(t.Context(), "gst-launch-1.0", args...)
	var errs printed
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	await(t, "GStreamer to play", time.Minute+time.Duration(seconds)*time.Second, func() bool {
		if text := errs.String(); text != "" {
			t.Fatalf("GStreamer: %s", text)
		}
		info, err := os.Stat(filepath.Join(dir, "pcm"))
		return err == nil && info.Size() > int64(seconds*4*media.SampleRate)
	})
	return read(t)
}

type gdpBuffer struct {
	at   float64
	data []byte
}

// readGDP reads GStreamer's own format, which has each buffer with its time in nanoseconds.
func readGDP(t *testing.T, file string) (list []gdpBuffer) {
	t.Helper()
	const header, buffer = 62, 1
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) >= header {
		size := header + int(binary.BigEndian.Uint32(data[6:]))
		if size > len(data) { // it was stopped
			break
		}
		if binary.BigEndian.Uint16(data[4:]) == buffer {
			list = append(list, gdpBuffer{float64(binary.BigEndian.Uint64(data[10:])) / 1e9, data[header:size]})
		}
		data = data[size:]
	}
	return list
}

// checkOnsets compares what was decoded with the truth: each picture is at the time of its frame, and each beep begins, and each sample
// code is, at its sample, counted from the pictures, within one sample. Where a carrier counts milliseconds, they are counted from the codes,
// and its times are within a millisecond.
func (d decoded) checkOnsets(t *testing.T, rate media.FrameRate, truth []markers.Marker, milliseconds bool) {
	t.Helper()
	if len(d.pictures) == 0 || len(d.sound) == 0 {
		t.Fatalf("%d pictures, %d runs of sound", len(d.pictures), len(d.sound))
	}
	most := 1.0 / media.SampleRate
	if milliseconds {
		most = 0.001
	}
	sampleAt := func(f picture) float64 {
		return float64(f.frame) * media.SampleRate * float64(rate.Den) / float64(rate.Num)
	}
	onsets, codes := 0, 0
	for _, h := range d.sound {
		// GStreamer shortens gaps: each run is counted from a picture within it.
		end := h.at + float64(len(h.left))/media.SampleRate
		near := slices.MinFunc(d.pictures, func(a, b picture) int {
			return cmp.Compare(math.Abs(a.at-(h.at+end)/2), math.Abs(b.at-(h.at+end)/2))
		})
		expected := func(sample float64) float64 { return near.at + (sample-sampleAt(near))/media.SampleRate }
		for _, p := range d.pictures {
			if p.at >= h.at && p.at < end && math.Abs(p.at-expected(sampleAt(p))) > most {
				t.Errorf("frame %d is at %f, want %f", p.frame, p.at, expected(sampleAt(p)))
			}
		}
		start := sampleAt(near) + (h.at-near.at)*media.SampleRate // the sample that it begins with
		list := generator.ReadSampleCodes(h.left)
		if codes += len(list); milliseconds && len(list) > 0 {
			start = float64(list[0].Sample - int64(list[0].At))
		}
		for _, c := range list {
			if off := float64(c.Sample) - start - float64(c.At); math.Abs(off) > 1 {
				t.Errorf("the code of sample %d is %f samples early", c.Sample, off)
			}
		}
		if most := len(h.left) / media.SampleRate; len(list) < most-1 {
			t.Errorf("%d sample codes in %d samples", len(list), len(h.left))
		}
		for _, p := range h.parts {
			if at := expected(start + float64(p.index)); math.Abs(p.at-at) > most {
				t.Errorf("the sound of sample %f is at %f, want %f", start+float64(p.index), p.at, at)
			}
		}
		for _, m := range truth {
			beep := generator.Beep{First: m.Sample.Value, End: m.LastSample.Value + 1}
			at := float64(beep.First) - start
			// The sound of its end is not there while a stream runs, and its beginning may lie before a stretch.
			if m.Frame != m.ScheduledFrame || at < beepRoom || at+beepLength+beepRoom > float64(len(h.right)) {
				continue
			}
			lag, alike := correlate(h.right, beep, int(math.Round(at)))
			if onsets++; math.Abs(float64(lag)+math.Round(at)-at) > 1 || alike < 0.8 {
				t.Errorf("the beep of frame %d begins %d samples late (%.3f alike)", m.Frame, lag, alike)
			}
		}
	}
	if onsets < 2 || codes < 2 {
		t.Errorf("%d beeps, %d sample codes", onsets, codes)
	}
	t.Logf("%d pictures, %d beeps, %d sample codes in %d runs", len(d.pictures), onsets, codes, len(d.sound))
}

const (
	beepLength = 2000 // what is compared of a beep
	beepRoom   = 500  // how far off it is looked for
)

// correlate is by how many samples a beep begins later than at an index, where it is most like what the generator makes, and the
// coefficient of their correlation.
func correlate(right []int16, beep generator.Beep, at int) (lag int, alike float64) {
	want := make([]int16, generator.SoundChannels*beepLength)
	generator.RenderSamples(want, beep.First, []generator.Beep{beep})
	for k := -beepRoom; k <= beepRoom; k++ {
		var product, a, b float64
		for i, v := range right[at+k:][:beepLength] {
			w := float64(want[generator.SoundChannels*i+1])
			product, a, b = product+float64(v)*w, a+float64(v)*float64(v), b+w*w
		}
		if c := product / math.Sqrt(max(a*b, 1)); c > alike {
			lag, alike = k, c
		}
	}
	return lag, alike
}

// TestOnsets writes clips around the wrap of 33-bit time stamps, 26.5 hours after the epoch, and has ffmpeg and GStreamer decode them out of
// every carrier. On a busy machine GStreamer's client of playlists and manifests now and then gives a download up that it has begun: the
// long form alone has it.
func TestOnsets(t *testing.T) {
	t.Parallel()
	rates := []string{"29.97", "25", "30", "59.94"}
	for _, fps := range rates[:shortOr(1, len(rates))] {
		dir := filepath.Join(t.TempDir(), "clip")
		must(t, "generate", "--out", dir, "--audio", "--dash", "--container", "ts,fmp4", "--also", "ts,flv", "--fps", fps, "--start", "26h30m40s", "--duration", "7s",
			"--size", "160x90", "--bitrate", "300k", "--preset", "ultrafast", "--segment", "1s", "--event-every", "900ms", "--event-length", "300ms")
		truth := readLines[markers.Marker](t, filepath.Join(dir, "markers.jsonl"))
		rate, err := media.ParseFrameRate(fps)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		t.Cleanup(server.Close)
		for _, name := range []string{"stream.ts", "stream.flv", "index.m3u8", "master-fmp4.m3u8", "manifest.mpd"} {
			t.Run(fps+" "+name, func(t *testing.T) {
				t.Parallel()
				byFFmpeg(t, filepath.Join(dir, name)).checkOnsets(t, rate, truth, name == "stream.flv")
				if strings.HasPrefix(name, "stream.") || !testing.Short() {
					byGStreamer(t, server.URL+"/"+name).checkOnsets(t, rate, truth, name == "stream.flv")
				}
			})
		}
	}
}

// TestOnsetsLive kills the sound's encoder of a live stream, in the minute in which 33-bit time stamps wrap, and decodes what came out of it
// before and after.
func TestOnsetsLive(t *testing.T) {
	t.Parallel()
	dir, rtmp := t.TempDir(), freeAddr(t)
	data, flv, joined := filepath.Join(dir, "data"), filepath.Join(dir, "rtmp.flv"), filepath.Join(dir, "joined.ts")
	s := start(t, smallStream(data, "--fps", "29.97", "--audio", "--dash", "--rtmp", rtmp, "--epoch", time.Now().Add(-26*time.Hour-30*time.Minute-36*time.Second).UTC().Format(time.RFC3339))...)
	dump := exec.CommandContext(t.Context(), "rtmpdump", "-q", "-v", "-r", "rtmp://"+rtmp+"/live/main", "-o", flv)
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	s.moreSegments(3)
	killed := false
	for _, pid := range children(t, s.cmd.Process.Pid) {
		if command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(command, []byte("s16le")) {
			kill(t, pid, syscall.SIGKILL)
			killed = true
		}
	}
	s.await("the sound to be missed", limit, func() bool { return slices.Contains(s.state().reasons(), markers.ReasonEncoder) })
	s.moreSegments(4)
	if err := dump.Process.Signal(os.Interrupt); err != nil || !killed {
		t.Fatal(err, killed)
	}
	_ = dump.Wait() // it was interrupted
	st := s.state()
	s.stop()

	names, err := filepath.Glob(filepath.Join(data, "main", "hls", "seg-*.ts"))
	var stream []byte
	for _, name := range names {
		if b, failed := os.ReadFile(name); failed == nil {
			stream = append(stream, b...)
		}
	}
	if err = errors.Join(err, os.WriteFile(joined, stream, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{joined, flv} {
		byFFmpeg(t, name).checkOnsets(t, st.channel.Rate, st.markers, name == flv)
		byGStreamer(t, "file://"+name).checkOnsets(t, st.channel.Rate, st.markers, name == flv)
	}
	byFFmpeg(t, filepath.Join(data, "main", "hls", "master-fmp4.m3u8")).checkOnsets(t, st.channel.Rate, st.markers, false)
}
