// Package pixels has ffmpeg decode a stream, and reads what its pictures show: the frame code (package generator), and whether
// the block is in the colour of events.
package pixels

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

// StreamInfo is what ffprobe says of the video.
type StreamInfo struct {
	Format string `json:"format"`
	Codec  string `json:"codec"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	// TimeBase is the length of a unit of its time stamps in seconds, such as 1/90000.
	TimeBase string `json:"time_base"`

	// Num and den are those of TimeBase.
	Num, Den int64 `json:"-"`
}

// saidLines of what a program said last go into an error.
const saidLines = 8

// waitDelay is how long a program that is to end may take to do so.
const waitDelay = 2 * time.Second

// Probe asks ffprobe for the first video of a file.
func Probe(ctx context.Context, program, path string) (StreamInfo, error) {
	said := &ffmpeg.Lines{Tail: saidLines}
	cmd := ffmpeg.New(ctx, waitDelay, said, program, append(localInput(), "-v", "error", "-select_streams", "v:0",
		"-show_entries", "stream=codec_name,width,height,time_base:format=format_name", "-of", "json", "-i", path)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.MaxMemory = &out, ffmpeg.ReadingMemory
	if err := cmd.Run(); err != nil {
		return StreamInfo{}, fmt.Errorf("probe stream: %w%s", cmp.Or(ctx.Err(), err), said.Addition())
	}
	var answer struct {
		Streams []struct {
			Codec         string `json:"codec_name"`
			Width, Height int
			TimeBase      string `json:"time_base"`
		}
		Format struct {
			Name string `json:"format_name"`
		}
	}
	if len(bytes.TrimSpace(out.Bytes())) == 0 {
		return StreamInfo{}, fmt.Errorf("probe stream: %s printed nothing: is it ffprobe?", cmd.Path)
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return StreamInfo{}, fmt.Errorf("probe stream: %w", err)
	}
	if len(answer.Streams) == 0 {
		return StreamInfo{}, errors.New("probe stream: there is no video in it")
	}
	s := answer.Streams[0]
	info := StreamInfo{Format: answer.Format.Name, Codec: s.Codec, Width: s.Width, Height: s.Height, TimeBase: s.TimeBase}
	a, b, _ := strings.Cut(s.TimeBase, "/")
	var err1, err2 error
	info.Num, err1 = strconv.ParseInt(a, 10, 32)
	info.Den, err2 = strconv.ParseInt(b, 10, 32)
	if err1 != nil || err2 != nil || info.Num < 1 || info.Den < 1 {
		return StreamInfo{}, fmt.Errorf("probe stream: time base %q is not a fraction", s.TimeBase)
	}
	return info, nil
}

// localInput are the options that keep ffmpeg from following a playlist to other machines, from decoding pictures larger than
// 7680x4320, of which a few fill the memory, and from any allocation above the 128 MiB of such a picture.
func localInput() []string {
	return []string{"-protocol_whitelist", "file,crypto,data", "-max_pixels", "33177600", "-max_alloc", "134217728"}
}

// LocalFile is the path of a file that a URL or path names, if it does.
func LocalFile(url string) (string, bool) {
	path := strings.TrimPrefix(url, "file://")
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

// Modulus is after how many ticks time stamps begin again, 0 for never.
func (i StreamInfo) Modulus() int64 {
	switch i.Format {
	case "mpegts", "hls":
		return media.PTSMask + 1
	case "flv":
		return 90 << 32 // 32 bits of milliseconds
	}
	return 0
}

// Resolution is how far a time stamp may be from what it was rounded from, in nanoseconds, rounded up.
func (i StreamInfo) Resolution() int64 {
	const second = int64(time.Second)
	half := (second*i.Num/i.Den + 1) / 2
	if tick := second / media.TicksPerSecond; 2*half > tick+1 {
		// The stamps of the source were whole ticks already.
		half += tick
	}
	return half + 1
}

// CopyToTS has ffmpeg copy the first video of a file into a transport stream in a folder, and returns its path.
func CopyToTS(ctx context.Context, program, path, dir string) (string, error) {
	from, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("copy stream: %w", err)
	}
	to := filepath.Join(dir, "copied.ts")
	args := append([]string{"-nostdin", "-v", "error", "-copyts"}, localInput()...)
	args = append(args, "-i", from, "-map", "0:v:0", "-c", "copy", "-y", "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", to)
	said := &ffmpeg.Lines{Tail: saidLines}
	cmd := ffmpeg.New(ctx, waitDelay, said, program, args...)
	cmd.MaxMemory = ffmpeg.ReadingMemory
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("copy stream: %w%s", err, said.Addition())
	}
	return to, nil
}
