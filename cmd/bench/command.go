package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tapped makes what a refstream has to be started with for its ffmpeg to be tapped: flags, environment, and the log's
// name.
func (l *lab) tapped(name string) (args, env []string, log string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, "", fmt.Errorf("find this program: %w", err)
	}
	log = filepath.Join(l.memory, name+".tap")
	return []string{"--ffmpeg", self}, []string{tapLog + "=" + log, tapFFmpeg + "=" + l.ffmpeg}, log, nil
}

// readTap reads a tap's log: the arguments of the process that encoded, and its pictures.
func readTap(name string) (args []string, pictures []tapLine, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("open tap's log: %w", err)
	}
	defer f.Close()
	var current []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		var line tapLine
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			return nil, nil, fmt.Errorf("read tap's log: %w", err)
		}
		if line.Args != nil {
			current = line.Args
			continue
		}
		if len(pictures) == 0 {
			args = current
		} else if !slices.Equal(args, current) {
			return nil, nil, fmt.Errorf("read tap's log: the encoder was started more than once")
		}
		pictures = append(pictures, line)
	}
	if err := s.Err(); err != nil {
		return nil, nil, fmt.Errorf("read tap's log: %w", err)
	}
	if len(pictures) == 0 {
		return nil, nil, fmt.Errorf("the tap saw no picture")
	}
	return args, pictures, nil
}

// encoderCommand is the ffmpeg command that refstream runs for a picture size and more flags, found out by running it:
// so ffmpeg alone is measured with the very same settings, whatever they are.
func (l *lab) encoderCommand(ctx context.Context, size string) (command, error) {
	tapArgs, env, log, err := l.tapped("command-" + size)
	if err != nil {
		return command{}, err
	}
	out := filepath.Join(l.dir, "command")
	defer os.RemoveAll(out)
	args := append([]string{"generate", "--out", out, "--size", size, "--fps", "30", "--duration", "2s"}, tapArgs...)
	p, err := start(ctx, env, l.refstream, args...)
	if err != nil {
		return command{}, err
	}
	if err := p.wait(); err != nil {
		return command{}, err
	}
	found, _, err := readTap(log)
	if err != nil {
		return command{}, err
	}
	return parseCommand(found)
}

// command is an ffmpeg command line that reads raw pictures from one input and writes one output.
type command struct {
	// input are the options of the input, up to and with -i and its name; output are those of the output: filters and
	// encoder, and what is meant for the whole program.
	input, output []string
}

// parseCommand takes the arguments apart: everything up to the input's name, the output's options without format and
// options of the muxer, and the output's name, which is dropped.
func parseCommand(args []string) (command, error) {
	i := slices.Index(args, "-i")
	if i < 0 || i+2 >= len(args) {
		return command{}, fmt.Errorf("no input and output in ffmpeg command %q", args)
	}
	c := command{input: slices.Clone(args[:i+2])}
	rest := args[i+2:]
	for k := 0; k < len(rest); {
		a := rest[k]
		switch {
		case muxerOption(a) && k+1 < len(rest):
			k += 2
		case strings.HasPrefix(a, "-") && k+1 < len(rest) && value(rest[k+1]):
			c.output = append(c.output, a, rest[k+1])
			k += 2
		case outputName(a):
			k++
		default:
			c.output = append(c.output, a)
			k++
		}
	}
	return c, nil
}

// muxerOption says whether an option, which has a value, is for the format that is written to the pipe.
func muxerOption(a string) bool {
	switch a {
	case "-f", "-muxdelay", "-muxpreload", "-flush_packets", "-output_ts_offset", "-max_delay", "-avoid_negative_ts",
		"-pat_period", "-pcr_period", "-sdt_period", "-omit_video_pes_length", "-pes_payload_size", "-muxrate", "-streamid":
		return true
	}
	return strings.HasPrefix(a, "-mpegts_") || strings.HasPrefix(a, "-fflags")
}

func outputName(a string) bool { return a == "-" || strings.HasPrefix(a, "pipe:") }

// value says whether an argument is the value of the option before it: not the next option, nor the output's name.
func value(a string) bool {
	negative := len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9'
	return (negative || !strings.HasPrefix(a, "-")) && !outputName(a)
}

// hls writes the output of the command as HLS files, as refstream cuts them: 2 s, all of them kept.
func hls(dir string) []string {
	return []string{
		"-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
		"-hls_segment_filename", filepath.Join(dir, "seg-%d.ts"), filepath.Join(dir, "index.m3u8"),
	}
}

// fromFile is the command with a file of raw pictures as its input; inputOptions are more options for it.
func (c command) fromFile(name string, inputOptions []string, output ...string) []string {
	args := slices.Clone(c.input[:len(c.input)-2])
	args = append(args, inputOptions...)
	args = append(args, "-i", name)
	return slices.Concat(args, c.output, output)
}

// fromTestPicture is the command with ffmpeg's own test picture and a running timecode as its input.
func (c command) fromTestPicture(width, height, frames int, font string, output ...string) []string {
	text := fmt.Sprintf("drawtext=fontfile=%s:fontsize=%d:fontcolor=white:box=1:boxcolor=black:x=(w-tw)/2:y=h-2*lh:"+
		"timecode='00\\:00\\:00\\:00':rate=30", font, height/12)
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=30", width, height)}
	out := slices.Clone(c.output)
	// A command has one chain of filters: drawing comes first.
	filtered := false
	for i := 0; i+1 < len(out); i++ {
		if out[i] == "-vf" || out[i] == "-filter:v" {
			out[i+1] = text + "," + out[i+1]
			filtered = true
		}
	}
	if !filtered {
		out = append(out, "-vf", text)
	}
	return slices.Concat(args, out, []string{"-frames:v", fmt.Sprint(frames)}, output)
}
