package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// script writes an executable shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// badInput is a command line that can't be carried out.
type badInput struct {
	name, args string
	says       []string // parts of the message
}

// Wrong input ends with one line that names what is wrong and what to do, a failure code, and nothing left behind.
func TestBadInput(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	withX264 := script(t, `echo "ffmpeg version 9.9" >&2; echo " V..... libx264 H.264"`) // it starts in no time
	withoutX264 := script(t, `echo "ffmpeg version 9.9" >&2; echo " V..... mpeg4 MPEG-4"`)
	cases := []badInput{
		{"unknown command", "sevre", []string{"sevre", "did you mean serve"}},
		{"no command", "transmogrify", []string{"transmogrify", "--help"}},
		{"unknown flag", "serve --sizee 3", []string{"--sizee", "did you mean --size?"}},
		{"size", "serve --size 1280", []string{"--size", "1280x720"}},
		{"odd size", "serve --size 1281x720", []string{"1281x720", "even", "1280x720"}},
		{"tiny size", "serve --size 16x16", []string{"16x16", "160x90"}},
		{"huge size", "serve --size 99999x99999", []string{"7680x4320"}},
		{"fps", "serve --fps 241", []string{"--fps", "241", "30000/1001"}},
		{"fps of two meanings", "serve --fps 14.985", []string{"--fps", "15000/1001", "2997/200"}},
		{"segment", "serve --segment 1ms", []string{"--segment", "1ms", "2s"}},
		{"segment unit", "serve --segment 2", []string{"--segment", "duration"}},
		{"long segment", "serve --segment 3h", []string{"--segment"}},
		{"window", "serve --window -1s", []string{"--window"}},
		{"seed", "serve --seed x", []string{"--seed", "2^53-1"}},
		{"large seed", "serve --seed 9007199254740992", []string{"seed", "9007199254740991"}},
		{"epoch", "serve --epoch yesterday", []string{"--epoch", "2026-01-31T12:00:00Z"}},
		{"event every", "serve --event-every 1s", []string{"--event-every", "2s"}},
		{"event length", "serve --event-length 0s", []string{"--event-length"}},
		{"channel", "serve --channel ../x", []string{"channel", "../x"}},
		{"preset", "serve --preset warp", []string{"preset", "warp", "veryfast"}},
		{"bitrate", "serve --bitrate lots", []string{"--bitrate", "6M"}},
		{"constant bitrate", "serve --rate cbr --bitrate 1k", []string{"1000 bit/s", "use at least 96800"}},
		{"rate control", "serve --rate vbr", []string{"--rate", "vbr", "capped or cbr"}},
		{"raw pictures", "serve --raw rgb", []string{"--raw", "rgb24 or yuv420p"}},
		{"unknown scenario", "generate --out x --scenario nope", []string{"refstream: --scenario: open nope: no such file or directory: name a file, or one of"}},
		{"bframes", "serve --bframes 99", []string{"99 B-frames", "16"}},
		{"negative bframes", "serve --bframes -1", []string{"-1 B-frames"}},
		{"threads", "serve --threads -1", []string{"threads"}},
		{"encoder", "serve --encoder libx266", []string{"libx266", "--encoder"}},
		{"low latency with B-frames", "serve --low-latency --bframes 2", []string{"B-frames"}},
		{"drop frame at 30", "serve --drop-frame", []string{"drop-frame", "30000/1001"}},
		{"ladder", "serve --ladder 1280", []string{"--ladder", "1280x720@3M,640x360@800k", "standard"}},
		{"ladder of a word", "serve --ladder high", []string{"--ladder", "high", "SIZE@BITRATE", "standard"}},
		{"ladder with a comma too many", "serve --ladder 1280x720@3M,640x360@800k,", []string{"--ladder", "SIZE@BITRATE with commas between"}},
		{"ladder with two rates", "serve --ladder 1280x720@3M@2M,640x360@1M", []string{"--ladder", "3M@2M", "6M"}},
		{"ladder with no bits", "serve --ladder 1280x720@3M,640x360@0", []string{"--ladder", "640x360", "800k"}},
		{"ladder of a negative size", "serve --ladder 1280x720@3M,-640x360@1M", []string{"-640x360", "160x90"}},
		{"ladder on its side", "serve --ladder 1280x720@3M,720x1280@1M", []string{"--ladder", "720x1280 is larger than 1280x720", "largest"}},
		{"ladder of its first twice", "serve --ladder 1280x720@3M,1280x720@2M", []string{"--ladder", "1280x720", "twice"}},
		{"ladder with too few constant bits", "serve --rate cbr --ladder 1280x720@3M,640x360@90k", []string{"--ladder", "640x360@90k", "at least 96800"}},
		{"ladder without rates", "serve --ladder 1280x720@3M,640x360", []string{"--ladder", "640x360@800k"}},
		{"ladder with a wrong rate", "serve --ladder 1280x720@lots,640x360@1M", []string{"--ladder", "1280x720", "lots", "6M"}},
		{"ladder of one", "serve --ladder 1280x720@3M", []string{"--ladder", "two or more", "--size"}},
		{"ladder of an odd size", "generate --out x --ladder 1280x720@3M,641x360@800k", []string{"641x360", "640x360"}},
		{"ladder of a tiny size", "serve --ladder 1280x720@3M,80x44@800k", []string{"80x44", "160x90"}},
		{"ladder twice", "serve --ladder 1280x720@3M,640x360@800k,640x360@400k", []string{"--ladder", "640x360", "twice"}},
		{"ladder upwards", "serve --ladder 640x360@3M,1280x720@800k", []string{"--ladder", "1280x720 is larger than 640x360", "largest"}},
		{"ladder with rates upwards", "serve --ladder 1280x720@3M,640x360@500k,320x180@800k", []string{"--ladder", "320x180@800k", "higher", "640x360@500k", "fewer"}},
		{"ladder with rates upwards from the first", "serve --ladder 1280x720@1M,640x360@2M", []string{"--ladder", "640x360@2M", "higher", "1280x720@1M", "fewer"}},
		{"ladder with too few bits", "serve --ladder 1280x720@1M,640x360@100", []string{"--ladder", "640x360@100", "at least"}},
		{"ladder and size", "serve --size 640x360 --ladder standard", []string{"--ladder", "1920x1080", "--size is 640x360", "leave"}},
		{"ladder and bit rate", "serve --bitrate 4M --ladder standard", []string{"--ladder", "6000000", "--bitrate is 4M", "leave"}},
		{"ladder above the bit rate", "serve --bitrate 1M --ladder 1280x720,640x360@2M", []string{"--ladder", "640x360@2M", "1280x720@1M"}},
		{"sound without encoder", "serve --audio", []string{"aac", "leave --audio out"}},
		{"sound without encoder in a clip", "generate --out x --audio --ffmpeg " + withX264, []string{"aac", "leave --audio out"}},
		{"sound of a value", "serve --audio yes", []string{`"yes"`, "--flag=false"}},
		{"sound of a wrong value", "serve --audio=maybe", []string{"--audio", "maybe"}},
		{"sound in short segments", "generate --out x --audio --fps 240 --segment 10ms", []string{"--segment", "1024 samples", "leave --audio out"}},
		{"role", "serve --role boss", []string{"--role", "boss", "generator"}},
		{"api without redis", "serve --role api", []string{"--redis"}},
		{"redis scheme", "serve --redis http://127.0.0.1", []string{"--redis", "redis://"}},
		{"redis away", "serve --redis redis://:hunter2@127.0.0.1:1/0", []string{"--redis", "127.0.0.1:1", "start it"}},
		{"log level", "serve --log-level loud", []string{"--log-level", "info"}},
		{"port taken", "serve --addr " + taken.Addr().String(), []string{"--addr", "in use", "8081"}},
		{"address", "serve --addr nowhere", []string{"--addr", "nowhere"}},
		{"ffmpeg missing", "serve --ffmpeg /nonexistent/ffmpeg", []string{"/nonexistent/ffmpeg", "--ffmpeg"}},
		{"ffmpeg without libx264", "serve --ffmpeg " + withoutX264, []string{"libx264"}},
		{"data is a file", "serve --data " + file, []string{"--data", file}},
		{"data can't be made", "serve --data /proc/nothing", []string{"--data", "/proc/nothing"}},
		{"push to http", "serve --push http://127.0.0.1/x", []string{"--push", "tcp", "rtmp", "--relay"}},
		{"push without port", "serve --push tcp://127.0.0.1", []string{"--push", "port"}},
		{"push without stream", "serve --push rtmp://127.0.0.1/app", []string{"--push", "rtmp://"}},
		{"push password", "serve --push http://u:hunter2@127.0.0.1/x", []string{"--push"}},
		{"rtmp port taken", "serve --rtmp " + taken.Addr().String(), []string{"--rtmp", "in use"}},
		{"rtmp address", "serve --rtmp nowhere", []string{"--rtmp", "nowhere"}},
		{"listen-ts port taken", "serve --listen-ts " + taken.Addr().String(), []string{"--listen-ts", "in use"}},
		{"relay unknown", "serve --relay gopherz://x", []string{"--relay", "gopherz"}},
		{"container", "serve --data d --container mp4", []string{"--container", "ts, fmp4, or both"}},
		{"container twice", "generate --out d --container ts,ts", []string{"--container", "ts, fmp4, or both"}},
		{"outputs of an api", "serve --role api --redis redis://127.0.0.1:1 --rtmp 127.0.0.1:0", []string{"--rtmp", "--role api"}},
		{"also", "generate --out x --also mkv", []string{"--also", "mkv", "ts,flv"}},
		{"also twice", "generate --out x --also ts,ts", []string{"--also", "twice"}},
		{"out missing", "generate", []string{"--out"}},
		{"out not empty", "generate --out " + filepath.Dir(file), []string{"--out", "not empty"}},
		{"out is a file", "generate --out " + file, []string{"--out", file}},
		{"out can't be made", "generate --out /proc/nothing/x", []string{"--out"}},
		{"duration", "generate --out x --duration 0s", []string{"--duration"}},
		{"start", "truth --start -1s", []string{"--start"}},
		{"a stretch without end", "truth --duration 2562047h", []string{"--duration"}},
		{"a start beyond the clocks", "generate --out x --start 2000000h", []string{"--start"}},
		{"frame number", "frame x", []string{`"x"`, "whole number"}},
		{"no frame number", "frame", []string{"refstream frame 600"}},
		{"frame into nowhere", "frame 1 --out /nonexistent/f.png", []string{"/nonexistent/f.png"}},
		{"health of an URL", "health --addr http://127.0.0.1:1", []string{"--addr", "127.0.0.1:8080"}},
		{"health of nothing", "health --addr 127.0.0.1:1", []string{"127.0.0.1:1"}},
	}
	for _, c := range slices.Concat(cases, badSessions(taken.Addr().String(), file)) {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			args := strings.Fields(c.args)
			if args[0] == "serve" && !strings.Contains(c.args, "--data") {
				args = append(args, "--data", filepath.Join(dir, "data"))
			}
			if args[0] == "serve" && !strings.Contains(c.args, "--ffmpeg") {
				args = append(args, "--ffmpeg", withX264)
			}
			if args[0] == "serve" && !strings.Contains(c.args, "--addr") {
				args = append(args, "--addr", "127.0.0.1:0")
			}
			t.Chdir(dir)
			stdout, stderr, code := refstream(t, args...)
			if code == 0 {
				t.Errorf("exit code 0: %s", stdout)
			}
			if n := strings.Count(strings.TrimSpace(stderr), "\n"); n != 0 {
				t.Errorf("%d lines instead of one:\n%s", n+1, stderr)
			}
			for _, part := range c.says {
				if !strings.Contains(stderr, part) {
					t.Errorf("message does not mention %q:\n%s", part, stderr)
				}
			}
			if strings.Contains(stderr, "hunter2") {
				t.Errorf("the password is in the message:\n%s", stderr)
			}
			if left := folder(t, dir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// Environment variables stand for flags, which win over them; a wrong one is named.
func TestEnvironment(t *testing.T) {
	t.Setenv("REFSTREAM_SEED", "9")
	t.Setenv("REFSTREAM_EVENT_EVERY", "5s")
	byEnv := must(t, "truth")
	byFlag := must(t, "truth", "--seed", "9", "--event-every", "5s")
	if byEnv != byFlag || byEnv == "" {
		t.Error("REFSTREAM_SEED and REFSTREAM_EVENT_EVERY don't work like --seed and --event-every")
	}
	if must(t, "truth", "--seed", "10") == byEnv {
		t.Error("--seed does not win over REFSTREAM_SEED")
	}
	t.Setenv("REFSTREAM_SEGMENT", "")
	if must(t, "truth") != byEnv {
		t.Error("an empty variable is taken for a value")
	}
	t.Setenv("REFSTREAM_SEDE", "3")
	if _, stderr, code := refstream(t, "truth"); code != 0 || !strings.Contains(stderr, "REFSTREAM_SEDE") {
		t.Errorf("a variable that stands for nothing: code %d, message %q", code, stderr)
	}
	os.Unsetenv("REFSTREAM_SEDE")
	t.Setenv("REFSTREAM_DURATION", "long")
	if _, stderr, code := refstream(t, "truth"); code == 0 || !strings.Contains(stderr, "REFSTREAM_DURATION") {
		t.Errorf("code %d, message %q", code, stderr)
	}
	// For verify 1 would mean that a stream is not true.
	if _, stderr, code := refstream(t, "verify", "x.ts"); code != 2 || !strings.Contains(stderr, "REFSTREAM_DURATION") {
		t.Errorf("verify: code %d, message %q", code, stderr)
	}
}
