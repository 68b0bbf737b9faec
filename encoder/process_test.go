package encoder

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/media"
)

// feed writes frames, from 0 on, until that fails, and returns the error and the frames that were begun.
func feed(ctx context.Context, e *Encoder, o Options) ([]int64, error) {
	for n := int64(0); ; n++ {
		if err := e.Write(ctx, n, picture(o, n)); err != nil {
			if errors.Is(err, errEnded) {
				return count(0, n), err
			}
			return count(0, n+1), err
		}
	}
}

// accounted checks that each frame has come out or is pending.
func accounted(t *testing.T, e *Encoder, o Options, units []media.Unit, given []int64) {
	t.Helper()
	pending := e.Pending()
	if len(pending) == 0 {
		t.Error("nothing is pending")
	}
	var all []int64
	for _, au := range units {
		all = append(all, au.Frame)
	}
	out := slices.Sorted(slices.Values(all))
	check(t, o, units, out)
	all = append(all, pending...)
	slices.Sort(all)
	if !slices.Equal(all, given) {
		t.Errorf("came out or pending: %d, given: %d", all, given)
	}
}

func TestFFmpegKilled(t *testing.T) {
	for _, bframes := range []int{0, 3} {
		check := noLeaks(t)
		o := testOptions()
		o.BFrames = bframes
		var pid func() int
		o.FFmpeg, pid = watched(t)
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		var units []media.Unit
		running := start(t, e, func(au media.Unit) error {
			if units = append(units, au); len(units) == 20 {
				return testunix.Send(pid(), testunix.Kill)
			}
			return nil
		})
		given, err := feed(testContext(t), e, o)
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, errEnded) {
			t.Errorf("Write: %v", err)
		}
		if err := <-running; err == nil || !strings.Contains(err.Error(), "signal: killed") {
			t.Errorf("Run: %v", err)
		}
		accounted(t, e, o, units, given)
		check(pid())
	}
}

// shortStall is waited for by tests: more than it takes ffmpeg to start on a busy machine, where it isn't stopped.
const shortStall = 3 * time.Second

// TestFFmpegHangs stops ffmpeg, which takes it out of the world without ending it.
func TestFFmpegHangs(t *testing.T) {
	for name, drain := range map[string]bool{"while it is fed": false, "while it drains": true} {
		t.Run(name, func(t *testing.T) {
			check := noLeaks(t)
			o := testOptions()
			o.Stall, o.Preset = shortStall, "veryfast"
			var pid func() int
			o.FFmpeg, pid = watched(t)
			e, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			var units []media.Unit
			running := start(t, e, func(au media.Unit) error {
				units = append(units, au)
				return nil
			})
			var given []int64
			if drain {
				for n := range int64(6) {
					if err := e.Write(testContext(t), n, picture(o, n)); err != nil {
						t.Fatal(err)
					}
				}
				given = count(0, 6)
				stop(t, pid())
				e.CloseInput()
			} else {
				stop(t, pid())
				given, err = feed(testContext(t), e, o)
				if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
			}
			if err := <-running; err == nil || !strings.Contains(err.Error(), "for 3s: it was killed") {
				t.Errorf("Run: %v", err)
			}
			accounted(t, e, o, units, given)
			check(pid())
		})
	}
}

func stop(t *testing.T, pid int) {
	t.Helper()
	if err := testunix.Send(pid, testunix.Stop); err != nil {
		t.Fatal(err)
	}
}

// TestSlowHandlerIsNoStall: it is not ffmpeg's fault when nobody takes its units.
func TestSlowHandlerIsNoStall(t *testing.T) {
	o := testOptions()
	o.Stall = shortStall
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	late := time.NewTimer(o.Stall * 4 / 3)
	first := true
	running := start(t, e, func(media.Unit) error {
		if first {
			<-late.C
		}
		first = false
		return nil
	})
	for n := range int64(200) {
		if err := e.Write(testContext(t), n, picture(o, n)); err != nil {
			t.Fatal(err)
		}
	}
	e.CloseInput()
	if err := <-running; err != nil {
		t.Error(err)
	}
}

func TestContextEnds(t *testing.T) {
	for name, hang := range map[string]bool{"ffmpeg works": false, "ffmpeg hangs": true} {
		t.Run(name, func(t *testing.T) {
			check := noLeaks(t)
			o := testOptions()
			o.Stall = 0
			var pid func() int
			o.FFmpeg, pid = watched(t)
			e, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			running := startWith(ctx, e, func(media.Unit) error {
				if hang {
					stop(t, pid())
				}
				cancel()
				return nil
			})
			if _, err := feed(testContext(t), e, o); err == nil {
				t.Error("Write works after the end")
			}
			if err := <-running; !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			check(pid())
		})
	}
}

// TestWriteObeysItsContext: also while ffmpeg does not take the frame.
func TestWriteObeysItsContext(t *testing.T) {
	check := noLeaks(t)
	o := testOptions()
	var pid func() int
	o.FFmpeg, pid = watched(t)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	if err := e.Write(ctx, 0, picture(o, 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write before Run: %v", err)
	}
	var units []media.Unit
	running := start(t, e, func(au media.Unit) error {
		units = append(units, au)
		return nil
	})
	stop(t, pid())
	ctx, cancel = context.WithTimeout(testContext(t), 2*time.Second) // the pipe is full long before
	defer cancel()
	given, err := feed(ctx, e, o)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
	if err := testunix.Send(pid(), testunix.Continue); err != nil {
		t.Fatal(err)
	}
	// The frames before the torn one are whole, and come out.
	if err := <-running; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "written in part") {
		t.Errorf("Run: %v", err)
	}
	accounted(t, e, o, units, given)
	if torn := given[len(given)-1]; !slices.Equal(e.Pending(), []int64{torn}) {
		t.Errorf("pending %d, want the torn frame %d only", e.Pending(), torn)
	}
	checkPictures(t, o, units)
	check(pid())
}

func TestHandlerFails(t *testing.T) {
	check := noLeaks(t)
	o := testOptions()
	var pid func() int
	o.FFmpeg, pid = watched(t)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	running := start(t, e, func(media.Unit) error { return full })
	if _, err := feed(testContext(t), e, o); err == nil {
		t.Error("Write works after the end")
	}
	if err := <-running; !errors.Is(err, full) || !strings.Contains(err.Error(), "frame 0") {
		t.Errorf("Run: %v", err)
	}
	check(pid())
}

// TestFFmpegIsNotFFmpeg: programs that fail at once, or do something else.
func TestFFmpegIsNotFFmpeg(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		ffmpeg string
		want   []string
	}{
		"not in PATH":    {"no-such-ffmpeg", []string{"no-such-ffmpeg", "not found", "install", "--ffmpeg"}},
		"no such file":   {filepath.Join(t.TempDir(), "ffmpeg"), []string{"not found", "install", "--ffmpeg"}},
		"not executable": {plain, []string{"can't be executed", "--ffmpeg"}},
		"fails at once": {script(t, `echo "[error] Unknown encoder" >&2; echo "really" >&2; exit 1`),
			[]string{"exit status 1", "[error] Unknown encoder | really"}},
		"fails silently": {script(t, "exit 3"), []string{"exit status 3", "no message"}},
		"ends early":     {script(t, "echo bye >&2; exit 0"), []string{"bye"}},
		"takes all, gives nothing": {script(t, "cat >/dev/null"),
			[]string{"ended without 30 of the frames", "the first of them 0"}},
		"gives something else":  {script(t, "yes hello"), []string{"no MPEG transport stream"}},
		"leaves a child behind": {script(t, "sleep 60 & exit 1"), []string{"exit status 1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			o.FFmpeg = tt.ffmpeg
			e, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			running := start(t, e, func(media.Unit) error { return nil })
			for n := range int64(30) {
				if err := e.Write(testContext(t), n, picture(o, n)); err != nil {
					break
				}
			}
			e.CloseInput()
			err = <-running
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Run: %v\nwant %q in it", err, want)
				}
			}
		})
	}
}

// TestWhatFFmpegSays: what ffmpeg itself says about them is in the error and in the log.
func TestWhatFFmpegSays(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.FFmpeg = script(t, `exec ffmpeg "$@" -no_such_option 1 out.ts`)
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	err = e.Run(testContext(t), func(media.Unit) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "Unrecognized option 'no_such_option'") {
		t.Errorf("Run: %v", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "no_such_option") {
		t.Errorf("log: %s", log.String())
	}
}

func TestCheck(t *testing.T) {
	list := `echo " V....D libx264   H.264"; echo " A....D h264_nvenc  not video"`
	version := func(v string) string {
		return script(t, `echo "`+v+`" >&2; `+list)
	}
	tests := map[string]struct {
		ffmpeg, encoder string
		version         string
		want            []string
		sound           bool
	}{
		"with sound":    {version("ffmpeg version 7.1 Copyright\n A....D aac  AAC"), X264, "7.1", nil, true},
		"without sound": {version("ffmpeg version 7.1 Copyright"), X264, "", []string{"aac", "--audio"}, true},
		"recent":        {version("ffmpeg version 7.1 Copyright"), X264, "7.1", nil, false},
		"oldest":        {version("ffmpeg version 5.1.9-0+deb12u1 Copyright"), "", "5.1.9", nil, false},
		"sources":       {version("ffmpeg version N-109542-g1bf1e4 Copyright"), X264, "N-109542-g1bf1e4", nil, false},
		"tag":           {version("ffmpeg version n6.0 Copyright"), X264, "6.0", nil, false},
		"too old":       {version("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright"), X264, "", []string{"4.4.2 is too old", "5.1", "install"}, false},
		"just too old":  {version("ffmpeg version 5.0 Copyright"), X264, "", []string{"5.0 is too old"}, false},
		"with warnings": {version("ld: no version information\nffmpeg version 7.1 Copyright"), X264, "7.1", nil, false},
		"no encoder":    {version("ffmpeg version 7.1 Copyright"), NVENC, "", []string{NVENC, "--encoder"}, false},
		"another thing": {version("avconv 9"), X264, "", []string{"avconv 9", "--ffmpeg"}, false},
		"fails":         {script(t, "echo missing library >&2; exit 127"), X264, "", []string{"127", "missing library"}, false},
		"not there":     {"no-such-ffmpeg", X264, "", []string{"not found", "apt install ffmpeg", "--ffmpeg"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := Check(testContext(t), tt.ffmpeg, tt.encoder, tt.sound)
			if v != tt.version || (err != nil) != (tt.want != nil) {
				t.Errorf("%q, %v", v, err)
			}
			for _, want := range tt.want {
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
		})
	}
	if v, err := Check(testContext(t), "", "", false); err != nil || v == "" {
		t.Errorf("the real one: %q, %v", v, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, "", "", false); !errors.Is(err, context.Canceled) {
		t.Errorf("context ended: %v", err)
	}
}
