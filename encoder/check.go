package encoder

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/refstream/refstream/internal/ffmpeg"
)

// The oldest ffmpeg with -fps_mode.
const (
	minMajor = 5
	minMinor = 1
)

// Check looks whether ffmpeg can be run, is recent enough and has the encoder, and that of sound where it is needed, and returns its
// version, as "5.1.9". Empty names mean the defaults of Options. Errors have a hint. It does not check that h264_nvenc finds a GPU.
func Check(ctx context.Context, program, encoder string, sound bool) (version string, err error) {
	o := Options{FFmpeg: program, Encoder: encoder}.withDefaults()
	// One start answers both: loading ffmpeg's libraries takes a good part of a short run. The version is on its standard error.
	about, err := output(ctx, o.FFmpeg, "-encoders")
	if err != nil {
		return "", err
	}
	version, err = parseVersion(about)
	if err != nil {
		return "", fmt.Errorf("check ffmpeg %q: %w", o.FFmpeg, err)
	}
	if sound && !hasEncoder(about, "A", soundEncoder) {
		return "", fmt.Errorf("check ffmpeg %q: version %s was built without the encoder %s: install one that has it, or leave --audio out",
			o.FFmpeg, version, soundEncoder)
	}
	if !hasEncoder(about, "V", o.Encoder) {
		return "", fmt.Errorf("check ffmpeg %q: version %s was built without the encoder %s: install one that has it "+
			"(\"ffmpeg -encoders\" lists them) or choose another with --encoder", o.FFmpeg, version, o.Encoder)
	}
	return version, nil
}

// output returns what a program prints on both its outputs.
func output(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = stopDelay
	out, err := cmd.CombinedOutput()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && ctx.Err() == nil {
			return "", fmt.Errorf("run %s %s: %w: %s", program, strings.Join(args, " "), err, lastLines(string(out)))
		}
		return "", ffmpeg.StartError(program, err)
	}
	return string(out), nil
}

// parseVersion reads ffmpeg's banner: "ffmpeg version 5.1.9-0+deb12u1 Copyright ...", which a warning of the system's loader
// may precede. Versions that are not numbers ("N-109542-g...", "git-2023-...") are builds of the sources, taken to be recent.
func parseVersion(out string) (string, error) {
	_, rest, ok := strings.Cut("\n"+out, "\nffmpeg version ")
	if !ok {
		line, _, _ := strings.Cut(out, "\n")
		return "", fmt.Errorf("it does not say that it is ffmpeg, but %q: give the right path with --ffmpeg", line)
	}
	name, _, _ := strings.Cut(rest, " ")
	number := strings.TrimPrefix(name, "n") // as tags of the sources are called
	if i := strings.IndexFunc(number, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		number = number[:i]
	}
	parts := strings.SplitN(number, ".", 3)
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return name, nil
	}
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	if major < minMajor || major == minMajor && minor < minMinor {
		return "", fmt.Errorf("version %s is too old: %d.%d or later is needed: %s", number, minMajor, minMinor, ffmpeg.InstallHint)
	}
	return number, nil
}

// hasEncoder looks for an encoder of a kind in the list of ffmpeg -encoders, whose lines are " V....D libx264  description".
func hasEncoder(list, kind, name string) bool {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) >= 2 && f[1] == name && strings.HasPrefix(f[0], kind) {
			return true
		}
	}
	return false
}
