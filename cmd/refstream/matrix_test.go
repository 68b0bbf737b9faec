package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// Every frame rate, with and without B-frames, at every place where a clock is at an edge: what ffprobe, trace_headers, a
// playlist reader, analyze and verify say equals the ledger, in HLS, MPEG-TS and FLV.
//
// There are 14 rates, 3 numbers of B-frames and 5 places. Since these have no common divisor, n counts through all 210
// combinations, and the first 8, which are the short form, hold each rate of television, each number of B-frames and each
// place, and are in MPEG-TS or FLV in turn.
func TestMatrix(t *testing.T) {
	common := media.FrameRates()
	rates := slices.Concat(common, []media.FrameRate{
		{Num: 10, Den: 1}, {Num: 25, Den: 2}, {Num: 15, Den: 1}, {Num: 48, Den: 1}, {Num: 120, Den: 1}, {Num: 120000, Den: 1001},
	})
	bframes := []string{"0", "2", "3"}
	places := []struct {
		name string
		args []string
	}{
		{"minute", []string{"--start", "59s"}},
		{"hours later", []string{"--start", "4h39m36s"}}, // RTMP and FLV: beyond 24 bits of milliseconds
		{"pts wrap", []string{"--start", "26h30m41s"}},   // 2^33 ticks less the origin are 26 h 30 min 42.7 s
		{timecodeMidnight, nil},                          // see beforeMidnight
		{"utc year", []string{"--epoch", "2026-12-31T23:59:58.5Z"}},
	}
	cases := len(rates) * len(bframes) * len(places)
	if testing.Short() {
		cases = len(common)
	}
	for n := range cases {
		rate, b, place := rates[n%len(rates)], bframes[n%len(bframes)], places[n%len(places)]
		args := append([]string{"--fps", rate.String(), "--bframes", b}, place.args...)
		name := rate.String() + " bframes=" + b + " " + place.name
		drop := rate.DropFrame() && (n+n/len(rates))%2 == 1
		if drop {
			args, name = append(args, "--drop-frame"), name+" drop-frame"
		}
		if place.name == timecodeMidnight {
			args = append(args, "--start", beforeMidnight(rate, drop).String())
		}
		also := []string{"ts", "flv"}
		if testing.Short() {
			also = also[n%2:][:1]
		}
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			bitrate := "1M"
			if rate.WideTimecode() {
				bitrate = "4M" // as much a frame as at 30 frames/s
			}
			c := makeClip(t, append(args, "--size", "160x90", "--segment", "1s", "--duration", "2s", "--also", strings.Join(also, ","),
				"--event-every", "1s", "--event-length", "300ms", "--bitrate", bitrate)...)
			c.also = also
			c.checkLedger(t)
			c.checkProbe(t)
			c.checkSEI(t)
			c.checkPlaylist(t)
			c.checkPixels(t)
			c.checkAlso(t)
			c.checkAnalyze(t)
			c.checkVerify(t)
			if first, last := c.frames[0].Timecode, c.frames[len(c.frames)-1].Timecode; place.name == timecodeMidnight && last >= first {
				t.Errorf("timecodes %s to %s don't cross midnight", first, last)
			}
			if first, last := c.frames[0].PTS, c.frames[len(c.frames)-1].PTS; place.name == "pts wrap" &&
				(first > media.PTSMask || last <= media.PTSMask) {
				t.Errorf("PTS %d to %d don't cross the wrap at %d", first, last, int64(media.PTSMask)+1)
			}
		})
	}
}

const timecodeMidnight = "timecode midnight"

// beforeMidnight is about 1 s before the end of the day that a timecode counts. Where it drops numbers, that is one of the
// clock to within 0.1 s; else it is longer, for a second of it has the rate rounded up to a whole number.
func beforeMidnight(r media.FrameRate, drop bool) time.Duration {
	if drop {
		return 24*time.Hour - time.Second
	}
	base := (r.Num + r.Den - 1) / r.Den
	return time.Duration(24*3600*base*r.Den/r.Num-1) * time.Second
}

// The frame code and the block survive a low bit rate at every size.
func TestPixelCodes(t *testing.T) {
	for size, bitrates := range map[string][]string{"320x180": {"300k", "6M"}, "640x360": {"300k", "6M"}, "1280x720": {"300k", "6M"}} {
		seconds, every, length := "4s", "2s", "500ms"
		if testing.Short() { // the most picture for the fewest bits
			if size != "1280x720" {
				continue
			}
			bitrates, seconds, every, length = bitrates[:1], "2s", "1s", "300ms"
		}
		for _, bitrate := range bitrates {
			t.Run(size+"/"+bitrate, func(t *testing.T) {
				t.Parallel()
				c := makeClip(t, "--size", size, "--bitrate", bitrate, "--duration", seconds, "--event-every", every, "--event-length", length)
				c.checkPixels(t)
			})
		}
	}
}
