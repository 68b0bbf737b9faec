// Package sound has ffmpeg decode the sound of a stream, and reads what is in it: the sample codes (package generator), which name the
// number of a sample also behind another encoder, silence, and places where time stamps leave a gap or go back.
package sound

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

// ErrNone is the error where there is no sound in a file.
var ErrNone = errors.New("there is no sound in it")

// Decoding is what is decoded, and with what.
type Decoding struct {
	FFmpeg, FFprobe, Path string
	// Playlist: the file is a playlist.
	Playlist bool
	// Dir is a folder for a temporary file.
	Dir string
}

// Sound is what is in the first sound of a file. Times are in units of 1/48000 s, as in the file, not unwrapped.
type Sound struct {
	// Runs are the stretches whose samples are one after the other by their time stamps, in the order of the file.
	Runs []Run
	// Left and Right are the sample codes that can be read in the channels. A true stream has them in the left one.
	Left, Right []Code
	// Silent are the stretches in which the left channel is silent for longer than it is between a tick and a code.
	Silent []Run
}

// Run is a stretch of sound: from the time First to End, exclusive.
type Run struct{ First, End int64 }

// Code is a sample code that was read: its first sample has the number Sample, and is heard at the time At.
type Code struct{ At, Sample int64 }

const (
	// saidLines of what a program said last go into an error, and waitDelay is how long one that is to end may take.
	saidLines = 8
	waitDelay = 2 * time.Second
	// timesFile is where ffmpeg writes time stamps, in the temporary folder.
	timesFile = "sound.txt"
	// chunk is how many samples are searched at once, and overlap how many of them are searched again: more than a code has.
	chunk, overlap = 8 * media.SampleRate, media.SampleRate / 2
	// longestSilence is more than the half second between the beginnings of ticks and codes; loud is a level that noise of an
	// encoder does not have: 1/100 of a tick's.
	longestSilence, loud = media.SampleRate * 6 / 10, 160
	// jitter is how far time stamps in milliseconds may be from where the samples before end, in samples: 2 ms.
	jitter = 2 * media.SampleRate / 1000
)

// Decode has ffmpeg decode the first sound of a file. It returns ErrNone where there is none.
func Decode(ctx context.Context, d Decoding) (*Sound, error) {
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, fmt.Errorf("decode sound: %w", err)
	}
	input := pixels.FileInput(path, d.Playlist)
	said := &ffmpeg.Lines{Tail: saidLines}
	probe := ffmpeg.New(ctx, waitDelay, said, d.FFprobe,
		append([]string{"-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name", "-of", "csv"}, input...)...)
	var found bytes.Buffer
	probe.Stdout, probe.MaxMemory = &found, ffmpeg.ReadingMemory
	if err := probe.Run(); err != nil {
		return nil, fmt.Errorf("probe sound: %w%s", cmp.Or(ctx.Err(), err), said.Addition())
	}
	if !strings.Contains(found.String(), "stream,") {
		return nil, ErrNone
	}
	// Both outputs have the same samples: raw sound has no time stamps, so that they are written beside it.
	args := append(append([]string{"-nostdin", "-v", "error", "-copyts"}, input...), "-map", "0:a:0",
		"-af", fmt.Sprintf("aformat=sample_fmts=s16:sample_rates=%d:channel_layouts=stereo", media.SampleRate), "-c:a", "pcm_s16le",
		"-f", "tee", `[f=s16le]pipe\:1|[f=framecrc]`+timesFile)
	said = &ffmpeg.Lines{Tail: saidLines}
	cmd := ffmpeg.New(ctx, waitDelay, said, d.FFmpeg, args...)
	cmd.Dir, cmd.MaxMemory = d.Dir, ffmpeg.ReadingMemory
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("decode sound: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("decode sound: %w", err)
	}
	var s search
	readErr := s.read(bufio.NewReaderSize(pipe, 1<<16))
	if readErr != nil {
		cmd.Kill()
	}
	err = cmp.Or(ctx.Err(), readErr, cmd.Wait())
	// What is damaged makes ffmpeg fail at the end: the samples before it count.
	if err != nil && (s.count == 0 || ctx.Err() != nil || readErr != nil) || s.count == 0 {
		return nil, fmt.Errorf("decode sound: %w%s", cmp.Or(err, errors.New("no sample of it can be decoded")), said.Addition())
	}
	file, err := os.Open(filepath.Join(d.Dir, timesFile))
	if err != nil {
		return nil, fmt.Errorf("read times of sound: %w", err)
	}
	defer file.Close()
	pieces, err := readTimes(file)
	if err != nil {
		return nil, fmt.Errorf("read times of sound: %w", err)
	}
	return s.timed(pieces), nil
}

// found is a code by the number of decoded samples before it.
type found struct{ at, sample int64 }

// search reads decoded samples.
type search struct {
	count       int64 // of samples
	left, right []found
	silent      []Run // by numbers of samples
	lastLoud    int64 // the number after the last loud sample of the left channel
}

func (s *search) read(r io.Reader) error {
	var left, right []int16
	base := int64(0) // the number of the first of them
	look := func() {
		s.left = appendCodes(s.left, left, base)
		s.right = appendCodes(s.right, right, base)
	}
	buf := make([]byte, 1<<15)
	for {
		n, err := io.ReadFull(r, buf)
		for i := 0; i+3 < n; i += 4 {
			l := int16(binary.LittleEndian.Uint16(buf[i:]))
			if l > loud || l < -loud {
				s.endSilence()
				s.lastLoud = s.count + 1
			}
			s.count++
			left, right = append(left, l), append(right, int16(binary.LittleEndian.Uint16(buf[i+2:])))
		}
		if len(left) >= chunk {
			look()
			kept := len(left) - overlap
			base += int64(kept)
			left, right = append(left[:0], left[kept:]...), append(right[:0], right[kept:]...)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			look()
			s.endSilence()
			return nil
		case err != nil:
			return err
		}
	}
}

// endSilence ends the stretch since the last loud sample.
func (s *search) endSilence() {
	if s.count-s.lastLoud > longestSilence {
		s.silent = append(s.silent, Run{s.lastLoud, s.count})
	}
}

func appendCodes(list []found, pcm []int16, base int64) []found {
	for _, c := range generator.ReadSampleCodes(pcm) {
		if at := base + int64(c.At); len(list) == 0 || list[len(list)-1].at < at { // not one that was found before
			list = append(list, found{at, c.Sample})
		}
	}
	return list
}

// piece is samples that ffmpeg decoded at once: so many, from a time on.
type piece struct{ at, samples int64 }

// readTimes reads what ffmpeg's muxer framecrc wrote: a line of stream, DTS, PTS, duration, size and checksum for each piece.
func readTimes(r io.Reader) (list []piece, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 5 || strings.HasPrefix(fields[0], "#") {
			if base, ok := strings.CutPrefix(lines.Text(), "#tb 0: "); ok && base != "1/"+strconv.Itoa(media.SampleRate) {
				return nil, fmt.Errorf("ffmpeg counts time in %.20s s", base)
			}
			continue
		}
		pts, err1 := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		size, err2 := strconv.ParseInt(strings.TrimSpace(fields[4]), 10, 64)
		if err := cmp.Or(err1, err2); err != nil {
			return nil, fmt.Errorf("line %.80q: %w", lines.Text(), err)
		}
		list = append(list, piece{pts, size / 4})
	}
	return list, lines.Err()
}

// timed is what was found, with the times of the pieces.
func (s *search) timed(pieces []piece) *Sound {
	out := &Sound{}
	type stretch struct{ from, time, end int64 } // from and end are numbers of samples
	var runs []stretch
	number := int64(0)
	for _, p := range pieces {
		if n := len(runs); n > 0 {
			if off := p.at - (runs[n-1].time + number - runs[n-1].from); off <= jitter && off >= -jitter {
				number += p.samples
				runs[n-1].end = number
				continue
			}
		}
		runs = append(runs, stretch{number, p.at, number + p.samples})
		number += p.samples
	}
	for _, r := range runs {
		out.Runs = append(out.Runs, Run{r.time, r.time + r.end - r.from})
		for _, codes := range []struct {
			from []found
			to   *[]Code
		}{{s.left, &out.Left}, {s.right, &out.Right}} {
			for _, c := range codes.from {
				if c.at >= r.from && c.at < r.end {
					*codes.to = append(*codes.to, Code{r.time + c.at - r.from, c.sample})
				}
			}
		}
		for _, q := range s.silent {
			if first, end := max(q.First, r.from), min(q.End, r.end); end-first > longestSilence {
				out.Silent = append(out.Silent, Run{r.time + first - r.from, r.time + end - r.from})
			}
		}
	}
	return out
}
