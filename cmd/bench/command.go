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

// encoderCommand is the ffmpeg command that refstream runs for a picture size and more flags, found by running it: so ffmpeg alone is
// measured with the very same settings, whatever they are.
func (l *lab) encoderCommand(ctx context.Context, size string, flags ...string) (command, error) {
	tapArgs, env, log, err := l.tapped("command-" + strings.Join(append(flags, size), "-"))
	if err != nil {
		return nil, err
	}
	out := filepath.Join(l.dir, "command")
	defer os.RemoveAll(out)
	args := slices.Concat([]string{"generate", "--out", out, "--size", size, "--fps", "30", "--duration", "2s"}, flags, tapArgs)
	p, err := start(ctx, env, l.refstream, args...)
	if err != nil {
		return nil, err
	}
	if err := p.wait(); err != nil {
		return nil, err
	}
	found, _, err := readTap(log)
	if err != nil {
		return nil, err
	}
	return command(found), command(found).check()
}

// command is the arguments of an ffmpeg that reads raw pictures from a pipe and writes a transport stream into another one.
type command []string

const pipeIn, pipeOut, filters = "pipe:0", "pipe:1", "-vf"

// check reports a command that is of another form.
func (c command) check() error {
	for _, arg := range []string{"-i", pipeIn, filters, pipeOut} {
		if !slices.Contains(c, arg) {
			return fmt.Errorf("no %s in ffmpeg command %q", arg, c)
		}
	}
	return nil
}

// fromFile is the command with files in place of the pipes; options are more for the input.
func (c command) fromFile(raw, out string, options ...string) []string {
	args := slices.Concat([]string{"-y"}, options, c)
	args[slices.Index(args, pipeIn)], args[slices.Index(args, pipeOut)] = raw, out
	return args
}

// fromTestPicture is the command with ffmpeg's own test picture and a running timecode as its input.
func (c command) fromTestPicture(width, height, frames int, font, out string) []string {
	text := fmt.Sprintf("drawtext=fontfile=%s:fontsize=%d:fontcolor=white:box=1:boxcolor=black:x=(w-tw)/2:y=h-2*lh:"+
		"timecode='00\\:00\\:00\\:00':rate=30,", font, height/12)
	encoding := slices.Clone(c[slices.Index(c, pipeIn)+1:])
	vf := slices.Index(encoding, filters) + 1
	encoding[vf] = text + encoding[vf] // a command has one chain of filters: drawing comes first
	encoding[slices.Index(encoding, pipeOut)] = out
	return slices.Concat([]string{"-y", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=30", width, height),
		"-frames:v", fmt.Sprint(frames)}, encoding)
}
