package scenes

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// TestScanPictures has pictures that change all the time, and cuts among them.
func TestScanPictures(t *testing.T) {
	x264 := []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast"}
	for name, c := range map[string]struct {
		filter string
		want   []int    // pictures after the first, at 25 a second
		args   []string // of the encoder, where not x264
		long   bool     // not with -short
	}{
		"test pattern":     {"testsrc2=s=640x360:r=25:d=6", nil, nil, true},
		"zoom":             {"mandelbrot=s=640x360:r=25,trim=duration=6", nil, nil, true},
		"pan":              {"mandelbrot=s=1280x720:r=25:start_scale=0.5,trim=duration=4,crop=640:360:x=n*3:y=n", nil, nil, true},
		"fades":            {"testsrc2=s=640x360:r=25:d=6,fade=in:0:40,fade=out:100:40", nil, nil, false},
		"noise on a film":  {"testsrc2=s=640x360:r=25:d=4,noise=alls=20:allf=t", nil, nil, true},
		"game of life":     {"life=s=320x180:mold=10:r=25:ratio=0.1:death_color=#C83232:life_color=#00ff00,trim=start=0.2:duration=4,setpts=PTS-STARTPTS", nil, nil, false},
		"gradients":        {"gradients=s=640x360:r=25:d=4", nil, nil, true},
		"cuts":             {"smptebars=s=640x360:r=25:d=1[a];testsrc2=s=640x360:r=25:d=1[b];color=red:s=640x360:r=25:d=1[c];color=black:s=640x360:r=25:d=1[d];[a][b][c][d]concat=n=4", []int{25, 50, 75}, nil, true},
		"cut in grey":      {"testsrc=s=640x360:r=25:d=2,hue=s=0[a];smptebars=s=640x360:r=25:d=2,hue=s=0[b];[a][b]concat=n=2", []int{50}, nil, true},
		"other side of it": {"smptehdbars=s=640x360:r=25:d=4,hue=s=0,hflip=enable='gte(n,50)'", []int{50}, nil, false},
		"quick cuts":       {"color=red:s=320x180:r=25:d=0.2[a];testsrc2=s=320x180:r=25:d=0.2[b];color=blue:s=320x180:r=25:d=2[c];[a][b][c]concat=n=3", []int{5, 10}, nil, false},
		"one picture":      {"testsrc2=s=640x360:r=25:d=4,drawbox=c=green:t=fill:enable='eq(n,60)'", []int{60, 61}, nil, false},
		"few pictures":     {"color=gray:s=320x180:r=25,fps=1,drawbox=x=20:y=20:w=40:h=40:c=cyan:t=fill:enable='between(n,8,11)',trim=duration=20", []int{8, 12}, nil, false},
		"fade and dissolve": {"testsrc=s=320x180:r=25:d=4,format=yuv420p,setsar=1,fade=out:st=3:d=1[a];testsrc2=s=320x180:r=25:d=5,format=yuv420p,setsar=1," +
			"fade=in:st=0:d=1[b];[a][b]concat=n=2:v=1,settb=1/25,fps=25[ab];smptebars=s=320x180:r=25:d=4,format=yuv420p,setsar=1,settb=1/25,fps=25[c];" +
			"[ab][c]xfade=transition=fade:duration=1:offset=8", []int{136, 233}, nil, false},
		"small block turns": {"testsrc2=s=640x360:r=25:d=4,hue=s=0,drawbox=x=80:y=80:w=44:h=44:c=cyan:t=fill:enable='between(n,40,69)'", []int{40, 70}, nil, false},
		"slow pan":          {"mandelbrot=s=1920x1080:r=1:start_scale=0.5,trim=end_frame=1,loop=-1:1:0,settb=1/25,setpts=N,fps=25,trim=end_frame=60,crop=640:360:x='(iw-640)*(0.5+0.5*sin((n+380)*0.024))':y='(ih-360)*(n+380)/750'", nil, []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50"}, true},
		"interlaced":        {"testsrc2=s=720x576:r=50:d=5,interlace", nil, []string{"-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "2M"}, true},
		"full range":        {"testsrc2=s=320x180:r=25:d=4", nil, []string{"-pix_fmt", "yuvj420p", "-c:v", "libx264"}, true},
		"starved":           {"testsrc2=s=640x360:r=25:d=5", nil, []string{"-c:v", "mpeg2video", "-b:v", "150k", "-maxrate", "150k", "-bufsize", "300k", "-g", "25"}, true},
		"cut to movement":   {"color=gray:s=640x360:r=25:d=2,format=yuv420p[a];life=s=640x360:r=25:mold=10:ratio=0.3:seed=3:death_color=#C83232:life_color=#00ff00,trim=duration=2,format=yuv420p[b];[a][b]concat=n=2", []int{50}, nil, true},
	} {
		if c.long && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScanSession(t)
			args := c.args
			if args == nil {
				args = x264
			}
			if testing.Short() && c.want == nil { // nothing happens in them, so that less of them will do
				args = append(slices.Clone(args), "-t", "2")
			}
			s.append(ffmpegTS(t, append([]string{"-filter_complex", c.filter}, args...)...))
			rate := int64(25)
			if name == "few pictures" {
				rate = 1
			}
			var got []int
			list := s.scan()
			for _, f := range list[1:] {
				got = append(got, int((f.PTS-list[0].PTS)*rate/media.TicksPerSecond))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("pictures %d, want %d: %+v", got, c.want, list)
			}
			s.silent()
		})
	}
}

// TestScanRates has events that follow one another ever faster: each start and end is found, and nothing else. Those of
// the first half second are left out, where there is nothing to compare with yet.
func TestScanRates(t *testing.T) {
	all := []struct{ every, length, frames int64 }{{8, 3, 30}, {10, 2, 25}, {24, 6, 60}, {60, 3, 30}, {21, 3, 30}, {12, 6, 30}}
	if testing.Short() {
		all = all[1:3]
	}
	for _, c := range all {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			o := ourOptions(320, 180, media.FrameRate{Num: c.frames, Den: 1})
			o.every, o.length = c.every, c.length
			s := newScanSession(t)
			s.append(ourStream(t, o, 0, 240, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b:v", "300k"))
			late := func(n int64) bool { return n < c.frames/2 }
			got, want := slices.DeleteFunc(numbers(s.scan()), late), slices.DeleteFunc(changes(t, o, 0, 240), late)
			if !slices.Equal(got, want) || len(want) < 240/int(c.every) {
				t.Errorf("frames %d, want %d", got, want)
			}
			s.silent()
		})
	}
}

// TestScanInterval has pictures that don't change: there is one for each interval, no more.
func TestScanInterval(t *testing.T) {
	t.Parallel()
	s := newScanSession(t)
	s.o.MaxInterval = 1500 * time.Millisecond
	s.append(ffmpegTS(t, "-f", "lavfi", "-i", "color=gray:s=320x180:r=24000/1001:d=10", "-c:v", "libx264"))
	list := s.scan()
	var got []string
	for _, f := range list {
		got = append(got, fmt.Sprint((f.PTS-list[0].PTS)/3753, " ", f.Reason))
	}
	// 1.5 s are 35.96 pictures.
	want := []string{"0 first", "36 interval", "72 interval", "108 interval", "144 interval", "180 interval", "216 interval"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestScanShortScenes has flashes, of which no frame is wanted.
func TestScanShortScenes(t *testing.T) {
	t.Parallel()
	s := newScanSession(t)
	s.o.MinScene = 400 * time.Millisecond
	s.append(ffmpegTS(t, "-filter_complex", "testsrc=s=320x180:r=25:d=3[a];smptebars=s=320x180:r=25:d=3[b];[a][b]concat=n=2,"+
		"drawbox=c=white:t=fill:enable='eq(n,50)+eq(n,110)+eq(n,112)'", "-pix_fmt", "yuv420p", "-c:v", "libx264"))
	list := s.scan()
	var got []int64
	for _, f := range list {
		got = append(got, (f.PTS-list[0].PTS)/3600)
	}
	// What stands after a flash is a scene again; the cut is at 75.
	if want := []int64{0, 61, 85, 122}; !slices.Equal(got, want) {
		t.Errorf("pictures %d, want %d", got, want)
	}
}

// flat is a picture of one colour.
func flat(pts int64, y, u, v byte) *picture {
	const width, height = 64, 36
	p := &picture{pts: pts, timed: true, width: width, height: height, chromaStride: width / 2,
		y: make([]byte, width*height), u: make([]byte, width*height/4), v: make([]byte, width*height/4)}
	for i := range p.y {
		p.y[i] = y
	}
	for i := range p.u {
		p.u[i], p.v[i] = u, v
	}
	return p
}

func TestScore(t *testing.T) {
	var s scorer
	at := int64(0)
	score := func(y, u, v byte) float64 {
		at += 3000
		score, _, _ := s.score(flat(at, y, u, v))
		return score
	}
	if got := score(100, 128, 128); got != 0 {
		t.Errorf("the first picture has %v", got)
	}
	for i := range 100 {
		if got := score(100+byte(i%3), 128+byte(i%2), 128); got != 0 {
			t.Errorf("picture %d has %v", i, got)
		}
	}
	if got := score(100, 200, 128); got < 0.98 {
		t.Errorf("another colour has %v", got)
	}
	if got := score(200, 200, 128); got < 0.8 {
		t.Errorf("another brightness has %v", got)
	}
	for range 60 {
		score(200, 200, 128)
	}
	for i := range 60 { // all blinks
		if got := score(200, 40+byte(i%2)*170, 128); i > 3 && got != 0 {
			t.Errorf("blinking picture %d has %v", i, got)
		}
	}
}

// TestScoreBounded has pictures without time between them, and with times that make no sense.
func TestScoreBounded(t *testing.T) {
	var s scorer
	for i := range 2000 {
		pts := int64(1) // not even one tick between them
		switch i % 3 {
		case 1:
			pts = 1 << 62
		case 2:
			pts = -1 << 62
		}
		if i < 1000 {
			pts = int64(i)
		}
		if got, _, _ := s.score(flat(pts, byte(i), byte(i/2), 3)); got < 0 || got > 1 {
			t.Fatalf("score %v", got)
		}
	}
	if len(s.window) > maxScored {
		t.Errorf("%d pictures are kept", len(s.window))
	}
}
