package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/generator"
)

// What users rely on is in testdata/golden: pixels, the files of generate, Redis entries, answers of the API, metrics,
// flags and exit codes. It changes only by addition: nothing that is there may change or go, but something may come in
// between. TestGolden compares, and its messages tell an addition, which -update writes, from a break, which it refuses.
var (
	update     = flag.Bool("update", false, "write what was added to the golden files")
	breakUsers = flag.Bool("break-users", false, "with -update: write the golden files even where users lose something they rely on")
)

// TestGolden makes everything that users rely on and compares it with testdata/golden.
func TestGolden(t *testing.T) {
	t.Run("truth", func(t *testing.T) {
		// The schedule of a seed: people keep its markers in their own tests.
		golden(t, "truth-seed1.jsonl", inProcess(t, "truth", "--seed", "1", "--duration", "5m", "--fps", "30000/1001"))
	})
	t.Run("pixels", goldenPixels)
	t.Run("generate", goldenGenerate)
	t.Run("redis", goldenRedis)
	t.Run("api", goldenAPI)
	t.Run("serve", goldenServe)
	t.Run("commands", goldenCommands)
}

// goldenFile is the path of a golden file.
func goldenFile(name string) string { return filepath.Join("..", "..", "testdata", "golden", name) }

// golden compares got with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	old, err := os.ReadFile(goldenFile(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	want := string(old)
	if got == want && err == nil {
		return
	}
	added := isAddition(want, got)
	switch {
	case *update && (added || *breakUsers):
		err := os.MkdirAll(filepath.Dir(goldenFile(name)), 0o755)
		if err = errors.Join(err, os.WriteFile(goldenFile(name), []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	case added:
		t.Errorf("testdata/golden/%s: an addition: run go test ./cmd/refstream -run TestGolden -update, and commit the file:\n%s",
			name, differences(want, got))
	default:
		t.Errorf("testdata/golden/%s: this takes from users what they rely on (-), so the program must change, not the file; "+
			"where the break is meant, -update -break-users writes it:\n%s", name, differences(want, got))
	}
}

// isAddition says whether every line of want is still in got, in the same order, each with all of its pieces.
func isAddition(want, got string) bool {
	rest := strings.SplitAfter(got, "\n")
	for line := range strings.SplitAfterSeq(want, "\n") {
		i := slices.IndexFunc(rest, func(l string) bool { return contains(pieces(l), pieces(line)) })
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// pieces splits a line into what a JSON object, a list of attributes or a set of labels can grow by.
func pieces(line string) []string {
	return regexp.MustCompile(`[,{}\[\]]|[^,{}\[\]]+`).FindAllString(line, -1)
}

// contains says whether all of part are in whole, in the same order.
func contains(whole, part []string) bool {
	for _, p := range part {
		i := slices.Index(whole, p)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

// differences lists the first lines that only one of both has, those of want with a minus.
func differences(want, got string) string {
	const most = 6
	before, now := strings.Split(want, "\n"), strings.Split(got, "\n")
	only := func(in, other []string) (list []string) {
		count := map[string]int{}
		for _, l := range other {
			count[l]++
		}
		for _, l := range in {
			if count[l]--; count[l] < 0 {
				list = append(list, l)
			}
		}
		return list
	}
	gone, come := only(before, now), only(now, before)
	if len(gone)+len(come) == 0 {
		for i := range before {
			if before[i] != now[i] {
				return fmt.Sprintf("the same lines in another order, from line %d on: %s", i+1, now[i])
			}
		}
	}
	var b strings.Builder
	for _, l := range gone[:min(most, len(gone))] {
		fmt.Fprintln(&b, "-", l)
	}
	for _, l := range come[:min(most, len(come))] {
		fmt.Fprintln(&b, "+", l)
	}
	if len(gone) > most || len(come) > most {
		fmt.Fprintf(&b, "and so on: %d lines gone or changed, %d new\n", len(gone), len(come))
	}
	return b.String()
}

// TestAddition tells additions from breaks.
func TestAddition(t *testing.T) {
	for _, c := range []struct {
		name, want, got string
		addition        bool
	}{
		{"nothing", "", "a\n", true},
		{"line in between", "a\nb\n", "a\nx\nb\n", true},
		{"line gone", "a\nb\nc\n", "a\nc\n", false},
		{"lines in another order", "a\nb\n", "b\na\n", false},
		{"member in between", "{\"a\":1,\"b\":{}}\n", "{\"a\":1,\"x\":[2],\"b\":{\"y\":3}}\n", true},
		{"member at the end", "{\"a\":1}\n", "{\"a\":1,\"x\":2}\n", true},
		{"member gone", "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n", "{\"b\":2}\n{\"a\":3,\"b\":4}\n", false},
		{"member renamed", "{\"a\":1,\"b\":2}\n", "{\"a\":1,\"c\":2}\n", false},
		{"members in another order", "{\"a\":1,\"b\":2}\n", "{\"b\":2,\"a\":1}\n", false},
		{"member moved", "{\"a\":{\"b\":1,\"c\":2}}\n", "{\"a\":{\"b\":1},\"c\":2}\n", false},
		{"number", "{\"a\":1}\n", "{\"a\":1.0}\n", false},
		{"value", "--addr 127.0.0.1:8080\n", "--addr 127.0.0.1:8081\n", false},
		{"label", "m{a=\"1\"}\n", "m{a=\"1\",b=\"2\"}\n", true},
		{"end of the last line", "a\n", "a", false},
	} {
		if got := isAddition(c.want, c.got); got != c.addition {
			t.Errorf("%s: %v", c.name, got)
		}
		if text := differences(c.want, c.got); text == "" {
			t.Errorf("%s: no differences", c.name)
		}
	}
}

// inProcess runs a command line in this process and returns what it prints.
func inProcess(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if err := run(t.Context(), args, &out, &errs); err != nil {
		t.Fatalf("refstream %q: %v: %s", args, err, errs.String())
	}
	return out.String()
}

// goldenPixels hashes the pixels of pictures as raw RGB24, with what their frame codes say.
func goldenPixels(t *testing.T) {
	ntsc := "--fps 29.97 --drop-frame"
	var b strings.Builder
	for _, args := range []string{
		"0",
		"51202 --size 320x180 " + ntsc, // the last one before an event
		"51203 " + ntsc,                // its first one; the block leaves on the left and comes in on the right
		"51262 --size 320x180 " + ntsc, // its last one
		"51263 --size 320x180 " + ntsc,
		"107892 --size 640x360 " + ntsc, // 01:00:00;00
		"1966 --size 160x90 --fps 59.94 --drop-frame --seed 42 --epoch 2026-12-31T23:59:30Z", // an event, in the new year
		"100 --size 270x480 --fps 25 --channel a-channel_with_a_long_name-01234",             // an event
		"7200 --size 1920x1080 --fps 60",
		"17592186044415 --size 160x90", // the last frame that there can be
	} {
		img, err := png.Decode(strings.NewReader(inProcess(t, append([]string{"frame"}, strings.Fields(args)...)...)))
		if err != nil {
			t.Fatalf("frame %s: %v", args, err)
		}
		rgba, ok := img.(*image.RGBA)
		if !ok {
			t.Fatalf("frame %s: the picture is a %T, not opaque and 8-bit RGB", args, img)
		}
		w, h := rgba.Rect.Dx(), rgba.Rect.Dy()
		rgb, green := make([]byte, 0, w*h*3), make([]byte, 0, w*h)
		cyan := 0
		for p := range slices.Chunk(rgba.Pix, 4) {
			rgb, green = append(rgb, p[:3]...), append(green, p[1])
			if p[0] == 0 && p[1] == 0xFF && p[2] == 0xFF {
				cyan++
			}
		}
		n, ok := generator.ReadFrameCode(green, w, w, h)
		fmt.Fprintf(&b, "frame %s: %dx%d, frame code %d %t, %d pixels of an event, sha256 %x\n", args, w, h, n, ok, cyan, sha256.Sum256(rgb))
	}
	golden(t, "pixels.txt", b.String())
}

// goldenGenerate compares the files of generate: 2 s over midnight and the minute in which timecode skips, with an event.
func goldenGenerate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clip")
	inProcess(t, "generate", "--out", dir, "--seed", "42", "--epoch", "2026-12-31T23:59:00Z", "--fps", "29.97", "--drop-frame",
		"--size", "160x90", "--start", "59s", "--duration", "2s", "--segment", "1s", "--event-every", "2s", "--event-length", "500ms",
		"--bframes", "3", "--threads", "1", "--also", "ts,flv")
	files := folder(t, dir)
	golden(t, "generate/files.txt", strings.Join(slices.Sorted(maps.Keys(files)), "\n")+"\n")
	for name, masks := range map[string][]mask{
		"markers.jsonl": nil,
		"index.m3u8":    nil,
		"frames.jsonl": {
			{`"bytes":[1-9][0-9]*`, `"bytes":0`}, // sizes of access units
			// Where B-frames are coded the encoder chooses. A key frame's DTS depends on the delay only.
			{`"dts":[0-9]+(,.*"key":false)`, `"dts":0$1`},
		},
		"master.m3u8": {{`BANDWIDTH=[1-9][0-9]*`, `BANDWIDTH=0`}}, // and AVERAGE-BANDWIDTH: sizes of segments
		"truth.json":  {{`"(refstream|ffmpeg|go)": "[^"]+"`, `"$1": "0"`}},
	} {
		golden(t, "generate/"+name, applied(masks, string(files[name])))
	}
}

// mask replaces what differs between builds of the encoder, or from run to run, by something that does not.
type mask struct{ pattern, by string }

func applied(masks []mask, text string) string {
	for _, m := range masks {
		text = regexp.MustCompile(m.pattern).ReplaceAllString(text, m.by)
	}
	return text
}

// goldenCommands lists every command's arguments and flags, with their defaults and variables, and exit codes. Those of
// verify and gaps that need a stream are in their own tests.
func goldenCommands(t *testing.T) {
	var b strings.Builder
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		fmt.Fprintf(&b, "%s\n", cmd.UseLine())
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			short := ""
			if f.Shorthand != "" {
				short = ", -" + f.Shorthand
			}
			fmt.Fprintf(&b, "%s --%s%s: %s, default %q, without a value %q, %s\n", cmd.CommandPath(), f.Name, short, f.Value.Type(),
				f.DefValue, f.NoOptDefVal, envName(f.Name))
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(io.Discard, io.Discard))

	detections := filepath.Join(t.TempDir(), "detections.json")
	if err := os.WriteFile(detections, []byte("[59.86]"), 0o644); err != nil {
		t.Fatal(err)
	}
	clip := goldenFile("generate") // without its segments
	for _, args := range [][]string{
		{"truth"}, {"truth", "--no-such-flag"}, {"no-such-command"}, {"generate"}, {"serve", "--role", "none"},
		{"score", detections, "--truth", clip, "--min-recall", "1"},
		{"score", detections, "--truth", clip, "--min-recall", "1", "--offset", "10"},
		{"score", detections, "--truth", "none"}, {"score", "--no-such-flag"},
		{"verify", detections, "--truth", "none"}, {"verify", "--no-such-flag"},
		{"gaps", "none"}, {"gaps", "--no-such-flag"},
		{"analyze", filepath.Join(clip, "none.ts")},
	} {
		code := exitCode(run(t.Context(), args, io.Discard, io.Discard))
		line := strings.NewReplacer(detections, "detections.json", clip, "clip").Replace(strings.Join(args, " "))
		fmt.Fprintf(&b, "refstream %s: exit code %d\n", line, code)
	}
	golden(t, "commands.txt", b.String())
}
